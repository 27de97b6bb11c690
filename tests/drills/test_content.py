"""What a restored copy may differ in, and what it may not."""

from dataclasses import replace

import pytest

from readiness.drills.content import (
    Content,
    SequenceState,
    differences,
    names_of,
    question,
    read_content,
)
from readiness.model.errors import NotUnderstood

LIVE = Content(
    tables={"public.students": (3, "11-22"), "public.courses": (2, "1-2")},
    sequences={"public.students_id_seq": SequenceState(40, 1, 40)},
    objects={"roles": {"portal": "aa"}, "indexes": {"public.students_pkey": "bb"}},
)


def test_the_same_content_differs_in_nothing() -> None:
    """Equal counts, digests, sequences and definitions."""
    assert differences(LIVE, LIVE).named == ()


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"public.students": (3, "11-22")}, "public.courses (missing)"),
        ({**LIVE.tables, "public.courses": (0, "0-0")}, "public.courses (0 of 2 rows)"),
        ({**LIVE.tables, "public.courses": (2, "9-9")}, "public.courses (other rows)"),
        ({**LIVE.tables, "public.left": (1, "1-1")}, "public.left (too many)"),
    ],
)
def test_a_table_that_differs_is_named(tables: dict[str, tuple[int, str]], named: str) -> None:
    """Missing, emptied, changed or too many: each is said in its own words."""
    assert differences(LIVE, replace(LIVE, tables=tables)).tables == (named,)


@pytest.mark.parametrize(
    ("last", "by", "well"),
    [(40, 1, True), (72, 1, True), (73, 1, False), (39, 1, False), (40, 2, False)],
)
def test_a_sequence_may_run_ahead_as_far_as_postgresql_logs_it(
    last: int, by: int, *, well: bool
) -> None:
    """Behind it would give values twice; beyond 32 it is another sequence."""
    copy = replace(LIVE, sequences={"public.students_id_seq": SequenceState(last, by, last)})
    assert (differences(LIVE, copy).sequences == ()) is well


@pytest.mark.parametrize(("last", "well"), [(8, True), (7, False), (72, True)])
def test_a_promoted_server_stands_at_the_record_of_a_sequence(last: int, *, well: bool) -> None:
    """A backup from before holds what was handed out, up to 32 behind, and gives no value twice."""
    live = replace(LIVE, sequences={"public.students_id_seq": SequenceState(40, 1, 8)})
    copy = replace(LIVE, sequences={"public.students_id_seq": SequenceState(last, 1, last)})
    assert (differences(live, copy, live).sequences == ()) is well


def test_a_migration_that_takes_values_back_is_told() -> None:
    """Of one server, where it stands at the record of a sequence too, as a restored copy does."""
    before = replace(LIVE, sequences={"public.students_id_seq": SequenceState(40, 1, 8)})
    after = replace(LIVE, sequences={"public.students_id_seq": SequenceState(39, 1, 39)})
    assert differences(before, after).sequences == ("public.students_id_seq",)


def test_a_role_or_index_that_is_gone_is_named() -> None:
    """Kind and name, for what is missing and for what is defined otherwise."""
    copy = replace(LIVE, objects={"roles": {}, "indexes": {"public.students_pkey": "cc"}})
    assert differences(LIVE, copy).objects == ("indexes: public.students_pkey", "roles: portal")


def test_names_are_quoted_once() -> None:
    """A name goes in as the server quoted it, and its quotes are doubled where it is a text."""
    text = question(('public."o\'clock"',), (), "00")
    assert 'FROM public."o\'clock" t' in text
    assert "'public.\"o''clock\"'" in text


def test_the_answers_are_read() -> None:
    """Names and digests come out as they went in; what is no answer is not understood."""
    assert names_of({"tables": ["a"], "sequences": []}) == (("a",), ())
    answer = {"tables": {"a": [1, "2-3"]}, "sequences": {"s": [4, 1, 4]}, "objects": {"roles": {}}}
    found = read_content(answer, where="m")
    assert (found.tables, found.sequences, found.rows) == ({"a": (1, "2-3")}, {"s": (4, 1, 4)}, 1)
    with pytest.raises(NotUnderstood):
        read_content({"tables": []}, where="m")
