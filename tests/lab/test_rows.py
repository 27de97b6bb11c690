"""Tests of faults that are rows, offline: what a table may say, and what verbs make of texts."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import examined
from lab.errors import LabError
from lab.faults import KINDS, Fault, no_facts, nothing
from lab.faults._cache import roles
from lab.rows import Read, all_rows, read_table
from lab.scene import Scene
from lab.verbs import CHANGES, LOOKS, gathered
from lab.verbs.base import Said
from readiness.model.errors import UsageError

NO_SITE: Any = None
HERE = Scene(NO_SITE, {"master": "cache1"})
ROW = """\
sick:
  title: The master of the cache has no memory limit
  why: The kernel ends Redis instead.
  at: <master>
  break: {redis.set: {key: maxmemory, to: "0", was: 64mb}}
  naive: answers
  reddens:
    CACHE-008: {sessions/<master>: 'its memory limit in bytes above 0, found 0'}
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of the kind cache with one row."""
    path = tmp_path / "cache.yaml"
    path.write_text(ROW)
    return path


def read(table: Path, text: str, name: str = "sick") -> Read:
    """The row of a table with this text."""
    table.write_text(text)
    return read_table(table)[name]


def test_a_row_is_a_fault(table: Path) -> None:
    """Kind, survey and shape follow from its file, its facts and its probe."""
    fault = read_table(table)["sick"].fault
    assert (fault.name, fault.kind, fault.shape, fault.tier) == (
        "sick", "cache", "false-green", "observe",
    )  # fmt: skip
    assert fault.survey is roles
    assert fault.reddens == {
        "CACHE-008": {"sessions/<master>": "its memory limit in bytes above 0, found 0"}
    }
    plain = read(table, ROW.replace("  naive: answers\n", "")).fault
    assert (plain.shape, plain.naive) == ("plain", None)


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ("  why:", "  wy:", r":3:3: sick.wy: unknown key \(did you mean 'why'\?\)"),
        ("  why: The kernel ends Redis instead.\n", "", r":2:3: sick: why is missing"),
        ("redis.set", "redis.sett", r":5:11: .*unknown verb \(did you mean 'redis.set'\?\)"),
        ("was: 64mb", "were: 64mb", r":5:48: .*redis.set.were: unknown key \(one of at, key"),
        (", was: 64mb", "", r":5:22: .*redis.set: was is missing"),
        ('"0"', "0", r":5:43: .*redis.set.to: wrong value; expected a text in quotes, found 0"),
        ('"0"', "no", r":5:43: .*redis.set.to: can be read in two ways; expected 'no' in quotes"),
        ('"0"', "Off", r":5:43: .*can be read in two ways"),
        ('"0"', "true", r":5:43: .*redis.set.to: wrong value; .*found True"),
        ("CACHE-008", "CACHE-808", r":8:5: .*unknown check CACHE-808"),
        ("sessions/<master>", "session/<master>", r":8:17: .*unknown subject session/<master> of"),
        ("sessions/<master>", "sessions/<nobody>", r":8:16: .*unknown fact <nobody>"),
        ("found 0'", "found (0'", r":8:36: .*is no regular expression \(missing \)"),
        ("at: <master>", "at: cache7", r":4:7: .*no such machine .*, found cache7"),
        ("  at: <master>\n", "", r":4:22: .*redis.set: names no machine; expected `at`"),
        ("naive: answers", "naive: answer", r":6:10: .*unknown probe \(did you mean 'answers'\?\)"),
        ("  break: {redis", "  seen: {redis", r":5:10: .*unknown verb"),
        ("  at: <master>\n", "  at: <master>\n  at: cache1\n", r":5:3: .*appears twice"),
        ("sick:", "sick: &one", r":1:7: .*anchor"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_refused_where_it_is_wrong(
    old: str, new: str, refused: str, table: Path
) -> None:
    """File, line, column and key; what was expected, and what may have been meant."""
    assert old in ROW
    with pytest.raises(UsageError, match=rf"^{re.escape(str(table))}{refused}"):
        read(table, ROW.replace(old, new))


def test_a_table_is_a_kind(table: Path) -> None:
    """The kind is not said again in each row, nor anywhere else: a new table is a new kind."""
    assert set(KINDS) == {one.fault.kind for one in all_rows().values()}
    assert read(table, ROW).fault.kind == table.stem


def test_verbs_are_those_of_all_modules_and_each_is_one() -> None:
    """A module more is found by its folder; which of two verbs a row means nobody could tell."""
    one = SimpleNamespace(CHANGES={"lamp.off": "off"}, LOOKS={"lamp.shows": "shows"})
    other = SimpleNamespace(CHANGES={"door.shut": "shut"})
    assert gathered("CHANGES", {"a": one, "b": other}) == {"lamp.off": "off", "door.shut": "shut"}
    assert gathered("LOOKS", {"a": one, "b": other}) == one.LOOKS
    other.CHANGES["lamp.off"] = "broken"
    said = r"^lab/verbs/b\.py: CHANGES: expected each verb once, found 'lamp\.off' twice$"
    with pytest.raises(LabError, match=said):
        gathered("CHANGES", {"a": one, "b": other})


def test_a_kind_without_a_table_is_refused() -> None:
    """In a file or a table of variants it may be misspelt."""
    said = r"odd: kind: expected the name of a table in lab/faults/rows \(did you mean 'cache'\?\)"
    with pytest.raises(LabError, match=f"^{said}, found 'caches'$"):
        Fault("odd", "A title", "Why.", "caches", {}, took_effect=lambda _: "")


def test_a_row_that_changes_nothing_is_refused(table: Path) -> None:
    """Neither a machine nor the environment file: that is no fault."""
    broken = re.sub(r"  break: .*\n", "", ROW)
    with pytest.raises(UsageError, match=r":2:3: sick: changes nothing"):
        read(table, broken)


def test_a_verb_that_can_not_read_back_wants_to_be_seen(table: Path) -> None:
    """Nothing is in force because a row says so."""
    blind = re.sub(r"redis.set: {.*}}", "redis.say: {say: FLUSHALL}}", ROW)
    with pytest.raises(UsageError, match=r":2:3: sick: can't be seen by its verbs alone"):
        read(table, blind)


def test_braces_stand_for_each(table: Path) -> None:
    """As a shell has them, in checks and in subjects; a case that is there twice is refused."""
    text = ROW.replace(
        "CACHE-008: {sessions/<master>:", "'CACHE-{004,008}': {'sessions/{cache2,cache3}':"
    )
    found = read(table, text.replace("at: <master>", "at: cache2")).fault.reddens
    assert {check: set(cases) for check, cases in found.items()} == {
        "CACHE-004": {"sessions/cache2", "sessions/cache3"},
        "CACHE-008": {"sessions/cache2", "sessions/cache3"},
    }
    with pytest.raises(UsageError, match="CACHE-004 sessions/cache2 is there already"):
        read(
            table, text.replace("{cache2,cache3}", "{cache2,cache2}").replace("<master>", "cache2")
        )


def test_a_defect_of_the_environment_file_touches_no_machine(table: Path) -> None:
    """Its machines are left alone, and the file has what it says in place of what was there."""
    text = re.sub(r"  break: .*\n", "  environment: {one: two}\n", ROW).replace(
        "<master>", "cache1"
    )
    fault = read(table, text).fault
    assert (fault.apply, fault.undo, fault.survey) == (nothing, nothing, no_facts)
    assert fault.environment is not None
    assert fault.environment("one, and one") == "two, and two"
    assert fault.took_effect(HERE)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("The master of", "A master of", False),
        ("The kernel", "Linux", False),
        ("  naive", "  alone: true\n  naive", False),
        ("# nothing", "# anything", False),
        ('"0"', '"1"', True),
        ("found 0", "found 1", True),
        ("naive: answers", "naive: quorum", True),
    ],
)
def test_a_result_is_about_what_the_row_does(
    old: str, new: str, *, changes: bool, table: Path
) -> None:
    """What people are told may change freely; another row's change is none of this one's."""
    text = f"# nothing\n{ROW}"
    digests: list[str] = []
    for one in (text, text.replace(old, new)):
        other = ROW.replace("sick:", "other:").replace('"0"', f'"{len(digests)}"')
        row = read(table, one + other)
        digests.append(examined.told_row(row.data, row.names))
    assert (digests[0] != digests[1]) is changes


def test_a_result_is_about_the_verbs_that_the_row_uses(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another verb does is none of its business; order counts."""
    row = read_table(table)["sick"]
    before = examined.told_row(row.data, row.names)
    assert examined.told_row(row.data, (*row.names, CHANGES["sql"])) != before
    assert examined.told_row(row.data, tuple(reversed(row.names))) == before
    kept = examined._digest
    monkeypatch.setattr(
        examined, "_digest", lambda path, start, follow=(): kept(path, start, follow)[::-1]
    )
    assert examined.told_row(row.data, row.names) != before


