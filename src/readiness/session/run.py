"""A run: opened once, carried through gate and pytest, closed once.

Opening validates everything that people wrote, takes the environment's lease and number, and puts
environment, policy and plan into the record before anything is touched.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn, Protocol

from pydantic import ValidationError

from readiness.attesting.body import pins_of
from readiness.attesting.folder import gather, gather_waivers, write_waivers
from readiness.attesting.folder import write as write_attested
from readiness.catalogue.checks import Check, catalogue_digest, load_catalogue
from readiness.catalogue.clauses import clause_ids
from readiness.catalogue.own import Own, load_own
from readiness.evidence.lease import Lease, clear_halt
from readiness.evidence.record import FILE_NAME, SCHEMA, RecordWriter, now, read_record
from readiness.evidence.redact import Described, Redactor
from readiness.evidence.state import GATE, RunLog, state_directory
from readiness.evidence.undo import UndoJournal
from readiness.model.errors import StateError, UsageError
from readiness.model.once import Once
from readiness.model.printable import printable
from readiness.model.words import Case, Permission, Tier
from readiness.session.plan import Plan, make_plan
from readiness.site import experiments
from readiness.site.documents import load_environment, load_policy, validate_policy
from readiness.site.environment import Environment
from readiness.site.journey_files import own_journeys
from readiness.site.policy import Policy
from readiness.site.references import references, unusable
from readiness.site.written import Written, place_of
from readiness.site.yaml_file import KeyPath, read_yaml, written
from readiness.systems.access.documents import refuse_unreadable


@dataclass(frozen=True)
class RunRequest:
    """What was asked for."""

    environment_file: Path
    policy_file: Path | None = None
    tier: Tier = Tier.OBSERVE
    only: tuple[str, ...] = ()
    reports: Path = Path("reports")
    confirmed: str = ""
    purpose: str = GATE
    permissions: tuple[Permission, ...] = ()


class HeldLease(Protocol):
    """A lease on a database, renewed until it is stopped."""

    entry: str
    """Its undo."""
    lost: str
    """Why it is no longer held; empty while it is."""

    def stop(self) -> None:
        """Renew it no more."""


@dataclass
class Run:
    """An open run. `case` is the one that runs now.

    In a child of a gate `lease` is None, and `part` says which of the plan's parts it runs.
    """

    id: str
    number: int
    folder: Path
    environment_file: Path
    environment: Environment
    policy: Policy | None
    plan: Plan
    writer: RecordWriter
    state: Path
    journal: UndoJournal
    own: Own = field(default_factory=Own)
    journeys: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The site's own Locust files: what each was made of when the run was opened."""
    lease: Lease | None = None
    case: Case | None = None
    part: int | None = None
    once: Once = field(default_factory=Once)
    leases: dict[str, HeldLease] = field(default_factory=dict)
    """What this process holds, by the database's name."""
    on_disturbance: list[Callable[[], None]] = field(default_factory=list)

    def disturbed(self) -> None:
        """Something is being disturbed: what was read before is not true of what comes next."""
        for forget in self.on_disturbance:
            forget()

    @property
    def catalogue(self) -> dict[str, Check]:
        """Our checks and the site's own."""
        return {**load_catalogue(), **self.own.catalogue}


