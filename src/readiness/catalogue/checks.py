"""The checks: the decorator that declares one, and the committed list of all of them.

The decorator is the one place where a check is described. `catalogue.json` is generated from it and
committed, so that plan and judge know what to expect without importing a single check: what
was collected never decides what was expected.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeVar

from pydantic import Field

from readiness.model.words import Case, Permission, Severity, Tier
from readiness.site.environment import Environment
from readiness.site.kinds import KINDS, subjects
from readiness.site.needs import NEEDS, Gap, missing
from readiness.site.written import Written
from readiness.systems.token import Kind

S = TypeVar("S")
P = ParamSpec("P")
Checks = Callable[Concatenate[S, P], None]
ATTRIBUTE: Final = "__readiness_check__"
DEFAULT_LIMIT: Final = 30.0


class Check(Written):
    """One check as the catalogue knows it. `limit` in seconds for one subject."""

    id: Annotated[str, Field(pattern=r"^[A-Z]{2,6}-\d{3}$")]
    title: Annotated[str, Field(max_length=150)]
    clauses: Annotated[tuple[str, ...], Field(min_length=1)]
    each: str
    severity: Severity
    tier: Tier = Tier.OBSERVE
    permission: Permission | None = None
    gate_only: bool = False
    limit: float = DEFAULT_LIMIT
    declared: tuple[str, ...] = ()
    risk: Annotated[str, Field(min_length=1)]
    reads: Annotated[tuple[str, ...], Field(min_length=1)]
    rights: str
    remedy: Annotated[str, Field(min_length=1)]
    disturbs: str = ""
    source: str = ""

    @property
    def needs(self) -> str:
        """The tier and the permission that a run must have, in words."""
        return f"{self.tier}, --{self.permission}" if self.permission else str(self.tier)

    @property
    def criteria(self) -> tuple[str, ...]:
        """The criteria whose clauses it serves."""
        return tuple(dict.fromkeys(clause.partition("/")[0] for clause in self.clauses))


def check(
    identity: str,
    title: str,
    *,
    clauses: tuple[str, ...],
    each: Kind[S],
    severity: Severity,
    risk: str,
    reads: tuple[str, ...],
    rights: str,
    remedy: str,
    tier: Tier = Tier.OBSERVE,
    permission: Permission | None = None,
    gate_only: bool = False,
    limit: float = DEFAULT_LIMIT,
    disturbs: str = "",
    declared: tuple[str, ...] = (),
) -> Callable[[Checks[S, P]], Checks[S, P]]:
    """Declare a pytest function as a check.

    Args:
        identity: permanent id, `AREA-NNN`.
        title: states the passing case, starting with the thing examined.
        clauses: what it proves, as `criterion/fact`.
        each: the kind of subject it is repeated for; the function's first parameter has its name.
        severity: how bad it is when red.
        risk: what happens in production when this is not true.
        reads: exactly what is asked, for `explain` and for rights.
        rights: which rights that needs.
        remedy: what to do when it is red, one sentence.
        tier: how much it disturbs.
        permission: what must be allowed and asked for besides the tier.
        gate_only: a look for drift leaves it out, because it takes long or asks very much.
        limit: seconds for one subject, after which it is inconclusive.
        disturbs: what a disturbing check does to the target.
        declared: what must be declared for there to be something to ask, of `readiness.site.needs`.
    """
    if unknown := set(declared) - set(NEEDS):
        message = f"{identity}: unknown need {sorted(unknown)} (of {', '.join(NEEDS)})"
        raise ValueError(message)
    if not isinstance(each, Kind) or KINDS.get(each.name) != each:
        message = f"{identity}: expected each to be a kind of subject, found {each!r:.80}"
        raise ValueError(message)

    def declare(function: Checks[S, P]) -> Checks[S, P]:
        first = next(iter(signature(function).parameters), "none")
        if first != each.name:
            message = f"{identity}: expected the first parameter '{each.name}', found '{first}'"
            raise ValueError(message)
        entry = Check(
            id=identity,
            title=title,
            clauses=clauses,
            each=each.name,
            severity=severity,
            tier=tier,
            permission=permission,
            gate_only=gate_only,
            limit=limit,
            declared=declared,
            risk=risk,
            reads=reads,
            rights=rights,
            remedy=remedy,
            disturbs=disturbs,
            source=_source(function),
        )
        setattr(function, ATTRIBUTE, entry)
        return function

    return declare


def _source(function: Callable[..., Any]) -> str:
    """Where the check stands, counted from the suites' folder."""
    *_, area, file = Path(function.__code__.co_filename).parts
    return f"suites/{area}/{file}::{function.__name__}"


def of(function: object) -> Check | None:
    """The check that a function declares, if it does."""
    entry = getattr(function, ATTRIBUTE, None)
    return entry if isinstance(entry, Check) else None


ABOUT_SEVERAL: Final = frozenset(
    {"slo.objectives/settings-consistent", "sec.pentest/anonymous-refused"}
)
"""Clauses that are about several parts of a site at once, of which each has to be declared."""


def of_another_part(clause: str, kind: Kind[Any], checks: Iterable[Check]) -> Check | None:
    """A check that answers the clause for a part of a site that this kind does not stand for.

    The clause would then be open wherever one of the two is not declared.
    """
    if clause in ABOUT_SEVERAL:
        return None
    for one in checks:
        other = KINDS[one.each]
        if clause in one.clauses and other.section != kind.section and not other.stands_in(kind):
            return one
    return None


_DECIDES = {"id", "clauses", "each", "severity", "tier", "permission", "declared"}


@cache
def load_catalogue() -> dict[str, Check]:
    """The committed catalogue, by id."""
    text = files("readiness").joinpath("data/catalogue.json").read_text()
    checks = [Check.model_validate_json(json.dumps(entry)) for entry in json.loads(text)]
    return {entry.id: entry for entry in checks}


@cache
def catalogue_digest() -> str:
    """SHA-256 over what decides of the committed catalogue: what is asked of whom, and what for.

    Tells under which checks a record is made; the words of a check may change without it.
    """
    text = "\n".join(one.model_dump_json(include=_DECIDES) for one in load_catalogue().values())
    return hashlib.sha256(text.encode()).hexdigest()


def expected_cases(catalogue: dict[str, Check], environment: Environment) -> list[Case]:
    """Catalogue times environment: every case that a complete run ends with."""
    return [
        Case(entry.id, subject)
        for entry in catalogue.values()
        for subject in subjects(environment, entry.each)
    ]


def gaps(catalogue: Mapping[str, Check], environment: Environment) -> dict[str, Gap]:
    """What is not declared for a case and would have to be, by the key of each such case."""
    return {
        Case(entry.id, name).key: gap
        for entry in catalogue.values()
        if entry.declared
        for name, subject in subjects(environment, entry.each).items()
        if (gap := missing(environment, entry.declared, subject))
    }
