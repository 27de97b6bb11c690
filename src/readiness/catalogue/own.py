"""A site's own checks: clauses, checks and test files that it adds to ours and that can't be ours.

The environment names a file (`own_checks`). Beside it stand the test files and a catalogue that
`readiness own` writes from them, so that here, too, what is expected never depends on what was
collected. Whoever owns the checks says in the file how each was seen red; without that it proves
nothing, like any other.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from readiness.catalogue.checks import Check, load_catalogue
from readiness.catalogue.clauses import Clause, Criterion, clause_ids, load_clauses
from readiness.catalogue.matrix import Proof, ProvenOn
from readiness.evidence.record import Record
from readiness.model.errors import UsageError
from readiness.model.words import Case, Json
from readiness.site.documents import load_written
from readiness.site.environment import Environment
from readiness.site.kinds import KINDS
from readiness.site.own_files import own_files
from readiness.site.written import ClauseId, Text, Written

CATALOGUE: Final = "catalogue.json"
_CHECKS: Final = TypeAdapter(tuple[Check, ...])


class OwnClause(Written):
    """One fact, counted over every declared subject of the kind `each`."""

    id: ClauseId
    text: Text
    each: Annotated[str, Field(pattern=r"^[a-z-]+$")]


class OwnCriterion(Written):
    """One line that the site adds to the acceptance list."""

    id: Annotated[str, Field(pattern=r"^[a-z]+\.[a-z0-9-]+$")]
    text: Text
    clauses: Annotated[tuple[OwnClause, ...], Field(min_length=1)]


class OwnFile(Written):
    """What a person writes about own checks."""

    schema_version: Literal[1] = Field(alias="schema")
    criteria: Annotated[tuple[OwnCriterion, ...], Field(min_length=1)]
    seen_red: dict[str, Text] = Field(
        default_factory=dict, description="Check to how, when and by whom it was seen red."
    )


@dataclass(frozen=True)
class Own:
    """What a site adds. `files` has the SHA-256 of each of its files in `folder`."""

    catalogue: Mapping[str, Check] = field(default_factory=dict)
    criteria: tuple[Criterion, ...] = ()
    seen_red: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def clause_ids(self) -> frozenset[str]:
        """The ids of the clauses that it adds."""
        return frozenset(clause.id for one in self.criteria for clause in one.clauses)

    @property
    def proofs(self) -> dict[str, Proof]:
        """By the owner's word: which of its checks have been seen red."""
        return {check: Proof(ProvenOn.STATED, (how,)) for check, how in self.seen_red.items()}

    def event(self) -> Json | None:
        """As the record keeps it, so that a judge needs nothing else."""
        if not self.catalogue:
            return None
        return {
            "catalogue": [one.model_dump(mode="json") for one in self.catalogue.values()],
            "criteria": [
                {
                    "id": one.id,
                    "text": one.text,
                    "clauses": [
                        {"id": each.id, "text": each.text, "each": each.each}
                        for each in one.clauses
                    ],
                }
                for one in self.criteria
            ],
            "seen_red": dict(self.seen_red),
            "files": dict(self.files),
        }


def own_of(record: Record) -> Own:
    """What the site added when the record was made."""
    written = record.opening.get("own")
    if not written:
        return Own()
    checks = _CHECKS.validate_json(json.dumps(written["catalogue"]))
    criteria = tuple(
        _criterion(OwnCriterion.model_validate_json(json.dumps(one))) for one in written["criteria"]
    )
    catalogue = {one.id: one for one in checks}
    own = Own(catalogue, criteria, written["seen_red"], written["files"])
    _refuse_clashes(own, record.path)
    return own


def is_own(own: Own, case: Case | None) -> bool:
    """Whether a case is of a check that the site added."""
    return case is not None and case.check in own.catalogue


def load_own(environment: Environment) -> Own:
    """What the environment adds; nothing where it names no file.

    Raises:
        UsageError: the file or the catalogue beside it is wrong, or takes the place of ours.
    """
    if environment.own_checks is None:
        return Own()
    path = environment.path(environment.own_checks)
    written = load_written(path, OwnFile, Environment)
    own = Own(
        catalogue=_read_catalogue(path.parent / CATALOGUE),
        criteria=tuple(_criterion(one) for one in written.criteria),
        seen_red=written.seen_red,
        files=own_files(path.parent),
        folder=path.parent,
    )
    _refuse_clashes(own, path)
    return own


def _criterion(written: OwnCriterion) -> Criterion:
    try:
        # Files of older versions spell kinds with a dash, where checks never did.
        clauses = tuple(
            Clause(one.id, one.text, one.each.replace("-", "_"), "check") for one in written.clauses
        )
        return Criterion(written.id, written.text, clauses)
    except ValueError as error:
        raise UsageError(str(error), key="criteria") from error


def _read_catalogue(path: Path) -> dict[str, Check]:
    try:
        checks = _CHECKS.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "no catalogue of checks"
        raise UsageError(
            str(why), file=str(path), expected="what `readiness own FILE` writes"
        ) from error
    _refuse_twice(path, "id", (one.id for one in checks))
    for one in checks:
        if one.each not in KINDS:
            expected = f"a kind of subject: {', '.join(sorted(KINDS))}"
            raise UsageError("wrong value", str(path), 0, 0, f"{one.id}.each", expected, one.each)
    return {one.id: one for one in checks}


def _refuse_twice(path: Path, key: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        _refuse(path, key, f"'{twice[0]}' stands twice", "each once")


def _refuse_clashes(own: Own, path: Path) -> None:
    """Nothing of ours may be replaced, and nothing of theirs may prove ours."""
    ours = {one.id for one in load_clauses()}
    _refuse_twice(path, "criteria", (one.id for one in own.criteria))
    clauses = (clause.id for one in own.criteria for clause in one.clauses)
    _refuse_twice(path, "clauses", clauses)
    for criterion in own.criteria:
        if criterion.id in ours:
            _refuse(path, "criteria", f"'{criterion.id}' is a criterion of ours", "another id")
    for check in own.catalogue.values():
        if check.id in load_catalogue():
            _refuse(path, check.id, "is a check of ours", "another id")
        foreign = [one for one in check.clauses if one not in own.clause_ids]
        if foreign:
            whose = "one of ours" if foreign[0] in clause_ids() else "unknown"
            expected = f"a clause of {path.name}: {', '.join(sorted(own.clause_ids))}"
            _refuse(path, check.id, f"serves '{foreign[0]}', which is {whose}", expected)
    for name in own.seen_red:
        if name not in own.catalogue:
            _refuse(path, f"seen_red.{name}", "is no check of this catalogue", "an own check")


def _refuse(path: Path, key: str, problem: str, expected: str) -> None:
    raise UsageError(problem, file=str(path), key=key, expected=expected)
