"""The detection matrix: what was never seen red says so, and nonsense is refused."""

import json

import pytest

from readiness.catalogue.matrix import ProvenOn, load_matrix, parse_matrix
from readiness.model.errors import UsageError


def written(**proven: object) -> str:
    """A matrix file."""
    return json.dumps({"schema": 1, "proven": proven})


def test_what_it_says() -> None:
    """A check is proven on what the matrix says, with the faults that turned it red."""
    matrix = parse_matrix(written(A={"on": "real", "faults": ["expired", "wrong-name"]}))
    assert matrix["A"].on is ProvenOn.REAL
    assert matrix["A"].faults == ("expired", "wrong-name")


def test_without_a_fault_nothing_is_proven() -> None:
    """An entry that names no fault proves nothing, whatever it claims."""
    assert parse_matrix(written(A={"on": "real", "faults": []}))["A"].on is ProvenOn.NEVER


def test_packaged_matrix_is_readable() -> None:
    """What ships parses, or nothing ships."""
    assert all(proof.faults for proof in load_matrix().values() if proof.on is not ProvenOn.NEVER)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"schema": 2, "proven": {}}', '{"schema": 1, "proven": []}',
        written(A={"on": "mars", "faults": ["x"]}), written(A={"on": "real"}), written(A="real"),
    ],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    """A file that is no matrix is refused in one line that names it."""
    with pytest.raises(UsageError, match=r"matrix\.json"):
        parse_matrix(text)
