"""The failover drill against a simulated cluster: whole, and with every call of it failing once."""

import os
import random
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import simulated
from simulated import PROMOTION, Drilled, Failure, Limit, environment

from readiness.drills import disturbance
from readiness.drills.trial import Trial, shows_nothing
from readiness.evidence.claim import CURRENT, Found
from readiness.evidence.lease import request_halt
from readiness.site.environment import Environment
from readiness.systems.patroni import asking

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "suites/failover/test_database_failover.py"))
TAKING_BACK = ("nft list tables", "nft delete", "systemctl stop")
KINDS: dict[str, tuple[bool, Callable[[], BaseException | None]]] = {
    "unreachable": (False, lambda: None),
    "answer lost": (True, lambda: None),
    "interrupted": (False, KeyboardInterrupt),
    "interrupted after": (True, KeyboardInterrupt),
    "limit": (False, lambda: Limit("no result within 5 s")),
    "limit after": (True, lambda: Limit("no result within 5 s")),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """The declared site; nothing is synced to a disk, which is tested elsewhere."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return environment(tmp_path)


def drilled(
    tmp_path: Path, site: Environment, patch: pytest.MonkeyPatch, failure: Failure | None = None
) -> Drilled:
    """One drill in a folder of its own."""
    random.seed(1)
    folder = tmp_path / f"run-{len(list(tmp_path.glob('run-*')))}"
    folder.mkdir()
    return Drilled(folder, site, failure).patch(patch).drill()


def test_a_whole_drill_shows_everything(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control trial and a trial: outage, nothing lost, one writer, whole again, nothing left."""
    done = drilled(tmp_path, site, monkeypatch)
    assert done.error is None
    control, trial = done.trials
    assert (control.problem, trial.problem, trial.not_whole) == ("", "", "")
    assert (trial.victim, trial.promoted) == ("db1", "db2")
    assert trial.lost.upper == 0
    assert trial.missing_on_standbys == {"db1": 0, "db3": 0}
    assert trial.behind == {}
    assert trial.two_primaries.overlap == "no"
    assert {name for name, one in trial.outages.items() if one.upper} == set(trial.outages)
    assert done.run.journal.pending() == []
    assert done.site.left_behind == {}
    assert [one["kind"] for one in done.record.events if "restored" in one["kind"]] == ["restored"]


@pytest.mark.parametrize("kind", KINDS)
def test_c2_whatever_call_fails_the_record_is_right_and_the_undo_is_played(
    kind: str, tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The n-th call fails, for every n: what was disturbed is said, undone at once, and proven."""
    after, ending = KINDS[kind]
    total = len(drilled(tmp_path, site, monkeypatch).site.calls)
    cuts = 0
    for number in range(1, total + 1):
        with monkeypatch.context() as patch:
            failure = Failure(number, after=after, ending=ending())
            done = drilled(tmp_path, site, patch, failure)
            cuts += bool(done.site.cuts)
            told(done, failure, kind)
            mended(done, failure, kind)
    assert cuts > total / 4


def told(done: Drilled, failure: Failure, kind: str) -> None:
    """The record says what was disturbed, and nothing is found that is not so."""
    where = f"{kind} at call {failure.call}, {done.site.failed}"
    ended_from_outside = isinstance(failure.ending, KeyboardInterrupt | Limit)
    assert (done.error is failure.ending) or not ended_from_outside, (where, done.error)
    if done.site.cuts and done.error is None:
        trial = done.trials[-1]
        assert trial.victim == "db1", where
        assert trial.cut_seconds > 0, where
        assert done.record.of("drill")[-1]["fault"] == "partition", where
    elif done.site.cuts:
        assert "db1 was cut off" in done.told, (where, done.told)
    for trial in done.trials:
        assert trial.lost.upper in {0, None}, where
        assert set(trial.missing_on_standbys.values()) <= {0}, where
        assert "not begun" not in trial.problem or not trial.cut_seconds, where


def mended(done: Drilled, failure: Failure, kind: str) -> None:
    """The cut ends at once after what failed; what is owed is played and proven."""
    site = done.site
    where = f"{kind}, {site.failed}"
    owed = {one.action for one in done.run.journal.pending()}
    while_undoing = any(words in site.failed for words in TAKING_BACK)
    for name, machine in site.machines.items():
        assert not machine.tables or (while_undoing and done.error), (where, name)
        assert not machine.tables or "network.reconnect" in owed, (where, name)
    first, last = site.cuts[-1] if site.cuts else (0, 0)
    raised = site.failed.startswith("ssh") or done.error is not None
    if raised and first <= failure.call < (last or 0):
        between = site.calls[failure.call : last]
        assert all(one.startswith("ssh db1") for one in between), (where, between)
    results = done.play()
    assert all(one.proven for one in results), (where, results)
    assert site.left_behind == {}, where
    assert done.run.journal.pending() == [], where


def test_c2_a_halt_ends_the_cut_and_says_so(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody halts the run while the primary is cut off: undone, and a trial of the record."""
    random.seed(1)
    folder = tmp_path / "run"
    folder.mkdir()
    done = Drilled(folder, site).patch(monkeypatch)
    ask = done.site.view

    def halting(target: object) -> object:
        if done.site.cuts and not (folder / "halt").exists():
            request_halt(folder, "enough")
        return ask(target)

    monkeypatch.setattr(asking, "cluster", halting)
    trial = done.drill().trials[-1]
    assert trial.cut_seconds > 0
    assert "halted: enough" in trial.problem
    assert done.play() == []
    assert done.site.left_behind == {}


def test_c3_a_drill_whose_lease_was_lost_ends_its_cut(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another gate took the database over: nothing more is disturbed, and the cut is undone."""
    random.seed(1)
    folder = tmp_path / "run"
    folder.mkdir()
    done = Drilled(folder, site).patch(monkeypatch)

    class Lost:
        """A lease that another gate takes while the primary is cut off."""

        entry = ""

        @property
        def lost(self) -> str:
            return "run 2 on other holds it" if done.site.cuts else ""

        def stop(self) -> None:
            """Nothing beats."""

    done.run.leases["db"] = Lost()  # type: ignore[assignment]
    trial = done.drill().trials[-1]
    assert trial.cut_seconds > 0
    assert "run 2 on other holds it" in trial.problem
    assert done.site.left_behind == {}


def test_c2_a_cut_that_does_not_take_hold_is_undone(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules are taken and not in force: nothing is shown, and the timer is stopped at once."""
    random.seed(1)
    folder = tmp_path / "run"
    folder.mkdir()
    done = Drilled(folder, site).patch(monkeypatch)
    monkeypatch.setattr(disturbance.Cut, "stands", lambda _: False)
    trial = done.drill().trials[-1]
    assert "is not in force" in trial.problem
    assert trial.cut_seconds > 0
    assert done.site.left_behind == {}


def test_c7_a_mark_never_contradicts_what_clients_saw(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The automation tells of the promotion eight seconds late: clients knew before."""
    random.seed(1)
    folder = tmp_path / "run"
    folder.mkdir()
    done = Drilled(folder, site).patch(monkeypatch)
    done.site.noticed_after = 8.0
    assert done.drill().trials[-1].problem == ""
    event = done.record.of("drill")[-1]
    marks = {one["label"]: (one["since"], one["t"]) for one in event["marks"]}
    assert set(marks) == {"cut", "promoted", "reconnected", "rejoined"}
    assert all(since <= until for since, until in marks.values())
    outage = event["outages"][0]
    served = min(t for t, _, how in event["samples"] if how == "ok" and t > outage["start"] + 1)
    assert marks["cut"][0] <= outage["end"]
    assert marks["promoted"][1] <= served + 0.01
    assert marks["promoted"][0] >= marks["cut"][0]
    assert marks["rejoined"][0] >= marks["reconnected"][0]


def test_b7_a_standby_that_never_catches_up_is_no_loss(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old primary can't follow: nothing is lost, nothing missing, and the rejoining fails."""
    random.seed(1)
    folder = tmp_path / "run"
    folder.mkdir()
    done = Drilled(folder, site).patch(monkeypatch)
    begin = done.site.drill

    def cutting(target: object) -> object:
        if done.record.of("drill"):  # the control trial is over
            done.site.never_follows = {"db1"}
        return begin(target)

    monkeypatch.setattr(done.site, "drill", cutting)
    trial = done.drill().trials[-1]
    assert (trial.lost.upper, trial.missing_on_standbys) == (0, {"db3": 0})
    assert list(trial.behind) == ["db1"]
    assert "has not caught up" in trial.behind["db1"]
    assert trial.problem == ""
    assert "not steady within" in trial.not_whole
    assert trial.rejoin_seconds is None
    assert [one["kind"] for one in done.record.of("not-restored")] == ["not-restored"]
    outcomes = {name: judged(name, trial) for name in ("PG-021", "PG-023")}
    assert outcomes["PG-021"] == "passed"
    assert "old primary back in trial 1" in outcomes["PG-023"]


def test_b7_a_trial_without_a_fault_of_its_own_is_green(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost, and the old primary is back: both say so."""
    trial = drilled(tmp_path, site, monkeypatch).trials[-1]
    assert {name: judged(name, trial) for name in ("PG-021", "PG-023")} == {
        "PG-021": "passed",
        "PG-023": "passed",
    }


def test_b7_a_standby_that_caught_up_without_the_writes_is_a_loss(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows what was written after the trial, and not what was acknowledged in it."""
    done = drilled(tmp_path, site, monkeypatch)
    trial = replace(done.trials[-1], missing_on_standbys={"db1": 0, "db3": 12})
    assert "acknowledged writes missing on db3 after trial 1" in judged("PG-021", trial)


def judged(check: str, trial: Trial) -> str:
    """What a check of the failover suite says of a trial: `passed`, or its reason."""
    name = {"PG-021": "test_nothing_is_lost", "PG-023": "test_old_primary_rejoins"}[check]
    control = shows_nothing(0, "")
    done = SimpleNamespace(control=Found(control, "db", 1), trials=(Found(trial, "db", 2),))
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    try:
        SUITE[name](None, lambda _: done, lambda *_: None)
    except AssertionError:
        return said[-1]
    finally:
        CURRENT.reset(token)
    return "passed"


def playing(site: Environment, *experiments: str) -> Environment:
    """The site, its drill playing these experiments."""
    database = site.databases[0]
    assert database.failover is not None
    drill = database.failover.model_copy(update={"experiments": experiments})
    changed = database.model_copy(update={"failover": drill})
    return site.model_copy(update={"databases": (changed,)}).located(site.path("file:x").parent)


def test_each_experiment_is_measured_like_the_first(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off, killed, and without the store's leader: a trial of each, and nothing is left."""
    names = ("primary-cut-off", "primary-server-killed", "consensus-leader-stopped")
    done = drilled(tmp_path, playing(site, *names), monkeypatch)
    assert done.error is None
    control, cut, killed, stopped = done.trials
    assert control.experiment == ""
    assert tuple(one.experiment for one in done.trials[1:]) == names
    assert [one.problem for one in done.trials] == [""] * 4
    faults = [one["fault"] for one in done.record.of("drill")]
    assert faults == ["none", "partition", "kill", "stop"]
    assert (cut.victim, cut.promoted) == ("db1", "db2")
    assert (killed.victim, killed.promoted) == ("db2", "db1")
    assert (stopped.promoted, stopped.two_primaries.overlap) == ("", "no")
    for trial, out in ((control, False), (cut, True), (killed, True), (stopped, False)):
        assert {one.upper >= PROMOTION for one in trial.outages.values()} == {out}
    assert all(one.lost.upper == 0 and one.rejoin_seconds is not None for one in done.trials[1:])
    assert [one["name"] for one in done.record.of("experiment")] == list(names)
    assert done.run.journal.pending() == []
    assert done.site.left_behind == {}


def test_a_server_that_was_killed_is_started_whatever_fails(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted at every call while it is down: it is started at once, or owed and then so."""
    site = playing(site, "primary-server-killed")
    calls = drilled(tmp_path, site, monkeypatch).site.calls
    first = next(number for number, one in enumerate(calls, 1) if "kill --signal=KILL" in one)
    last = next(number for number, one in enumerate(calls, 1) if "systemctl start" in one)
    for number in range(first - 3, last + 3):
        with monkeypatch.context() as patch:
            done = drilled(tmp_path, site, patch, Failure(number, ending=KeyboardInterrupt()))
            assert isinstance(done.error, KeyboardInterrupt)
            down = [name for name, one in done.site.machines.items() if one.down]
            owed = {one.action for one in done.run.journal.pending()}
            assert not down or "unit.start" in owed, number
            assert all(one.proven for one in done.play()), number
            assert done.site.left_behind == {}, number


def test_an_experiment_that_nothing_came_to_shows_nothing(
    tmp_path: Path, site: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster is not whole again: the next experiment is not begun, and that is said."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr(simulated, "REJOIN", 1e6)
    done = Drilled(folder, playing(site, "primary-cut-off", "primary-server-killed"))
    trials = done.patch(monkeypatch).drill().trials
    assert [one.experiment for one in trials] == ["", "primary-cut-off", "primary-server-killed"]
    assert trials[1].not_whole
    assert "not begun" in trials[2].problem
