"""The acceptance criteria and the clauses that make each of them true, read from packaged data.

GO counts clauses, not checks: a criterion holds only when every required clause of it does, over
every declared subject of the clause's kind.
"""

import functools
import importlib.resources
import re
from collections.abc import Iterable
from typing import Final, Literal

from msgspec import MsgspecError, Struct, field
from msgspec.json import Decoder

from readiness.site.kinds import KINDS
from readiness.site.signers import CLASSES

SOURCE: Final = "clauses.json"

# Kinds of subjects of clauses that no check serves yet.
PLANNED = frozenset({
    "standby", "alert_rule", "receiver", "service", "table", "person",
})  # fmt: skip
SUBJECT_KINDS = PLANNED | KINDS.keys()
PEOPLE: Final = "attestation"
"""Proves a clause that only people can vouch for: a signature, and never where a check could."""
ADDED_UP: Final = "computed"
"""Proves a clause that follows from what people signed."""
PROVERS = frozenset({"check", PEOPLE, ADDED_UP})

_KEBAB = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_CRITERION_ID = re.compile(rf"[a-z]+\.{_KEBAB}")
_CLAUSE_ID = re.compile(rf"[a-z]+\.{_KEBAB}/{_KEBAB}")


class Clause(Struct, frozen=True, forbid_unknown_fields=True):
    """One fact of a criterion, counted over every declared subject of the kind `each`."""

    id: str
    text: str
    each: str
    by: str
    kind: str = field(default="", name="class")
    """The class of its attestations, where people prove it."""

    def __post_init__(self) -> None:
        _require(_CLAUSE_ID.fullmatch(self.id), self.id, "an id like sec.tls/chain", self.id)
        _require(self.text.strip(), self.id, "a text", self.text)
        _require(self.each in SUBJECT_KINDS, self.id, "a known kind of subject", self.each)
        _require(self.by in PROVERS, self.id, "check, attestation or computed", self.by)
        known = self.kind in CLASSES if self.by == PEOPLE else not self.kind
        _require(known, self.id, "a class exactly where people prove it", self.kind)

    @property
    def criterion(self) -> str:
        """Id of the criterion that this clause belongs to."""
        return self.id.partition("/")[0]


class Criterion(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the acceptance list with its clauses, in the order of the file."""

    id: str
    text: str
    clauses: tuple[Clause, ...]

    def __post_init__(self) -> None:
        _require(_CRITERION_ID.fullmatch(self.id), self.id, "an id like sec.tls", self.id)
        _require(self.text.strip(), self.id, "a text", self.text)
        _require(self.clauses, self.id, "at least one clause", "none")
        for clause in self.clauses:
            _require(clause.criterion == self.id, self.id, f"ids below {self.id}/", clause.id)


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal[1]
    criteria: tuple[Criterion, ...]

    def __post_init__(self) -> None:
        _require(self.criteria, "criteria", "at least one criterion", "none")
        _require_unique(criterion.id for criterion in self.criteria)
        _require_unique(clause.id for criterion in self.criteria for clause in criterion.clauses)


_FILE: Final = Decoder(_File)


@functools.cache
def load_clauses() -> tuple[Criterion, ...]:
    """Read the packaged criteria; the same tuple on every call."""
    data = importlib.resources.files("readiness") / "data" / SOURCE
    return parse_clauses(data.read_bytes())


def parse_clauses(text: bytes) -> tuple[Criterion, ...]:
    """Read criteria from JSON; a ValueError names the entry, what was expected and found."""
    try:
        return _FILE.decode(text).criteria
    except MsgspecError as error:
        raise ValueError(f"{SOURCE}: {error}") from error


def clause_ids() -> frozenset[str]:
    """The id of every clause of the acceptance list."""
    return frozenset(clause.id for criterion in load_clauses() for clause in criterion.clauses)


def _require_unique(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        _require(one not in seen, one, "an id used once", "the same id again")
        seen.add(one)


def _require(condition: object, where: str, expected: str, found: object) -> None:
    if not condition:
        raise ValueError(f"{where}: expected {expected}, found {found!r:.80}")
