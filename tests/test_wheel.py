"""The wheel: what a site installs has the same checks as a checkout, and what they need beside."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from readiness.catalogue.checks import load_catalogue

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, unpacked as an installer does, outside the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    place = folder / "site-packages"
    zipfile.ZipFile(wheel).extractall(place)
    return place


def run(place: Path, *words: str) -> str:
    """What a Python prints that finds the product there first, in a folder that is no checkout."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=place.parent,
        env={**os.environ, "PYTHONPATH": str(place), "COLUMNS": "200"},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


def test_the_wheel_lists_the_checks_of_the_checkout(installed: Path) -> None:
    """`readiness checks` of the wheel has every id and no other."""
    code = "import readiness.commands.cli, sys; sys.argv = ['readiness', 'checks']; readiness.commands.cli.main()"
    told = re.findall(r"^ *([A-Z]+-\d{3})\b", run(installed, "-c", code), re.MULTILINE)
    assert sorted(told) == sorted(load_catalogue())


def test_the_wheel_carries_what_the_suites_need(installed: Path) -> None:
    """The suites lie inside the package, with the settings that the gate gives to pytest."""
    code = "from readiness import gate; print(gate.suites_folder(), gate.settings_file())"
    suites, settings = run(installed, "-c", code).split()
    assert Path(suites) == installed / "readiness" / "suites"
    assert Path(settings) == installed / "readiness" / "suites" / "pytest.ini"
    files = {one.relative_to(ROOT) for one in (ROOT / "suites").rglob("*.py")}
    code = "from readiness import journey_files; print(journey_files.loadtests_folder())"
    journeys = Path(run(installed, "-c", code).strip())
    assert journeys == installed / "readiness" / "loadtests"
    ours = {one.name: one.read_bytes() for one in (ROOT / "loadtests").glob("*.py")}
    assert {one.name: one.read_bytes() for one in journeys.glob("*.py")} == ours
    packed = {one.relative_to(installed / "readiness") for one in Path(suites).rglob("*.py")}
    assert packed - {Path("suites/conftest.py")} == files


def test_the_wheel_carries_the_experiments(installed: Path) -> None:
    """What the checkout has in chaos/ lies inside the package, byte for byte, and is found."""
    code = "from readiness.site.experiments import *; print(*[load(x).file for x in shipped().values()])"
    packed = [Path(one) for one in run(installed, "-c", code).split()]
    ours = sorted((ROOT / "chaos").glob("*.yaml"))
    assert packed == [installed / "readiness" / "chaos" / one.name for one in ours]
    assert [one.read_bytes() for one in packed] == [one.read_bytes() for one in ours]
