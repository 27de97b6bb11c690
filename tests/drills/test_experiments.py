"""Experiments: read strictly, played by hand under the gate's rules, undone after a kill."""

import os
import pickle
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, get_args

import pytest
from chaoslib.experiment import ensure_experiment_is_valid
from chaoslib.loader import load_experiment
from chaoslib.run import Runner
from chaoslib.types import Strategy
from simulated import Drilled, Simulated, environment

from readiness import chaos
from readiness.chaos import by_hand
from readiness.evidence.lease import holder
from readiness.evidence.record import Record, read_record
from readiness.evidence.state import RunLog, state_directory
from readiness.evidence.steps import Observation
from readiness.evidence.undo import UndoJournal
from readiness.model.errors import NotRun, TimedOut, UsageError
from readiness.running.recovery import recover
from readiness.session import identity
from readiness.site import experiments
from readiness.site.documents import load_environment

SHIPPED = experiments.shipped()
CUT_OFF = SHIPPED["primary-cut-off"]


class Site:
    """The simulated cluster, and the toolkit run against it as by hand."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, tiers: str = "disrupt") -> None:
        environment(folder)
        (folder / "password").chmod(0o600)
        self.file = folder / "environment.yaml"
        text = self.file.read_text() + f"permissions: {{tiers: [observe, {tiers}]}}\n"
        self.file.write_text(text)
        patch.setenv("READINESS_STATE", str(folder / "state"))
        patch.setenv("READINESS_ENV", str(self.file))
        patch.setenv("READINESS_REPORTS", str(folder / "reports"))
        patch.setattr(os, "fsync", lambda _: None)
        # Who this is was asked elsewhere (tests/test_identity.py), over connections that are not.
        patch.setattr(identity, "verify", lambda _: [])
        self.reports = folder / "reports"
        done = Drilled(folder, load_environment(self.file)).patch(patch)
        self.cluster: Simulated = done.site
        self.told: list[str] = []
        patch.setattr(by_hand.LOG, "fatal", self.told.append)

    def run(self, file: Path = CUT_OFF, strategy: Strategy = Strategy.DEFAULT) -> dict[str, Any]:
        """What `chaos run` does with a file: its journal."""
        experiment = load_experiment(str(file))
        ensure_experiment_is_valid(experiment)
        with Runner(strategy) as runner:
            return dict(runner.run(experiment, settings={}))

    @property
    def state(self) -> Path:
        """The state folder."""
        return state_directory("mini")

    @property
    def record(self) -> Record:
        """The newest run's record."""
        return read_record(max(one for one in self.reports.iterdir() if "mini" in one.name))

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Events of a kind in it."""
        return list(self.record.of(kind))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that allows disruption."""
    return Site(tmp_path, monkeypatch)


def edited(folder: Path, old: str, new: str) -> Path:
    """The first experiment with something changed."""
    text = CUT_OFF.read_text()
    assert old in text
    file = folder / "changed.yaml"
    file.write_text(text.replace(old, new, 1))
    return file


@pytest.mark.parametrize("name", SHIPPED)
def test_each_experiment_works_by_itself(name: str, site: Site) -> None:
    """Played, undone, whole again; the run is in the log and counts among no release's runs."""
    journal = site.run(SHIPPED[name])
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    assert all(one["status"] == "succeeded" for one in (*journal["run"], *journal["rollbacks"]))
    assert len(site.cluster.cuts) == 1
    assert site.cluster.left_behind == {}
    assert site.cluster.lease == ""
    assert UndoJournal(site.state / "undo").pending() == []
    assert holder(site.state) is None
    (entry,) = RunLog(site.state).entries()
    assert (entry.purpose, entry.verdict, entry.decides_nothing) == (
        "experiment",
        "INCONCLUSIVE",
        True,
    )
    (observed,) = [one for one in site.record.steps(Observation) if one.source == "experiment"]
    assert observed.reading["status"] == "completed"
    assert [one["kind"] for one in site.events("restored")] == ["restored"]


