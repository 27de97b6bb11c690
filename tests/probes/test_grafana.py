"""What a grafana answered is read as it was meant."""

from pathlib import Path

from readiness.systems.grafana.reading import read

# An answer of a real grafana; the test is red until one is recorded.
ANSWER = Path(__file__).parents[1] / "recorded/grafana/answer.txt"


def test_an_answer_is_read() -> None:
    """What was recorded has a version."""
    assert read(ANSWER.read_text(), where="grafana").version