def open_run(request: RunRequest) -> Run:
    """Validate, take lease and number, and write the opening of the record.

    Raises:
        UsageError: something that a person wrote is wrong; nothing was touched.
        LeaseHeld: another run holds the environment.
    """
    environment = load_environment(request.environment_file)
    own = load_own(environment)
    policy = _policy(request.policy_file, own)
    catalogue = {**load_catalogue(), **own.catalogue}
    plan = make_plan(
        catalogue,
        environment,
        request.tier,
        request.only,
        request.permissions,
        request.purpose,
    )
    _agree(request, environment)
    pins = pins_of(environment)
    redactor = Redactor(secret_values(environment))
    attested = gather(policy, redactor) if policy else ()
    waived = gather_waivers(policy, redactor) if policy else ()
    refuse_unreadable(environment)
    _refuse_unusable(request, environment)
    if request.tier is Tier.DISRUPT:
        experiments.refuse_unusable(environment, request.environment_file)
    _refuse_hidden(environment, plan, request.environment_file)
    _make_reports(request.reports)
    state = state_directory(environment.name)
    lease = Lease(state, run="that is starting", tier=request.tier)
    lease.acquire()
    clear_halt(state)
    try:
        _nothing_owed(state, request.tier)
        log = RunLog(state)
        identity = run_name(environment.name, log.next_number())
        folder = request.reports.absolute() / identity
        number = log.open_run(
            identity, printable(environment.release) or None, request.tier, folder, request.purpose
        )
        lease.set_run(identity, number)
        folder.mkdir(mode=0o700)
        writer = RecordWriter(folder / FILE_NAME, Redactor(secret_values(environment)))
        run = Run(
            id=identity,
            number=number,
            folder=folder,
            environment_file=request.environment_file.absolute(),
            environment=environment,
            policy=policy,
            plan=plan,
            writer=writer,
            state=state,
            journal=UndoJournal(state / "undo"),
            own=own,
            journeys=own_journeys(environment) if request.tier.covers(Tier.LOAD) else {},
            lease=lease,
        )
        _write_opening(run, request, log)
        if policy and policy.attestations:
            write_attested(writer, attested, pins)
        if policy and policy.waivers:
            write_waivers(writer, waived, pins)
        log.recorded(identity)
    except BaseException:
        lease.release()
        raise
    return run


def run_name(environment: str, number: int) -> str:
    """The name of a run: an environment's runs sort by it in their order, whatever clocks say.

    The moment is for people; the end tells apart runs of one number that other machines made.
    """
    return f"{environment}-{number:06d}-{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def _described(written: Written) -> Described:
    return Described(written.model_dump(mode="json", by_alias=True))


def _refuse_hidden(environment: Environment, plan: Plan, file: Path) -> None:
    """Refuse names that the redactor would hide: two of them could not be told apart later."""
    redactor = Redactor(secret_values(environment))
    shown = redactor.text(environment.release) == printable(environment.release)
    keys = [] if shown else ["release"]
    try:
        Environment.model_validate_json(json.dumps(redactor.value(_described(environment))))
    except ValidationError as error:
        keys.append(written(place_of(error.errors(include_url=False)[0]["loc"])))
    keys += [one.check.id for one in plan.cases if redactor.text(one.case.key) != one.case.key]
    if keys:
        raise UsageError(
            "would be hidden in the record, as it looks like a secret or like personal data",
            file=str(file),
            key=keys[0],
            expected="another name",
        )


def _make_reports(folder: Path) -> None:
    """Where runs are kept is there before anything is taken."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TemporaryDirectory(dir=folder, prefix=".writable-").cleanup()
    except OSError as error:
        raise UsageError(
            f"can't hold runs ({error.strerror})",
            file=str(folder),
            key="--reports",
            expected="a folder",
        ) from error


def _policy(file: Path | None, own: Own) -> Policy | None:
    policy = load_policy(file) if file else None
    if policy:
        validate_policy(policy, clause_ids() | own.clause_ids, at=now())
    return policy


def _agree(request: RunRequest, environment: Environment) -> None:
    """Three agreeing yeses before a site is disturbed or scanned: file, words, typed name."""
    if request.tier is Tier.OBSERVE and not request.permissions:
        return
    allowed = environment.permissions
    if request.tier is not Tier.OBSERVE and request.tier not in allowed.tiers:
        found = ", ".join(allowed.tiers) or "none"
        _not_allowed(request, ("permissions", "tiers"), f"--tier {request.tier}", found)
    if Permission.SCAN in request.permissions and not allowed.scan:
        _not_allowed(request, ("permissions", "scan"), "--scan", "false")
    environment.require_typed_name(request.confirmed)


def _not_allowed(request: RunRequest, at: KeyPath, asked: str, found: str) -> NoReturn:
    """What is asked for is never left out in silence: the record would be headed by it."""
    place = read_yaml(request.environment_file).place(at)
    raise UsageError(
        f"does not allow what was asked for with {asked}",
        str(request.environment_file),
        place.line,
        place.column,
        key=written(at),
        expected=asked.removeprefix("--tier ") if at[-1] == "tiers" else "true",
        found=found,
    )


def _refuse_unusable(request: RunRequest, environment: Environment) -> None:
    """What doctor finds fault with is not used: a key that others may read, a file that is gone."""
    found = unusable(environment, request.tier, request.permissions)
    if not found:
        return
    source = read_yaml(request.environment_file)
    places = [source.place(one.reference.at) for one in found]
    first, *others = (
        UsageError(one.problem, source.file, place.line, place.column, one.reference.key)
        for one, place in zip(found, places, strict=True)
    )
    first.others = tuple(others)
    raise first


def _nothing_owed(state: Path, tier: Tier) -> None:
    """A killed run's undo comes before anything is disturbed again."""
    owed = UndoJournal(state / "undo").pending()
    if owed and tier is not Tier.OBSERVE:
        targets = ", ".join(sorted({entry.target for entry in owed}))
        raise StateError(
            f"a killed run left {len(owed)} things to undo on {targets}: run `readiness recover`"
        )