def test_the_files_permission_is_asked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that allows no disruption: refused with its line, and nothing was asked of anybody."""
    site = Site(tmp_path, monkeypatch, tiers="touch")
    assert site.run()["status"] == "interrupted"
    assert "environment.yaml:" in site.told[0]
    assert (
        "permissions.tiers: does not allow what was asked for with --tier disrupt" in site.told[0]
    )
    assert site.cluster.calls == []


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("READINESS_ENV", "", "which environment?"),
        ("READINESS_DATABASE", "other", "expected one that a failover drill is declared for (db)"),
    ],
)
def test_what_it_is_about_has_to_be_said(
    variable: str, value: str, said: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No environment, or a database that is none: refused, and nothing was asked of anybody."""
    monkeypatch.setenv(variable, value)
    assert site.run()["status"] == "interrupted"
    assert said in site.told[0]
    assert site.cluster.calls == []


def test_who_holds_the_target_is_not_disturbed(site: Site) -> None:
    """Another machine's gate holds the lease in the database: nothing is cut."""
    site.cluster.lease = "run 3"
    assert site.run()["status"] == "interrupted"
    assert "run run 3 on another machine holds this environment" in site.told[0]
    assert site.cluster.cuts == []
    assert site.cluster.lease == "run 3"
    assert holder(site.state) is None


def test_what_is_not_whole_is_not_disturbed(site: Site) -> None:
    """Whatever the toolkit calls that: nothing is cut, and the record says why."""
    site.cluster.machines["db2"].down.add("patroni.service")
    site.run()
    assert site.cluster.cuts == []
    assert [one["critical"] for one in site.events("not-restored")] == [True]


def test_the_steady_state_is_not_passed_over(site: Site) -> None:
    """The toolkit is told to prove it afterwards only: nothing is cut."""
    journal = site.run(strategy=Strategy.AFTER_METHOD)
    assert journal["status"] == "interrupted"
    assert "was not proven to be whole" in site.told[0]
    assert site.cluster.cuts == []
    (closed,) = site.events("run-closed")
    assert "was not proven to be whole" in closed["how"]


def test_a_step_that_fails_ends_the_experiment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cut can't be made: undone at once, and no later step is played."""
    call = site.cluster.call

    def failing(what: str, broken: BaseException) -> AbstractContextManager[None]:
        if "nft -f -" in what:
            raise TimedOut("db1: no end in time")
        return call(what, broken)

    monkeypatch.setattr(site.cluster, "call", failing)
    journal = site.run()
    assert journal["status"] == "interrupted"
    assert [one["status"] for one in journal["run"]] == ["failed"]
    assert site.cluster.left_behind == {}
    assert UndoJournal(site.state / "undo").pending() == []


def die(folder: Path, name: str, kept: Path) -> None:
    """Play an experiment on a site of its own, and be killed with signal 9 while it is in force."""
    with pytest.MonkeyPatch.context() as patch:
        site = Site(folder, patch)
        ask = site.cluster.view

        def dying(target: Any) -> Any:
            if site.cluster.cuts:
                kept.write_bytes(pickle.dumps((site.cluster.machines, site.cluster.lease)))
                os.kill(os.getpid(), signal.SIGKILL)
            return ask(target)

        patch.setattr("readiness.systems.patroni.asking.cluster", dying)
        site.run(SHIPPED[name])


