"""What a runbooks answered is read as it was meant."""

from pathlib import Path

from readiness.systems.runbooks.reading import read

# An answer of a real runbooks; the test is red until one is recorded.
ANSWER = Path(__file__).parents[1] / "recorded/runbooks/answer.txt"


def test_an_answer_is_read() -> None:
    """What was recorded has a version."""
    assert read(ANSWER.read_text(), where="runbooks").version