def _write_opening(run: Run, request: RunRequest, log: RunLog) -> None:
    raw = request.environment_file.read_bytes()
    policy_raw = request.policy_file.read_bytes() if request.policy_file else b""
    run.writer.write(
        "run-opened",
        schema=SCHEMA,
        run=run.id,
        number=run.number,
        version=version("readiness"),
        catalogue=catalogue_digest(),
        release=run.environment.release,
        environment_file=str(run.environment_file),
        environment_sha256=hashlib.sha256(raw).hexdigest(),
        environment=_described(run.environment),
        policy_sha256=hashlib.sha256(policy_raw).hexdigest() if policy_raw else None,
        policy=_described(run.policy) if run.policy else None,
        policy_file=str(request.policy_file.absolute()) if request.policy_file else None,
        own=Described(run.own.event()),
        **({"journeys": run.journeys} if run.journeys else {}),
        earlier=[
            {"number": one.number, "run": one.run, "verdict": one.verdict, "tier": one.tier}
            for one in log.earlier(run.id)
        ],
        drift_looks=[list(row) for row in log.drift_looks(run.id)],
    )
    run.writer.write("plan", **run.plan.event())


def resume_run(folder: Path, environment_file: Path, part: int | None = None) -> Run:
    """The run that the gate opened, gone on with by one of its pytest processes."""
    record = read_record(folder)
    opening, planned = record.opening, record.first("plan")
    if planned is None:
        raise UsageError("the run has no plan", file=str(folder))
    machines = opening["environment"].get("machines", ())
    # What a name leads to may have changed since; a run is about one set of addresses.
    addresses = {one["name"]: one["addresses"] for one in machines}
    environment = load_environment(environment_file, addresses)
    if hashlib.sha256(environment_file.read_bytes()).hexdigest() != opening["environment_sha256"]:
        raise UsageError("was changed after the run was opened", file=str(environment_file))
    redactor = Redactor(secret_values(environment))
    if redactor.value(_described(environment)) != opening["environment"]:
        raise UsageError("was changed while the run was opened", file=str(environment_file))
    if record.first("run-closed") is not None:
        raise UsageError("is over", file=str(record.path), expected="a run that goes on")
    own = load_own(environment)
    files, opened_with = ((one or {}).get("files", {}) for one in (own.event(), opening.get("own")))
    if files != opened_with:
        changed = sorted({*files.items()} ^ {*opened_with.items()})
        raise UsageError(f"{changed[0][0]} was changed after the run was opened", key="own_checks")
    catalogue = {**load_catalogue(), **own.catalogue}
    permissions = [Permission(one) for one in planned.get("permissions", ())]
    tier, only = Tier(planned["tier"]), planned["only"]
    purpose = planned.get("purpose", GATE)
    plan = make_plan(catalogue, environment, tier, only, permissions, purpose)
    state = state_directory(environment.name)
    return Run(
        id=opening["run"],
        number=opening["number"],
        folder=folder,
        environment_file=environment_file,
        environment=environment,
        policy=None,
        plan=plan,
        writer=RecordWriter(folder / FILE_NAME, redactor),
        state=state,
        journal=UndoJournal(state / "undo"),
        own=own,
        journeys=opening.get("journeys", {}),
        part=part,
    )


def secret_values(environment: Environment) -> list[str]:
    """Every secret that the environment refers to and that can be read now."""
    values = []
    for reference in references(environment):
        if not reference.secret:
            continue
        try:
            values.append(environment.secret(reference.text))
        except UsageError:
            continue
    return [value for value in values if value]
