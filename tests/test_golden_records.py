"""Records of older builds are read and judged: what they say of each case stays what it was.

One record per release lies in `recorded/golden`, named after the day it was made on. The verdict on
it is another one, since it was made under another catalogue, and says so.
"""

import gzip
from pathlib import Path

import pytest
from written_again import written_again

from readiness.evidence.steps import Claimed
from readiness.model.words import Decision, Outcome
from readiness.render import write_reports
from readiness.running.finish import judge_runs, recorded_policy

GOLDEN = Path(__file__).parent / "recorded" / "golden"
# What the build that made the record found passed; nothing else was run.
PASSED = {
    "2026-11-22": {
        *(f"HOST-001|{name}" for name in ("edge1", "edge2", "db1", "db2", "db3")),
        *(f"PG-{number}|student-db" for number in ("001", "020")),
        *(
            f"TLS-{number}|portal/{edge}/{version}"
            for number in ("001", "003")
            for edge in ("edge1", "edge2")
            for version in ("v4", "v6")
        ),
    }
}


@pytest.mark.parametrize("made", sorted(PASSED))
def test_a_record_of_an_older_build_is_judged(tmp_path: Path, made: str) -> None:
    """Every case that passed then has passed now, and reports are written of it."""
    record = tmp_path / "record.jsonl"
    record.write_bytes(gzip.decompress((GOLDEN / f"{made}.jsonl.gz").read_bytes()))
    verdict = judge_runs([record], recorded_policy([record]))
    ran = [one for one in verdict.cases if one.outcome is not Outcome.NOT_RUN]
    assert {one.key for one in ran} == PASSED[made]
    assert {one.outcome for one in ran} == {Outcome.PASSED}
    assert verdict.decision is Decision.INCONCLUSIVE
    (note,) = verdict.notes
    assert note.startswith("it was made under another catalogue of checks")
    write_reports(verdict, tmp_path)
    assert (tmp_path / "index.html").stat().st_size


@pytest.mark.parametrize("made", sorted(PASSED))
def test_it_says_the_same_as_it_would_be_written_today(tmp_path: Path, made: str) -> None:
    """Every case ends the same way and for the same reason, with the same claims."""
    old = tmp_path / "old.jsonl"
    old.write_bytes(gzip.decompress((GOLDEN / f"{made}.jsonl.gz").read_bytes()))
    new = written_again(old, tmp_path)
    assert len(new.read_text().splitlines()) < len(old.read_text().splitlines())
    said = [
        [(case.key, case.outcome, case.reason, case.until, case.oldest, told(case.claims))
         for case in judge_runs([record], None).cases]
        for record in (old, new)
    ]  # fmt: skip
    assert said[0] == said[1]


def told(claims: tuple[Claimed, ...]) -> list[tuple[object, ...]]:
    """Everything that claims say, but for the numbers of the events."""
    return [(one.reason, one.subject, one.name, one.observed, one.relation, one.limit,
             one.answer, len(one.rests_on), one.until) for one in claims]  # fmt: skip


def test_every_golden_record_is_judged() -> None:
    """None lies there for nothing."""
    assert {one.name.partition(".")[0] for one in GOLDEN.iterdir()} == PASSED.keys()