def test_how_it_is_planted_is_told_from_what_it_declares(table: Path) -> None:
    """The touched machines are those of `break`, whatever turns red."""
    row = read_table(table)["sick"].data
    other = json.loads(json.dumps(row).replace("found 0", "found 1"))
    assert examined.row_doing(row) == examined.row_doing(other)
    other = json.loads(json.dumps(row).replace("maxmemory", "port"))
    assert examined.row_doing(row) != examined.row_doing(other)


def test_every_verb_is_used() -> None:
    """A verb that no row needs was never seen to work."""
    used = {name for row in all_rows().values() for name in row.names}
    assert {*CHANGES.values(), *LOOKS.values()} <= used


def test_few_rows_need_a_script() -> None:
    """Where more than half does, verbs are missing; a third is the aim (docs/next.md)."""
    scripts = {CHANGES["sh"], LOOKS["sh.says"]}
    needing = [name for name, row in all_rows().items() if scripts & {*row.names}]
    assert len(needing) * 2 <= len(all_rows())


EDITS = [
    (CHANGES["file.replace"], {"old": "one", "new": "one and two"}),
    (CHANGES["file.replace"], {"old": "one\n", "new": ""}),
    (CHANGES["file.sub"], {"pattern": r"^one$\n", "new": ""}),
    (CHANGES["file.sub"], {"pattern": r"one(?! and)", "new": "one and"}),
    (CHANGES["file.append"], {"text": "two\n"}),
]


