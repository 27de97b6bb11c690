"""`readiness doctor`: is every endpoint reached, as whom, with which rights, and what to do."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from readiness.evidence.record import FILE_NAME, RecordWriter
from readiness.evidence.redact import Redactor
from readiness.evidence.state import state_directory
from readiness.evidence.undo import UndoJournal
from readiness.model.errors import (
    AccessDenied,
    NotRun,
    ProbeError,
    ReadinessError,
    TimedOut,
    Unreachable,
    UsageError,
    WrongTarget,
)
from readiness.model.words import Tier
from readiness.session.clients import Clients
from readiness.session.identity import pin, verify
from readiness.session.plan import Plan
from readiness.session.run import Run, secret_values
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.site.pins import NOTHING
from readiness.site.references import check_references
from readiness.site.subjects import (
    Endpoint,
    Member,
    endpoints,
)
from readiness.systems.audit.asking import trail_members
from readiness.systems.audit.reading import TRAIL
from readiness.systems.every import WHOLE
from readiness.systems.hosts.asking import host
from readiness.systems.http.reading import PAGE
from readiness.systems.token import Source

ADVICE: dict[type[Exception], str] = {
    AccessDenied: "give a login that may read this and nothing more",
    TimedOut: "look for a firewall or an overloaded service on the way",
    WrongTarget: "find out what answers there before anything else",
    NotRun: "declare it in the environment file",
}


@dataclass(frozen=True)
class Finding:
    """One line: what was asked, whether it was reached, and what was found or to do."""

    where: str
    ok: bool
    text: str


def run_doctor(environment: Environment, out: Console, *, write_identity: bool = False) -> int:
    """Look at every endpoint once.

    Returns:
        0 when every endpoint answers as declared, 2 otherwise.
    """
    with tempfile.TemporaryDirectory() as folder:
        run = _scratch_run(environment, Path(folder))
        clients = Clients(run)
        try:
            findings = []
            for finding in _findings(clients, write_identity=write_identity):
                findings.append(finding)
                mark = "ok  " if finding.ok else "FAIL"
                out.print(f"{mark}  {finding.where}: {finding.text}", markup=False)
        finally:
            clients.close()
    bad = sum(not finding.ok for finding in findings)
    out.print(
        f"{len(findings) - bad} of {len(findings)} in order" + (f", {bad} not" if bad else "")
    )
    return 2 if bad else 0


def _scratch_run(environment: Environment, folder: Path) -> Run:
    """A run that leaves nothing behind: connections need one to note what they ask."""
    return Run(
        id="doctor",
        number=0,
        folder=folder,
        environment_file=Path(),
        environment=environment,
        policy=None,
        plan=Plan(Tier.OBSERVE, (), ()),
        writer=RecordWriter(folder / FILE_NAME, Redactor(secret_values(environment))),
        state=state_directory(environment.name),
        journal=UndoJournal(state_directory(environment.name) / "undo"),
    )


def _findings(clients: Clients, *, write_identity: bool) -> Iterator[Finding]:
    for problem in check_references(clients.site):
        if not (write_identity and problem.startswith("identity: ")):
            yield Finding("reference", ok=False, text=problem)
    if write_identity:
        yield _asked("identity", lambda: _pin(clients))
    else:
        yield _asked("identity", lambda: _as_pinned(clients))
    for what, one, ask in _questions(clients.site):
        yield _asked(f"{what} {one.id}", lambda one=one, ask=ask: ask(clients, one))  # type: ignore[misc]


def _questions(site: Environment) -> Iterator[tuple[str, Any, Callable[[Clients, Any], str]]]:
    """What is asked of whom."""
    if site.ssh:
        yield from (("ssh", one, _machine) for one in site.machines if one.ssh)
    for source in WHOLE:
        if source.says is not None:
            said = partial(_says, source)
            yield from ((source.name, one, said) for one in source.each.of(site).values())
    if site.audit:
        balancer = site.balancer(site.audit.balancer)
        fronts = (one for one in endpoints(site) if one.listener.name == balancer.listener)
        asked = [one for one in fronts if one.address == site.front(balancer)]
        yield from (("audited application", one, _application) for one in asked[:1])
        yield from (("audit trail", one, _trail) for one in trail_members(site, site.audit))


def _as_pinned(clients: Clients) -> str:
    """Whether every part of the site that has an identity is the one that was pinned."""
    found = verify(clients)
    if not found:
        raise ProbeError(NOTHING)
    if clients.site.identity is None:
        raise ProbeError("not pinned: name a file under `identity`, then run with --write-identity")
    unpinned = [f"{one['part']} of {one['of']}" for one in found if not one["pinned"]]
    if unpinned:
        raise ProbeError(
            f"not pinned: {', '.join(unpinned)}: remove {clients.site.path(clients.site.identity)} "
            "and run with --write-identity"
        )
    silent = [f"{one['of']}: {one['problem']}" for one in found if not one["found"]]
    if silent:
        raise ProbeError(f"did not answer: {'; '.join(silent)}")
    return "as pinned"


def _asked(where: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(where, ok=True, text=ask())
    except ReadinessError as error:
        advice = next((text for kind, text in ADVICE.items() if isinstance(error, kind)), "")
        return Finding(where, ok=False, text=f"{error}" + (f" ({advice})" if advice else ""))


def _machine(clients: Clients, machine: Machine) -> str:
    session = clients.session(machine)
    offset = host.offset(session)
    return (
        f"reached as {session.user}, host key {session.fingerprint}, "
        f"clock {offset.value:+.3f} s (within {offset.error:.3f} s)"
    )


def _says(source: Source[Any, Any], clients: Clients, subject: Any) -> str:
    assert source.says is not None  # noqa: S101 - the caller looked
    return source.says(clients.ask(source, subject).reading)


def _application(clients: Clients, endpoint: Endpoint) -> str:
    """The page where accounts sign in answers; none of them does before tier touch."""
    assert clients.site.audit is not None  # noqa: S101 - asked of an audited site only
    sign_in = clients.site.audit.sign_in
    path = sign_in.path or clients.site.balancer(clients.site.audit.balancer).page.path
    found = clients.ask(PAGE.of(path), endpoint).reading
    if not found.answers:
        raise Unreachable(f"GET {path}: {found.problem or 'no answer'}")
    return f"reached, GET {path} answers {found.status}; accounts sign in at tier touch only"


def _trail(clients: Clients, member: Member) -> str:
    """Asked as the reader; of the tester only what the catalogue says of it."""
    assert clients.site.audit is not None  # noqa: S101 - asked of an audited site only
    audit = clients.site.audit
    found = clients.ask(TRAIL.of(audit), member).reading
    tester = audit.append_only.tester.user
    if tester not in found.members:
        raise ProbeError(
            f"reached as {audit.trail.reader.user}; the tester {tester} can't become the owner "
            f"{found.owner}: GRANT {found.owner} TO {tester}"
        )
    return (
        f"reached as {audit.trail.reader.user} (reads only), a {found.kind} of {found.owner}, "
        f"whom the tester {tester} may become (it does not log in before tier touch)"
    )


def _pin(clients: Clients) -> str:
    """Write what answers now as the identity that later runs must find again."""
    if clients.site.identity is None:
        raise UsageError(
            "names no file to write to", key="identity", expected="identity: file:PATH"
        )
    pins = pin(clients)
    path = clients.site.path(clients.site.identity)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(
            f"was not written ({error.strerror}); a pin is only replaced by who removes it",
            file=str(path),
        ) from error
    with open(descriptor, "w") as file:  # noqa: PTH123 - a pin is never overwritten
        json.dump({"schema": 1, **pins}, file, indent=2)
    return f"pinned the identity of {len(pins)} kinds of parts in {path}"
