"""One lab for all tests that need one: brought up once, put away at the end if it was not up."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import mending
from lab.home import REPOSITORY, current
from lab.site import Site

Gate = Callable[..., subprocess.CompletedProcess[str]]
READINESS = str(Path(sys.executable).with_name("readiness"))


@pytest.fixture(scope="session")
def lab_site() -> Iterator[Site]:
    """The lab, healthy; left as it was found."""
    site = Site(current())
    was_up = bool(site.lab.running())
    site.up()
    yield site
    if not was_up:
        site.down()


@pytest.fixture
def healthy(lab_site: Site) -> Site:
    """The lab, healthy at the beginning of this test."""
    mending.bring_up(lab_site)
    return lab_site


@pytest.fixture
def environment_file(lab_site: Site, tmp_path: Path) -> Path:
    """The lab's environment file, with the secrets of the lab that is used."""
    text = (REPOSITORY / "environments/lab.yaml").read_text()
    path = tmp_path / "lab.yaml"
    text = text.replace("/var/lib/readiness-lab/", f"{lab_site.home.path}/")
    path.write_text(text.replace("file:../", f"file:{REPOSITORY}/"))
    return path


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """An environment with a state folder of its own, so that run numbers start at one."""
    return os.environ | {"READINESS_STATE": str(tmp_path / "state")}


@pytest.fixture
def readiness(healthy: Site, state: dict[str, str], tmp_path: Path) -> Gate:
    """Runs the product looking from the lab's operations zone."""

    def run(*words: str, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            healthy.lab.look_from("mon1", [READINESS, *words]),
            cwd=tmp_path,
            env=state,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
