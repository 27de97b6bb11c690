"""The checks of secrets in the open, green and red without a lab."""

import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.evidence.claim import CURRENT, Found
from readiness.systems.secrets.declared import Kept as Declared
from readiness.systems.secrets.declared import Secrets
from readiness.systems.secrets.reading import Kept, OpenFiles, Secret, ShownToAll

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "suites/secrecy/test_plaintext.py"))
MACHINE = SimpleNamespace(name="app1")
NOTHING = OpenFiles(("/etc",), 200, 30, (), (), (), (), (), (), ())
PLACE = Declared(path="/etc/portal/pgpass", owner="portal", mode="0640")


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def files(reading: OpenFiles, *kept_in: Declared) -> None:
    """Put a reading to SEC-001, under a site that declares these places."""
    site = SimpleNamespace(secrets=Secrets(kept_in=kept_in))
    ask: Any = lambda *_: Found(reading, "app1", 0)  # noqa: E731 - one line says it
    SUITE["test_no_secret_in_open_files"](MACHINE, site, ask)


def shown(reading: ShownToAll) -> None:
    """Put a reading to SEC-002."""
    SUITE["test_no_secret_is_shown"](MACHINE, lambda *_: Found(reading, "app1", 0))


def secrets(number: int) -> tuple[Secret, ...]:
    """So many secrets."""
    return tuple(
        Secret("/srv/x.properties", line, "a setting", "db.password", "0f")
        for line in range(1, number + 1)
    )


def test_nothing_in_the_open_is_green() -> None:
    """Files were looked at, and none has a secret."""
    files(NOTHING)
    shown(ShownToAll(10, 20, (), ()))


def test_a_secret_is_red_with_its_place(reasons: list[str]) -> None:
    """The reason names file, line and setting, and says how many more there are."""
    with pytest.raises(AssertionError):
        files(replace(NOTHING, secrets=secrets(7)))
    assert "found /srv/x.properties:1 (a setting, db.password); " in reasons[-1]
    assert reasons[-1].endswith(" and 2 more")
    with pytest.raises(AssertionError):
        shown(ShownToAll(10, 20, secrets(1), ()))


def test_nothing_looked_at_is_not_green() -> None:
    """No file, no process: nobody looked."""
    with pytest.raises(AssertionError):
        files(replace(NOTHING, files=0))
    with pytest.raises(AssertionError):
        shown(ShownToAll(10, 0, (), ()))


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (Kept(PLACE.path, False, "", ""), "is there to be yes, found no"),
        (Kept(PLACE.path, True, "root", "640"), "to be portal, found root"),
        (Kept(PLACE.path, True, "portal", "644"), r"beyond 0640 (it has 0644) to be 0000, found"),
        (Kept(PLACE.path, True, "portal", "660"), r"beyond 0640 (it has 0660) to be 0000, found"),
    ],
)
def test_a_place_that_is_not_as_declared_is_red(
    reasons: list[str], seen: Kept, reason: str
) -> None:
    """Gone, somebody else's, or open to more than is declared."""
    with pytest.raises(AssertionError):
        files(replace(NOTHING, kept=(seen,)), PLACE)
    assert reason in reasons[-1]


@pytest.mark.parametrize(
    "seen",
    [
        Kept(PLACE.path, True, "portal", "640"),
        Kept(PLACE.path, True, "portal", "400"),
        Kept(PLACE.path, None, "", "", "/etc/portal"),
    ],
)
def test_a_place_that_is_closed_is_green(seen: Kept) -> None:
    """With the declared rights, with fewer, or behind a folder that others can't enter."""
    files(replace(NOTHING, kept=(seen,)), PLACE)
