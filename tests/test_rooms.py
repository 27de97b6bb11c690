"""Rooms: each is seen by the import rules, each token is asked by one asker of its own room."""

import ast
from collections import Counter
from pathlib import Path

import grimp
import pytest

import readiness
from readiness.site.subjects import KINDS as SHARED
from readiness.systems import every_asking, every_declared, every_reading
from readiness.systems.asking import asker_of
from readiness.systems.token import Source

SYSTEMS = Path(readiness.__file__).parent / "systems"
SUITES = Path(__file__).resolve().parents[1] / "suites"
ROOMS = sorted(one.name for one in SYSTEMS.iterdir() if one.is_dir() and one.name[0] != "_")
SOURCES = [(room, one) for room, all_ in every_reading.OF_ROOM.items() for one in all_]


def test_the_import_rules_see_every_module_of_every_room() -> None:
    """A folder without `__init__.py` is left out by import-linter, which then finds no fault."""
    seen = grimp.build_graph("readiness", include_external_packages=True).modules
    modules = {
        ".".join(("readiness.systems", *path.relative_to(SYSTEMS).with_suffix("").parts))
        for room in ROOMS
        for path in (SYSTEMS / room).rglob("*.py")
    }
    assert ROOMS
    assert {one.removesuffix(".__init__") for one in modules} <= seen


def test_every_room_that_can_be_asked_is_listed_with_its_askers() -> None:
    """What is read and never asked, or asked and never read, is nobody's."""
    assert every_asking.OF_ROOM.keys() == every_reading.OF_ROOM.keys()


@pytest.mark.parametrize("room", every_reading.OF_ROOM)
def test_every_token_has_one_asker_in_its_own_room(room: str) -> None:
    """A token without an asker breaks the first check that asks; one of two is never asked."""
    asked = Counter(id(one.source) for one in every_asking.OF_ROOM[room]())
    assert asked == Counter(id(one) for one in every_reading.OF_ROOM[room])


def test_no_two_tokens_and_no_two_kinds_have_one_name() -> None:
    """The record tells what was asked by the token's name, the catalogue of whom by the kind's."""
    assert [name for name, n in Counter(one.name for _, one in SOURCES).items() if n > 1] == []
    kinds = Counter(one.name for all_ in (SHARED, *every_declared.OF_ROOM.values()) for one in all_)
    assert [name for name, n in kinds.items() if n > 1] == []


def test_a_token_finds_its_asker() -> None:
    """By the name, whichever room it is of."""
    plain = [one for _, one in SOURCES if isinstance(one, Source)]
    assert plain
    assert [one.name for one in plain if asker_of(one).source is not one] == []


def test_suites_know_no_asker() -> None:
    """A check asks by tokens: whoever opens a connection itself leaves nothing in the record."""
    imported = {
        node.module
        for path in SUITES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert imported
    assert [one for one in sorted(imported) if ".asking" in one or one.endswith(".asker")] == []


def test_no_module_of_a_package_takes_the_place_of_what_the_package_imports() -> None:
    """Importing `asking.pages` binds `pages` in `asking`, whatever was imported by that name."""
    hidden = [
        f"{package.parent.name}: {node.module}.{one.name}"
        for package in SYSTEMS.rglob("__init__.py")
        for node in ast.walk(ast.parse(package.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
        for one in node.names
        if (package.parent / f"{one.asname or one.name}.py").is_file()
        and not node.module.endswith(f".{package.parent.parent.name}.{package.parent.name}")
    ]
    assert hidden == []
