"""Several faults are mended although one of them leaves the lab ill for the others."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import mending
from lab.errors import LabError
from lab.home import Home
from lab.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A lab of which only the journal is real."""
    return Site(Home(tmp_path))


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch, site: Site) -> set[str]:
    """Names of faults that can't be undone; a lab with any other in force is ill."""
    stuck: set[str] = set()
    undone: set[str] = set()

    def undo(fault: Any, _: object) -> None:
        if fault.name in stuck:
            raise LabError(f"{fault.name} can't be undone")
        undone.add(fault.name)

    def proven(_site: object, fault: Any, _scene: object) -> str:
        if "ill" not in undone:
            raise LabError("db1: start failed")
        return f"{fault.name} is gone"

    def owed(arguments: Any, *_: object) -> tuple[Any, None]:
        return SimpleNamespace(name=arguments["fault"]), None

    monkeypatch.setattr(mending, "_undo", undo)
    monkeypatch.setattr(mending, "_proven_gone", proven)
    monkeypatch.setattr(mending, "_owed", owed)
    for name in ("ill", "harmless"):
        mending._owe(site, SimpleNamespace(name=name), SimpleNamespace(facts={}))  # type: ignore[arg-type]
    return stuck


@pytest.mark.usefixtures("stuck")
def test_the_newest_is_asked_about_again_once_the_lab_is_well(site: Site) -> None:
    """It is taken back first, and nothing could prove it while the older one was in force."""
    assert [one.detail for one in mending.mend(site)] == ["ill is gone", "harmless is gone"]
    assert mending.in_force(site) == []


def test_who_can_not_be_undone_stays_owed(site: Site, stuck: set[str]) -> None:
    """Both, for nobody knows of a sick lab what else ails it; and it ends."""
    stuck.add("ill")
    with pytest.raises(LabError, match="db1: start failed"):
        mending.mend(site)
    assert len(mending.in_force(site)) == 2
