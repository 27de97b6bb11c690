"""Digests of checks that ask by tokens: what they depend on of a room makes them stale, no more."""

from pathlib import Path

import pytest

from lab import examined

ROOM = "src/readiness/systems/lamp"
FILES = {
    "suites/lamp/test_lamp.py": """
from readiness import Ask, check, holds
from readiness.systems.lamp.declared import LAMP, Lamp
from readiness.systems.lamp.reading import STATE

@check("LAMP-001", each=LAMP)
def test_it_burns(lamp: Lamp, ask: Ask) -> None:
    found = ask(STATE, lamp)
    assert holds(found.fact("it burns", found.reading.burns), "==", True)
""",
    f"{ROOM}/__init__.py": "",
    f"{ROOM}/declared.py": """
class Lamp:
    id = "lamp"
LAMP = Kind("lamp", "lamps", lambda site: {})
""",
    f"{ROOM}/reading.py": """
from readiness.systems.lamp.declared import LAMP
class LampState:
    burns: bool
class Switch:
    on: bool
def says(found):
    return "it burns"
STATE = Source("lamp", LAMP, LampState, says=says)
SWITCH = Source("switch", LAMP, Switch)
""",
    f"{ROOM}/lens.py": """
def seen(light):
    return light > 0
def felt(light):
    return light > 9
""",
    f"{ROOM}/asking/__init__.py": """
from readiness.systems.lamp import lens
from readiness.systems.lamp.asking import wire
from readiness.systems.lamp.reading import STATE, SWITCH
def state(connections, lamp):
    return lens.seen(wire.look(lamp))
def switch(connections, lamp):
    return wire.feel(lamp)
ASKERS = (Asker(STATE, state), Asker(SWITCH, switch))
""",
    f"{ROOM}/asking/wire.py": """
def look(lamp):
    return 1
def feel(lamp):
    return 2
""",
}


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        (f"{ROOM}/reading.py", "burns: bool", "burns: int", "what it reads"),
        (f"{ROOM}/reading.py", '"lamp", LAMP', '"lamp", OTHER', "what it reads"),
        (f"{ROOM}/reading.py", "burns: bool", "burns: Annotated[bool, VOLATILE]", ""),
        (f"{ROOM}/reading.py", "burns: bool", "burns: Annotated[int, VOLATILE]", "what it reads"),
        (f"{ROOM}/reading.py", "says=says", "says=says, drift=FIXED", ""),
        (f"{ROOM}/reading.py", '"it burns"', '"it glows"', ""),
        (f"{ROOM}/reading.py", "on: bool", "on: int", ""),
        (f"{ROOM}/declared.py", 'id = "lamp"', 'id = "light"', ""),
        (f"{ROOM}/asking/__init__.py", "wire.look(lamp)", "wire.look(1)", "what it reads"),
        (f"{ROOM}/asking/__init__.py", "(STATE, state)", "(STATE, switch)", "what it reads"),
        (f"{ROOM}/asking/__init__.py", "(STATE, state)", "(STATE, state, early=True)", ""),
        (f"{ROOM}/asking/__init__.py", "wire.feel(lamp)", "wire.feel(1)", ""),
        (f"{ROOM}/lens.py", "light > 0", "light > 1", "what it reads"),
        (f"{ROOM}/lens.py", "light > 9", "light > 8", ""),
        (f"{ROOM}/asking/wire.py", "return 1", "return 11", "what it reads"),
        (f"{ROOM}/asking/wire.py", "return 2", "return 22", ""),
    ],
)
def test_a_check_depends_on_its_tokens_and_their_askers(
    file: str, old: str, new: str, changes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How another token of the room is asked, and what people are told, leaves a result proven."""
    assert FILES[file].count(old) == 1
    after = FILES | {file: FILES[file].replace(old, new)}
    digests = [digest(monkeypatch, tmp_path, n, files) for n, files in enumerate((FILES, after))]
    assert (digests[0] != digests[1]) is bool(changes)


def digest(
    monkeypatch: pytest.MonkeyPatch, folder: Path, number: int, files: dict[str, str]
) -> str:
    """What the check reads, in a repository of these files."""
    root = folder / str(number)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with monkeypatch.context() as patched:
        patched.setattr(examined, "REPOSITORY", root)
        patched.setattr(examined, "source_of", lambda _: "suites/lamp/test_lamp.py::test_it_burns")
        _forget()
        found = examined.readings.__wrapped__("LAMP-001")
    _forget()
    return found


def _forget() -> None:
    for remembered in (examined._parsed, examined._definitions, examined._imports):
        remembered.cache_clear()
