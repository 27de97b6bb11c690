"""`readiness checks --coverage`: each criterion with the clauses that could be proven."""

import json

import pytest

from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.clauses import load_clauses
from readiness.catalogue.matrix import Proof, ProvenOn, load_matrix
from readiness.commands.checks import covered, total
from readiness.commands.cli import app


def test_every_criterion_and_every_clause_is_counted_once() -> None:
    """The sum over all criteria is the acceptance list, each clause in one column."""
    criteria = load_clauses()
    rows = list(covered(criteria, load_catalogue(), load_matrix()))
    assert [row.criterion for row in rows] == [one.id for one in criteria]
    assert [row.counts[-1] for row in rows] == [len(one.clauses) for one in criteria]
    assert total(rows).counts[-1] == sum(len(one.clauses) for one in criteria)


def test_a_check_that_was_never_red_proves_nothing() -> None:
    """One of two checks of a clause without a fault is enough to take the clause out."""
    catalogue = load_catalogue()
    red = dict.fromkeys(catalogue, Proof(ProvenOn.REAL, ("a-fault",)))
    served = {clause for one in catalogue.values() for clause in one.clauses}
    before = total([*covered(load_clauses(), catalogue, red)])
    assert (before.provable, before.never_red) == (len(served), 0)
    del red["TLS-001"]
    after = total([*covered(load_clauses(), catalogue, red)])
    lost = len(catalogue["TLS-001"].clauses)
    assert (after.provable, after.never_red) == (len(served) - lost, lost)


def test_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each of the 33 criteria, and the sum."""
    app(["checks", "--coverage"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(load_clauses()) + 2
    assert lines[-1].startswith("33 criteria, ")
    assert json.loads(lines[-1].split()[-1]) == sum(len(one.clauses) for one in load_clauses())