@pytest.mark.parametrize("name", ["primary-cut-off", "primary-server-killed"])
def test_what_a_killed_experiment_left_is_recovered(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while it is in force: it stands, is owed, and `recover` undoes it."""
    kept = tmp_path / "kept"
    script = "import sys, pathlib, test_experiments as here; path = pathlib.Path; "
    script += "here.die(path(sys.argv[1]), sys.argv[2], path(sys.argv[3]))"
    killed = subprocess.run(
        [sys.executable, "-c", script, tmp_path, name, kept],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,  # seconds: it takes two, and ends by itself or hangs
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    site = Site(tmp_path, monkeypatch)
    site.cluster.machines, site.cluster.lease = pickle.loads(kept.read_bytes())  # noqa: S301 - ours
    site.cluster.cuts.append((0, None))
    assert site.cluster.left_behind
    assert site.cluster.lease
    results = recover(load_environment(site.file), site.state)
    assert results
    assert all(one.proven for one in results)
    assert site.cluster.left_behind == {}
    assert site.cluster.lease == ""
    assert UndoJournal(site.state / "undo").pending() == []


WRONG: dict[str, tuple[str, str, str]] = {
    "a function of somebody else": (
        "module: readiness.chaos, func: cut_off_primary",
        "module: os, func: cut_off_primary",
        "method[0].provider.module: wrong value; expected 'readiness.chaos', found 'os'",
    ),
    "a function that is none": (
        "func: cut_off_primary",
        "func: cut_of_primary",
        "method[0].provider.func: wrong value",
    ),
    "a program": (
        "{type: python, module: readiness.chaos, func: standby_is_promoted}",
        "{type: process, path: /bin/true}",
        "method[1].provider.module: is missing",
    ),
    "nothing that disturbs": (
        "func: cut_off_primary",
        "func: undo",
        "method: wrong value; expected one action that disturbs, and first",
    ),
    "nothing that is waited for": (
        "func: standby_is_promoted",
        "func: outlasts_the_lease",
        "method: wrong value; expected a probe of what is waited for",
    ),
    "a probe as an action": (
        "- type: probe\n    name: the survivors",
        "- type: action\n    name: the survivors",
        "method[1].type: wrong value; expected 'probe', as standby_is_promoted is one",
    ),
    "a unit that is none": (
        "func: cut_off_primary}",
        "func: kill_primary_server, arguments: {unit: 'a; reboot'}}",
        "method[0].provider.arguments.unit: wrong value; expected the name of a systemd unit",
    ),
    "no unit": (
        "func: cut_off_primary",
        "func: kill_primary_server",
        "method[0].provider.arguments: wrong value; expected the unit that is stopped, found none",
    ),
    "a steady state that is not proven": (
        "func: cluster_is_whole",
        "func: consensus_is_whole",
        "steady-state-hypothesis.probes: wrong value; expected a probe cluster_is_whole among them",
    ),
    "a step in the background": (
        "    name: the primary is cut off",
        "    background: true\n    name: the primary is cut off",
        "method[0].background: unknown key",
    ),
    "no control": ("- name: readiness", "- nam: readiness", "controls[0].nam: unknown key"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_an_experiment_that_is_wrong_is_refused_with_its_line(mistake: str, tmp_path: Path) -> None:
    """File, line, key, what was expected and what was found."""
    old, new, said = WRONG[mistake]
    file = edited(tmp_path, old, new)
    with pytest.raises(UsageError) as refused:
        experiments.load(file)
    assert f"{file}:{refused.value.line}:" in str(refused.value)
    assert said in str(refused.value)
    assert refused.value.line > 1


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_is_read_by_the_toolkit_as_by_us(name: str) -> None:
    """Both readers find the same values, and the toolkit binds every argument to its function."""
    loaded = experiments.load(SHIPPED[name])
    assert load_experiment(str(SHIPPED[name])) == loaded.data
    ensure_experiment_is_valid(loaded.data)


def test_every_function_of_the_schema_is_one() -> None:
    """What an experiment may name is there, and whatever is there may be named."""
    named = {name for name in chaos.__all__ if not name.endswith("_control")}
    assert set(get_args(experiments.Function)) == named


def test_an_unknown_experiment_is_refused_with_its_line(site: Site) -> None:
    """Misspelt in the environment file: before anything is touched."""
    text = site.file.read_text().replace(
        "      trials: 1\n", "      trials: 1\n      experiments: [primary-cut-of]\n"
    )
    site.file.write_text(text)
    with pytest.raises(UsageError) as refused:
        experiments.refuse_unusable(load_environment(site.file), site.file)
    assert f"{site.file}:{refused.value.line}:" in str(refused.value)
    assert "databases[0].failover.experiments[0]: unknown experiment" in str(refused.value)
    assert "did you mean 'primary-cut-off'?" in str(refused.value)


def test_without_a_stage_nothing_is_disturbed() -> None:
    """An experiment without our control, under `chaos run`: each function refuses."""
    for act in (chaos.cut_off_primary, chaos.cluster_is_whole, chaos.undo):
        with pytest.raises(NotRun, match="no run is open"):
            act()
