"""Reading the log of the writer on the victim."""

from readiness.drills.local_writer import read_log
from readiness.measure.operation import Outcome


def test_an_end_replaces_its_intent() -> None:
    """A row with an end counts once, with the outcome that the end tells."""
    (op,) = read_log("0 10.5\n0 10.5 10.6 0 \n", "run-1")

    assert (op.seq, op.start, op.end, op.outcome) == (0, 10.5, 10.6, Outcome.OK)


def test_an_intent_without_an_end_is_unknown() -> None:
    """A writer that was stopped in the middle of a row leaves it unknown, and not unexpected."""
    (op,) = read_log("7 10.5\n", "run-1")

    assert (op.id, op.end, op.outcome) == ("local/7", None, Outcome.INFO)


def test_a_warning_is_no_acknowledgement() -> None:
    """`committed locally, may not be replicated` comes as a warning with exit code 0."""
    (op,) = read_log(
        "0 1.0\n0 1.0 2.0 0 WARNING:_canceling_wait_for_synchronous_replication\n", "r"
    )

    assert op.outcome is Outcome.INFO


def test_failures_and_cut_lines_are_no_acknowledgement() -> None:
    """An exit code other than 0 is unknown; a line that is cut off says nothing."""
    ops = read_log("0 1.0\n0 1.0 3.0 124 \n1 3.1\n1 3.1 3.2\n2 3", "r")

    assert [(op.seq, op.outcome) for op in ops] == [(0, Outcome.INFO), (1, Outcome.INFO)]
