"""Faults on the real lab: the product is green, sees each of them, and is green afterwards.

Tried are a sample that changes from commit to commit, and then those that changed since the matrix
proved them, as many as three minutes hold; who is left is skipped by name. Those of the observe
tier are tried at once where they don't meet. Who is not as declared beside others is tried alone,
and once more on a lab that starts anew.

Only what a fault declares is looked at: that nothing else goes red, and that each by itself is
green again, is what `scripts/lab matrix` proves.
"""

import hashlib
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest
from narrow import Batches

from lab import matrix, mending, product, proving
from lab.errors import LabError
from lab.faults import Fault, all_faults, fault_called
from lab.home import LAB, REPOSITORY
from lab.progress import say
from lab.site import Site

pytestmark = [pytest.mark.lab]

# Set it to the seed that the test of the healthy lab tells, and the same faults are tried again.
VARIABLE = "LAB_FAULTS_SEED"
# Faults of a kind that are in the sample: of the observe tier a few batches, of the others, each of
# which costs a minute to ten, one.
SAMPLE = {"observe": 12}
# Seconds for the faults of the observe tier, and for the others: what a test command can spend.
LIMIT = 180.0


def seed() -> str:
    """What the choice follows from: the variable, else the commit."""
    argv = ["git", "rev-parse", "--short=12", "HEAD"]
    git = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return os.environ.get(VARIABLE) or git.stdout.strip() or "no-commit"


def kind(fault: Fault) -> str:
    """What its price depends on: a scan of everything takes 20 s."""
    return "scan" if fault.scan else fault.tier


def by_seed(fault: Fault) -> bytes:
    """Where a fault stands in an order that changes with the seed."""
    return hashlib.sha256(f"{SEED} {fault.name}".encode()).digest()


def chosen(faults: Iterable[Fault], document: matrix.Document) -> tuple[list[str], list[str]]:
    """A sample of each kind, and whoever else the matrix has to renew; in the seed's order."""
    left = sorted(faults, key=by_seed)
    sample = []
    for each in sorted({kind(fault) for fault in left}):
        sample += [one for one in left if kind(one) == each][: SAMPLE.get(each, 1)]
    rest = [one for one in left if one not in sample and matrix.stale(one, document)]
    return [one.name for one in sample], [one.name for one in rest]


SEED = seed()
MATRIX = matrix.load()
FAULTS = tuple(one for one in all_faults().values() if one.site == LAB)
OBSERVED = chosen((one for one in FAULTS if kind(one) == "observe"), MATRIX)
OTHERS = chosen((one for one in FAULTS if kind(one) != "observe"), MATRIX)


@pytest.fixture(scope="module")
def begun() -> dict[str, float]:
    """When the first fault of a test function was begun."""
    return {}


@pytest.fixture
def end(begun: dict[str, float], request: pytest.FixtureRequest) -> float:
    """When no further fault of this test function is begun."""
    return begun.setdefault(request.function.__name__, time.monotonic()) + LIMIT


@pytest.fixture(scope="module")
def batched(request: pytest.FixtureRequest) -> Batches:
    """The faults of the observe tier that this session was asked for."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    asked = {
        item.callspec.params["name"]
        for item in items
        if item.originalname == test_a_fault_of_the_observe_tier.__name__
    }
    groups = [[fault_called(name) for name in names if name in asked] for names in OBSERVED]
    return Batches(groups, matrix.touched(MATRIX))


def red(site: Site) -> list[str]:
    """What the whole observe tier, without the scan that the gate's own test does, finds."""
    with mending.holding(site):
        mending.require_healthy(site)
        mending.let_settle(site)
        return [str(case) for case in product.look(site).red]


def skip_when_over(end: float, name: str) -> None:
    """Begin nothing more after that."""
    if time.monotonic() > end:
        pytest.skip(f"{LIMIT:.0f} s are over; left to scripts/lab matrix {name}")


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
    say(f"the sample of {VARIABLE}={SEED}: {len(OBSERVED[0])} and {len(OTHERS[0])} faults")
    assert red(site) == []


@pytest.mark.parametrize("name", [*chain(*OBSERVED)])
def test_a_fault_of_the_observe_tier(site: Site, end: float, batched: Batches, name: str) -> None:
    """It is red as it declares: beside others, or alone."""
    if not batched.knows(name):
        skip_when_over(end, name)
    if found := batched.problems(site, name, end):
        say(f"{name}: alone, after {'; '.join(found)}")
        assert problems(site, name, end) == ()


def test_the_mended_lab_is_green(site: Site) -> None:
    """After all of them were mended."""
    assert red(site) == []


@pytest.mark.parametrize("name", [*chain(*OTHERS)])
def test_a_fault_of_another_kind(site: Site, end: float, name: str) -> None:
    """The same beyond the observe tier or with a scan."""
    assert problems(site, name, end) == ()


def test_the_lab_is_green_in_the_end(site: Site) -> None:
    """After those were mended too."""
    assert red(site) == []
