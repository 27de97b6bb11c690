"""Faults on the real lab: the product is green, sees each of them, and is green afterwards.

Every fault of the observe tier is tried, those at once that don't meet, and of the others, each of
which costs a minute to ten, a quarter that changes from commit to commit. Who is not as declared
beside others is tried alone, and once more on a lab that starts anew.

Only what a fault declares is looked at: that nothing else goes red, and that each by itself is
green again, is what `scripts/lab matrix` proves.
"""

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from narrow import Batches

from lab import matrix, mending, product, proving
from lab.errors import LabError
from lab.faults import Fault, all_faults, fault_called
from lab.home import REPOSITORY
from lab.progress import say
from lab.site import Site

pytestmark = [pytest.mark.lab]

# Set it to the seed in a test's name, and the same faults are tried again.
VARIABLE = "LAB_FAULTS_SEED"
SHARE = 4
# Seconds for all faults together; `scripts/lab matrix` tries them without a limit.
LIMIT = 1800.0


def seed() -> str:
    """What the choice follows from: the variable, else the commit."""
    argv = ["git", "rev-parse", "--short=12", "HEAD"]
    git = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return os.environ.get(VARIABLE) or git.stdout.strip() or "no-commit"


def kind(fault: Fault) -> str:
    """What its price depends on: a scan of everything takes 20 s."""
    return "scan" if fault.scan else fault.tier


def a_quarter(by: str, faults: Sequence[Fault]) -> list[str]:
    """As many of each kind, so that no seed chooses the dear ones alone."""
    chosen = []
    for each in sorted({kind(fault) for fault in faults}):
        names = [fault.name for fault in faults if kind(fault) == each]
        names.sort(key=lambda name: hashlib.sha256(f"{by} {name}".encode()).digest())
        chosen += names[: round(len(names) / SHARE) or 1]
    return chosen


SEED = seed()
OBSERVED = [fault.name for fault in all_faults().values() if kind(fault) == "observe"]
OTHERS = [fault for fault in all_faults().values() if kind(fault) != "observe"]


@pytest.fixture(scope="module")
def end() -> float:
    """When no further fault is begun."""
    return time.monotonic() + LIMIT


@pytest.fixture(scope="module")
def batched(request: pytest.FixtureRequest) -> Batches:
    """The faults of the observe tier that this session was asked for."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    asked = {
        item.callspec.params["name"]
        for item in items
        if item.originalname == test_a_fault_of_the_observe_tier.__name__
    }
    faults = [fault_called(name) for name in OBSERVED if name in asked]
    return Batches(faults, matrix.touched(matrix.load()))


def red(site: Site) -> list[str]:
    """What the whole observe tier, without the scan that the gate's own test does, finds."""
    with mending.holding(site):
        mending.require_healthy(site)
        mending.let_settle(site)
        return [str(case) for case in product.look(site).red]


def skip_when_over(end: float, name: str) -> None:
    """Begin nothing more after that."""
    if time.monotonic() > end:
        pytest.skip(f"{LIMIT:.0f} s are over: scripts/lab try {name}")


def problems(site: Site, name: str, end: float) -> tuple[str, ...]:
    """What was not as the fault declares, twice: a busy machine misses a deadline now and then.

    The second time on a lab that starts anew; what is red when it is mended was left by it, or by
    one before, and is a problem whatever the second try says.
    """
    skip_when_over(end, name)
    try:
        found = proving.attempt(site, fault_called(name), narrow=True).problems
    except LabError as error:
        found = (str(error),)
    if found:
        say(f"{name}: once more, after {'; '.join(found)}")
        left = [] if mending.in_force(site) else red(site)
        mending.start_anew(site)
        found = (*left, *proving.attempt(site, fault_called(name), narrow=True).problems)
    return found


@pytest.fixture
def site(
    lab_site: Site, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Site]:
    """The lab, with state and runs of the test's own; after a failure it starts anew."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(product, "kept_in", lambda _: tmp_path / "reports")
    failed = request.session.testsfailed
    yield lab_site
    if request.session.testsfailed > failed:
        mending.start_anew(lab_site)


def test_the_healthy_lab_is_green(site: Site) -> None:
    """Before anything was broken."""
    assert red(site) == []


@pytest.mark.parametrize("name", OBSERVED)
def test_a_fault_of_the_observe_tier(site: Site, end: float, batched: Batches, name: str) -> None:
    """It is red as it declares: beside others, or alone."""
    if not batched.knows(name):
        skip_when_over(end, name)
    if found := batched.problems(site, name):
        say(f"{name}: alone, after {'; '.join(found)}")
        assert problems(site, name, end) == ()


def test_the_mended_lab_is_green(site: Site) -> None:
    """After all of them were mended."""
    assert red(site) == []


@pytest.mark.parametrize("name", a_quarter(SEED, OTHERS), ids=lambda name: f"{name}-{SEED}")
def test_a_quarter_of_the_rest(site: Site, end: float, name: str) -> None:
    """The same beyond the observe tier or with a scan; the test's name ends with the seed."""
    assert problems(site, name, end) == ()


def test_the_lab_is_green_in_the_end(site: Site) -> None:
    """After those were mended too."""
    assert red(site) == []
