"""Several runs judged together: which of them may be, and whose evidence is in force.

Production never allows every drill, so last night's drill on staging and this morning's look at
production add up. The policy says which clause may be shown where. Nobody picks: for each case the
newest admissible evidence counts, and a run number that is left out between two others blocks,
unless a look for drift that saw nothing fail took it.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from pydantic import ValidationError

from readiness.catalogue.checks import Check
from readiness.evidence.record import Record
from readiness.judging.outcomes import judge_cases, origin_of, run_notes
from readiness.judging.verdict import CaseVerdict, Origin
from readiness.model.errors import UsageError
from readiness.model.words import Json, Outcome
from readiness.site.environment import Environment
from readiness.site.policy import Policy
from readiness.site.written import place_of


@dataclass(frozen=True)
class Look:
    """One run as it was read: outcomes, and what speaks against the run as a whole."""

    origin: Origin
    environment: Environment
    cases: tuple[CaseVerdict, ...]
    notes: tuple[str, ...]
    release: str | None = None
    drift_looks: tuple[range, ...] = ()
    """Numbers before it that looks for drift took and that decide nothing."""
    own: Json = field(default_factory=dict)
    """The site's own checks as they were then, with the digests of their files."""

    def asks_as(self, other: "Look", case: CaseVerdict) -> bool:
        """Whether the other run asked for that case with the same check: ours are ours."""
        both = (one["id"] for look in (self, other) for one in look.own.get("catalogue", ()))
        return self.own == other.own or case.check.id not in both


def look(record: Record, catalogue: Mapping[str, Check], policy: Policy, at: datetime) -> Look:
    """Read one run."""
    environment = _environment(record)
    return Look(
        origin_of(record),
        environment,
        tuple(judge_cases(record, catalogue, environment, policy)),
        tuple(run_notes(record, at)),
        record.opening["release"],
        tuple(range(low, high + 1) for low, high in record.opening.get("drift_looks", ())),
        record.opening.get("own") or {},
    )


def _environment(record: Record) -> Environment:
    """The environment as the run described it.

    Raises:
        UsageError: it is no description of one.
    """
    try:
        return Environment.model_validate_json(json.dumps(record.opening["environment"]))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(
            "not a run that this version can judge",
            file=str(record.path),
            key=".".join(map(str, ("environment", *place_of(first["loc"])))),
            expected="the description of an environment",
            found=first["msg"],
        ) from error


def in_force(
    looks: Sequence[Look], fresh: Callable[[CaseVerdict], bool] = lambda _: True
) -> tuple[CaseVerdict, ...]:
    """The newest admissible evidence for each case that the newest run makes one expect.

    Args:
        looks: runs of one environment, the newest first.
        fresh: whether the pass of an older run may still stand in for what was not run now.

    A pass counts only from a run that came to its end, looked at everything and was made of the
    environment as it is described now, with a site's own checks as they are now; what speaks
    against a case counts from any run.
    """
    newest = looks[0]
    found: dict[str, CaseVerdict] = {}
    for one in looks[1:]:
        supports = not one.notes and one.environment == newest.environment
        for case in one.cases:
            counts = not case.passed or (supports and newest.asks_as(one, case))
            if case.outcome is not Outcome.NOT_RUN and counts:
                found.setdefault(case.key, case)
    kept = {key: case for key, case in found.items() if not case.passed or fresh(case)}
    return tuple(
        kept.get(case.key, case) if case.outcome is Outcome.NOT_RUN else case
        for case in newest.cases
    )


def elsewhere(
    by_environment: Mapping[str, Sequence[Look]], home: str, policy: Policy
) -> tuple[CaseVerdict, ...]:
    """The cases of other environments that the policy accepts for one of their clauses."""
    return tuple(
        replace(case, key=f"{name}:{case.key}")
        for name, looks in by_environment.items()
        if name != home
        for case in in_force(looks)
        if any(name in policy.evidence_from.get(clause, ()) for clause in case.check.clauses)
        and (not case.passed or by_environment[home][0].asks_as(looks[0], case))
    )


def group(looks: Iterable[Look]) -> dict[str, list[Look]]:
    """The runs by environment, the newest of each first."""
    grouped: dict[str, list[Look]] = defaultdict(list)
    for one in sorted(looks, key=lambda each: each.origin.number, reverse=True):
        grouped[one.origin.environment].append(one)
    return dict(grouped)


