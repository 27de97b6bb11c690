"""What is said of three migrations, from what the copy held between them."""

from dataclasses import replace

import pytest

from readiness.drills.content import Content
from readiness.drills.migrations import Migrated, _compared, _errors
from readiness.systems.answer import Answer

BOOKS = "public.alembic_version"
NEW = Content(
    tables={"public.courses": (2, "1-2"), BOOKS: (1, "6-6")},
    sequences={},
    objects={"relations": {"public.courses": "aa", "public.sizes": "bb"}},
)
OLD = Content({**NEW.tables, BOOKS: (1, "5-5")}, {}, {"relations": {"public.courses": "aa"}})


def said(*states: Content) -> Migrated:
    """What is said of these states, one after the other."""
    return _compared(list(states), BOOKS, ())


def test_a_release_that_is_live_goes_down_and_up() -> None:
    """Nothing was pending; down took something away, and up brought it back."""
    found = said(NEW, NEW, OLD, NEW)
    assert (found.pending, found.recorded) == (False, True)
    assert found.undone == ("relations: public.sizes",)
    assert (found.before_and_after_down, found.first_and_second_up) == (None, ())


def test_a_release_that_is_pending_leads_back_to_before() -> None:
    """The first up changed something: down must be what was there before it."""
    found = said(OLD, NEW, OLD, NEW)
    assert (found.pending, found.before_and_after_down) == (True, ())


def test_what_down_leaves_or_loses_is_named() -> None:
    """A table too many after down, other rows after the second up."""
    left = replace(OLD, tables={**OLD.tables, "public.left": (0, "0-0")})
    lost = replace(NEW, tables={**NEW.tables, "public.courses": (2, "9-9")})
    found = said(OLD, NEW, left, lost)
    assert found.before_and_after_down == ("tables: public.left (too many)",)
    assert found.first_and_second_up == ("tables: public.courses (other rows)",)


def test_only_the_record_changed() -> None:
    """A down that only writes down that it ran took nothing back."""
    found = said(NEW, NEW, replace(NEW, tables=OLD.tables), NEW)
    assert (found.recorded, found.undone) == (True, ())


@pytest.mark.parametrize("states", [(), (NEW,), (NEW, NEW), (NEW, NEW, OLD)])
def test_what_was_not_reached_is_unknown(states: tuple[Content, ...]) -> None:
    """Where it ended early no difference is claimed to be none."""
    found = said(*states)
    assert found.first_and_second_up is None
    assert (found.undone is None) is (len(states) < 3)


def test_of_what_a_tool_printed_only_the_error_is_kept() -> None:
    """The class of each error, and no row that it quotes."""
    said = b"""Traceback (most recent call last):
psycopg.errors.UniqueViolation: duplicate key value
DETAIL:  Key (email)=(somebody@example.test) already exists.
sqlalchemy.exc.IntegrityError: (psycopg.errors.UniqueViolation) duplicate
"""
    answer = Answer(exit_code=1, stdout=b"", stderr=said)
    assert _errors(answer) == "psycopg.errors.UniqueViolation, sqlalchemy.exc.IntegrityError"
