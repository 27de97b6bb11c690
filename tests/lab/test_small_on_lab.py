"""The lab's small site, for real: up at once, a GO when all is well, and two of its faults."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import health, mending, product, proving
from lab.faults import fault_called
from lab.home import REPOSITORY, current
from lab.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300), pytest.mark.flaky(reruns=1)]

# One that a look at pages finds, and one that only its machine tells.
TRIED = ("readiness-page-says-no", "application-port-beside-tls")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The site, healthy; left as it was found."""
    found = Site(current("small"))
    was_up = bool(found.lab.running())
    found.up()
    mending.mend(found)
    yield found
    if not was_up:
        found.down()


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """State and runs of the test's own."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(product, "kept_in", lambda _: tmp_path / "reports")


def test_it_is_up_at_once(site: Site) -> None:
    """From the frozen state, every machine healthy."""
    site.reset()
    assert all(health.ask_all(site.lab, site.machines))


@pytest.mark.usefixtures("site")
def test_a_command_about_it_leaves_the_big_one_alone() -> None:
    """`--site small` runs inside its machines; without it there is no machine of that name."""
    words = [str(REPOSITORY / "scripts/lab"), "exec", "--site", "small", "solo", "--", "hostname"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("solo\n", 0)
    done = subprocess.run(
        [*words[:2], *words[4:]], capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert "no machine is called 'solo'" in done.stderr


def test_the_gate_says_go(site: Site, tmp_path: Path) -> None:
    """A whole gate at tier touch, under the policy of such a site."""
    site.up()
    with mending.holding(site):
        mending.let_settle(site)
        words = [str(product.READINESS), "gate", "--env", str(product.environment_file(site))]
        words += ["--policy", str(product.policy("small")), "--reports", str(tmp_path / "reports")]
        words += ["--tier", "touch"]
        done = subprocess.run(
            site.lab.look_from("mon1", words),
            cwd=tmp_path,
            env=os.environ | {"READINESS_STATE": str(tmp_path / "state")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-3000:]
    assert done.stdout.splitlines()[-1].startswith("VERDICT=GO EXIT=0 RUN=")


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("name", TRIED)
def test_a_fault_is_seen(site: Site, name: str) -> None:
    """It is red as it declares; that nothing else is, `scripts/lab matrix --site small` proves."""
    assert proving.attempt(site, fault_called(name), narrow=True).problems == ()


@pytest.mark.usefixtures("apart")
def test_the_mended_site_is_green(site: Site) -> None:
    """After both were mended."""
    with mending.holding(site):
        mending.require_healthy(site)
        mending.let_settle(site)
        assert product.look(site).red == ()