def notes(by_environment: Mapping[str, Sequence[Look]]) -> list[str]:
    """What speaks against the newest run of each environment, and the runs that were left out."""
    several = sum(len(looks) for looks in by_environment.values()) > 1
    found = []
    if several and not all(one.release for looks in by_environment.values() for one in looks):
        found.append("no release is declared: nobody can tell that these runs are of the same one")
    for name, looks in by_environment.items():
        where = f"run {looks[0].origin.number} of {name}: " if several else ""
        found += [where + note for note in looks[0].notes]
        numbers = [one.origin.number for one in reversed(looks)]
        idle = [span for one in looks for span in one.drift_looks]
        between = (n for low, high in pairwise(numbers) for n in range(low + 1, high))
        missing = [number for number in between if not any(number in span for span in idle)]
        if missing:
            left_out = ", ".join(map(str, missing))
            found.append(f"run {left_out} of {name} was left out: give every run in between")
    return found


def arrange(records: Sequence[Record], policy: Policy | None) -> tuple[Record, tuple[Record, ...]]:
    """The newest run of the environment that is decided about, and all the others.

    Raises:
        UsageError: the runs can't be judged together, and why.
    """
    sources = (
        {name for names in policy.evidence_from.values() for name in names} if policy else set()
    )
    names = list(dict.fromkeys(origin_of(one).environment for one in records))
    homes = names if len(names) == 1 else [name for name in names if name not in sources]
    if len(homes) != 1:
        raise UsageError(
            "these runs are not about one environment",
            file=", ".join(str(one.path) for one in records if origin_of(one).environment in homes),
            key="RUN",
            expected="one environment, and runs of others that the policy names in evidence_from",
            found=", ".join(homes or names),
        )
    _agree(records)
    _in_order(records)
    ordered = sorted(records, key=_place, reverse=True)
    main = next(one for one in ordered if origin_of(one).environment == homes[0])
    return main, tuple(one for one in ordered if one is not main)


def _agree(records: Sequence[Record]) -> None:
    """Refuse a run given twice, of another release, or of another system under the same name."""
    release = records[0].opening["release"]
    seen: dict[tuple[str, int], Record] = {}
    pins: dict[tuple[str, str, str], str] = {}
    for record in records:
        opening, origin = record.opening, origin_of(record)
        if seen.setdefault((origin.environment, origin.number), record) is not record:
            problem = f"run {origin.number} of {origin.environment} is given twice"
            raise UsageError(problem, file=str(record.path), key="number", expected="each run once")
        if opening["release"] != release:
            raise UsageError(
                "is of another release",
                file=str(record.path),
                key="release",
                expected=_shown(release),
                found=_shown(opening["release"]),
            )
        for member in _members(record):
            where = (origin.environment, member["part"], member["of"])
            if pins.setdefault(where, member["pinned"]) != member["pinned"]:
                raise UsageError(
                    f"is of another system: {member['of']} was pinned differently",
                    file=str(record.path),
                    key="identity",
                    expected=pins[where],
                    found=member["pinned"],
                )


def _in_order(records: Sequence[Record]) -> None:
    """Refuse numbers that go against time: they come from two logs, and tell nothing of age."""
    latest: dict[str, Record] = {}
    for record in sorted(records, key=lambda one: origin_of(one).number):
        origin = origin_of(record)
        before = latest.get(origin.environment)
        if before is not None and _began(record) < _began(before):
            raise UsageError(
                f"run {origin.number} of {origin.environment} began before "
                f"run {origin_of(before).number}: these numbers come from two logs of runs",
                file=str(record.path),
                key="number",
                expected=f"a run that began after {before.opening['at']}",
                found=record.opening["at"],
            )
        latest[origin.environment] = record


def _place(record: Record) -> tuple[int, str]:
    """The same order of the same runs, however they are given."""
    origin = origin_of(record)
    return origin.number, origin.environment


def _began(record: Record) -> datetime:
    return datetime.fromisoformat(record.opening["at"])


def _members(record: Record) -> list[Json]:
    identity = record.first("identity") or {"members": []}
    return [one for one in identity["members"] if one["pinned"] is not None]


def _shown(release: str | None) -> str:
    return f"'{release}'" if release else "none"
