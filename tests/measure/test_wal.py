"""Which segments must be archived, and on which timeline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.measure.wal import (
    Named,
    missing,
    name_of,
    named,
    oldest_wait,
    segment_archived,
    timeline_of,
)

SIZE = 16 * 1024 * 1024


@given(st.integers(1, 2**31), st.integers(0, 2**33), st.sampled_from([SIZE, 2**20, 2**30]))
def test_names_are_read_as_they_are_written(timeline: int, number: int, size: int) -> None:
    """Reading a written name gives the segment back, whatever the size of segments."""
    segment = Named(timeline, number)
    assert named(name_of(segment, size), size) == segment


def test_a_name_as_postgresql_writes_it() -> None:
    """The 256th segment begins the second log file."""
    assert name_of(Named(2, 256), SIZE) == "000000020000000100000000"


@pytest.mark.parametrize(
    ("archived", "segment"),
    [
        ("00000002000000000000000C", "00000002000000000000000C"),
        ("00000002000000000000000C.00000028.backup", "00000002000000000000000C"),
        ("00000002000000000000000C.partial", ""),
        ("00000003.history", ""),
        ("", ""),
    ],
)
def test_the_last_archived_file_says_which_segment_went_before_it(
    archived: str, segment: str
) -> None:
    """A backup's history file follows its segment; the others say nothing of a whole one."""
    assert segment_archived(archived) == segment


def test_the_timeline_that_wrote_the_last_byte_counts() -> None:
    """A switch inside a segment gives it to the next timeline, one at its end does not."""
    assert timeline_of(4, {1: 5 * SIZE}, 2, SIZE) == 1
    assert timeline_of(5, {1: 5 * SIZE}, 2, SIZE) == 2
    assert timeline_of(5, {1: 5 * SIZE + 1, 2: 9 * SIZE}, 3, SIZE) == 2


def test_a_gap_is_named_and_another_timelines_copy_does_not_fill_it() -> None:
    """What an abandoned timeline archived is not what a restore needs."""
    held = {"000000010000000000000003", "000000010000000000000004", "000000010000000000000005"}
    ends = {1: 4 * SIZE + 100}
    wanted = ["000000020000000000000004", "000000020000000000000005"]
    assert missing("000000010000000000000003", 6, ends, 2, held, SIZE) == wanted
    assert missing("000000010000000000000003", 6, ends, 2, {*held, *wanted}, SIZE) == []


def test_how_long_complete_wal_waits() -> None:
    """None waits no time, several the longest, and one that is gone can't be told."""
    assert oldest_wait([], {}, 100.0) == 0.0
    assert oldest_wait(["a", "b"], {"a": 40.0, "b": 90.0}, 100.0) == 60.0
    assert oldest_wait(["a", "gone"], {"a": 40.0}, 100.0) is None