@pytest.mark.parametrize(("verb", "given_"), EDITS)
def test_an_edited_text_is_told_from_the_original(verb: Any, given_: dict[str, str]) -> None:
    """The verb reads back its own doing, and nothing before."""
    edited = verb.model_validate({"path": "/x", **given_})
    before = "zero\none\n"
    after = edited.edit(HERE, before)
    assert after != before
    assert not edited.is_edited(HERE, before)
    assert edited.is_edited(HERE, after)


# What stands in angle brackets is a fact of the survey.
PLAIN = st.characters(codec="utf-8", exclude_characters="<")


@given(st.text(PLAIN), st.text(PLAIN, min_size=1))
def test_a_text_has_what_another_lacks(text: str, part: str) -> None:
    """`has` and `lacks` of one pattern never agree."""
    pattern = re.escape(part)
    assert Said(has=pattern).fits(HERE, text) is not Said(lacks=pattern).fits(HERE, text)
    assert Said(has=pattern).fits(HERE, text + part)
    assert Said(equals=text).fits(HERE, text)


@pytest.mark.parametrize("given_", [{}, {"has": "a", "lacks": "b"}, {"has": "("}])
def test_an_expectation_is_one(given_: dict[str, str]) -> None:
    """None, two, or no regular expression at all: refused."""
    with pytest.raises(ValueError, match="expected"):
        Said(**given_)
