"""The acceptance criteria and the clauses that make each of them true, read from packaged data.

GO counts clauses, not checks: a criterion holds only when every required clause of it does, over
every declared subject of the clause's kind.
"""

import functools
import importlib.resources
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from readiness.kinds import KINDS

SCHEMA = 1
SOURCE = "clauses.yaml"

# Kinds of subjects of clauses that no check serves yet.
PLANNED = frozenset({
    "standby", "balancer", "kubernetes_cluster", "workload", "alert_rule", "receiver", "service",
    "table", "person",
})  # fmt: skip
SUBJECT_KINDS = PLANNED | KINDS.keys()
PROVERS = frozenset({"check", "attestation"})

_KEBAB = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_CRITERION_ID = re.compile(rf"[a-z]+\.{_KEBAB}")
_CLAUSE_ID = re.compile(rf"[a-z]+\.{_KEBAB}/{_KEBAB}")


@dataclass(frozen=True, slots=True)
class Clause:
    """One fact of a criterion, counted over every declared subject of the kind `each`."""

    id: str
    text: str
    each: str
    by: str

    def __post_init__(self) -> None:
        _require(_CLAUSE_ID.fullmatch(self.id), self.id, "an id like sec.tls/chain", self.id)
        _require(self.text.strip(), self.id, "a text", self.text)
        _require(self.each in SUBJECT_KINDS, self.id, "a known kind of subject", self.each)
        _require(self.by in PROVERS, self.id, "check or attestation", self.by)

    @property
    def criterion(self) -> str:
        """Id of the criterion that this clause belongs to."""
        return self.id.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Criterion:
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


@functools.cache
def load_clauses() -> tuple[Criterion, ...]:
    """Read the packaged criteria; the same tuple on every call."""
    data = importlib.resources.files("readiness") / "data" / SOURCE
    return parse_clauses(data.read_text(encoding="utf-8"))


def parse_clauses(text: str) -> tuple[Criterion, ...]:
    """Read criteria from YAML text; a ValueError names the entry, what was expected and found."""
    try:
        document = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ValueError(f"{SOURCE}: expected YAML, found: {error}") from error
    top = _fields(document, "the file", {"schema": int, "criteria": list})
    _require(top["schema"] == SCHEMA, "schema", str(SCHEMA), top["schema"])
    criteria = tuple(_criterion(entry) for entry in top["criteria"])
    _require(criteria, "criteria", "at least one criterion", "none")
    _require_unique(criterion.id for criterion in criteria)
    _require_unique(clause.id for criterion in criteria for clause in criterion.clauses)
    return criteria


def clause_ids() -> frozenset[str]:
    """The id of every clause of the acceptance list."""
    return frozenset(clause.id for criterion in load_clauses() for clause in criterion.clauses)


def _criterion(entry: Any) -> Criterion:
    values = _fields(entry, "a criterion", {"id": str, "text": str, "clauses": list})
    shape = {"id": str, "text": str, "each": str, "by": str}
    where = f"a clause of {values['id']}"
    clauses = tuple(Clause(**_fields(clause, where, shape)) for clause in values["clauses"])
    return Criterion(values["id"], values["text"], clauses)


def _fields(entry: Any, where: str, shape: Mapping[str, type]) -> dict[str, Any]:
    expected = f"a mapping of {', '.join(shape)}"
    _require(isinstance(entry, dict) and entry.keys() == shape.keys(), where, expected, entry)
    for key, kind in shape.items():
        _require(type(entry[key]) is kind, f"{where}, {key}", kind.__name__, entry[key])
    return dict(entry)


def _require_unique(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        _require(one not in seen, one, "an id used once", "the same id again")
        seen.add(one)


def _require(condition: object, where: str, expected: str, found: object) -> None:
    if not condition:
        raise ValueError(f"{SOURCE}: {where}: expected {expected}, found {found!r:.80}")
