"""The run that an experiment has under `chaos run`: the gate's permits, leases, guards and undo.

It is a run of tier `disrupt` whose plan is the check that the failover drill stands for; the check
itself does not run, since nothing is measured, so the run's verdict is never a GO and counts among
no release's runs. Nothing rests on the toolkit's exit code: what was done, and that the cluster is
whole again, stands in the record.
"""

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chaoslib.exceptions import InterruptExecution

from readiness.drills import target_lease, undoing
from readiness.drills.actions import disturbing
from readiness.drills.cluster import ClusterView
from readiness.drills.guards import require_fresh_backup
from readiness.drills.listed import require_listed_backup
from readiness.drills.permit import mint
from readiness.drills.stage import Stage
from readiness.evidence.state import EXPERIMENT
from readiness.model.errors import NotRun, ReadinessError, UsageError
from readiness.model.extras import need_run
from readiness.model.interrupts import ENDING, deferred
from readiness.model.words import Json, Tier
from readiness.running.finish import FINISHED, INTERRUPTED, finish
from readiness.session import identity
from readiness.session.clients import Clients
from readiness.session.plan import PlannedCase
from readiness.session.run import Run, RunRequest, open_run
from readiness.site import experiments
from readiness.site.documents import load_environment
from readiness.site.subjects import Cluster, clusters

# The toolkit's own, so that people read one story.
LOG: Final = logging.getLogger("chaostoolkit")
# Of all checks of the failover drill the one that needs nothing but the drill itself.
CHECK: Final = "PG-020"
# Importing it registers the undo actions.
UNDOING: Final = undoing


@dataclass
class _Open:
    """What is open while an experiment plays."""

    run: Run
    stack: ExitStack = field(default_factory=ExitStack)
    stage: Stage = field(init=False)
    how: str = FINISHED

    def close(self) -> None:
        """Close the run as the gate does, and say where its record is."""
        finished = finish(self.run, self.how)
        owed = [one for one in self.run.journal.survey()[0] if one.run == self.run.id]
        left = f"{len(owed)} could NOT be undone: run `readiness recover`" if owed else "undone"
        report = finished.folder / "index.html"
        LOG.info("readiness: %s; RUN=%s REPORT=%s", left, self.run.id, report)


_open: _Open | None = None


def begin(experiment: Json, configuration: Json) -> None:
    """Open the run and set its stage.

    Raises:
        InterruptExecution: it may not be opened; nothing was disturbed.
    """
    global _open  # noqa: PLW0603 - the toolkit calls functions by name, with no object of ours
    try:
        need_run()
        experiments.refuse_other({key: one for key, one in experiment.items() if key in OURS})
        run, cluster = _opened(configuration)
        with ExitStack() as stack:
            opening = _Open(run)
            stack.callback(opening.close)
            opening.stage = _set(run, cluster, stack)
            run.writer.write("step", text=f"{cluster.id}: {experiment['title']}, by hand")
            opening.stack = stack.pop_all()
            _open = opening
    except ReadinessError as error:
        raise InterruptExecution(f"readiness: {error}") from error


OURS: Final = tuple(
    field.alias or name for name, field in experiments.Experiment.model_fields.items()
)


def _opened(told: Json) -> tuple[Run, Cluster]:
    """The open run, and the cluster that it is about.

    Raises:
        ReadinessError: the environment does not permit it, or somebody holds it.
    """
    file = str(told.get("environment") or "")
    if not file:
        raise UsageError(
            "which environment?", key="READINESS_ENV", expected="an environment file's path"
        )
    environment = load_environment(Path(file))
    drilled = {one.id: one for one in clusters(environment) if one.database.failover}
    wanted = str(told.get("database") or "") or next(iter(drilled), "")
    if wanted not in drilled or (len(drilled) > 1 and not told.get("database")):
        raise UsageError(
            "which database?",
            file=file,
            key="READINESS_DATABASE",
            expected=f"one that a failover drill is declared for ({', '.join(drilled) or 'none'})",
            found=str(told.get("database") or "nothing"),
        )
    request = RunRequest(
        environment_file=Path(file),
        tier=Tier.DISRUPT,
        only=(CHECK,),
        reports=Path(str(told.get("reports") or "reports")),
        confirmed=str(told.get("confirm") or ""),
        purpose=EXPERIMENT,
    )
    return open_run(request), drilled[wanted]


def _set(run: Run, cluster: Cluster, stack: ExitStack) -> Stage:
    """A stage for the experiment, once everything that the gate asks before a drill holds.

    Raises:
        ReadinessError: it does not; nothing was disturbed.
    """
    planned = _planned(run, cluster)
    if planned.not_run:
        raise NotRun(f"{cluster.id}: {planned.not_run}", declare=planned.declare)
    run.case = planned.case
    permit = mint(run)
    clients = Clients(run)
    stack.callback(clients.close)
    identity.verify(clients)
    target_lease.hold(run, cluster.database)
    stack.callback(target_lease.give_back, run)
    clients.look.forget()
    require_fresh_backup(clients, cluster)
    require_listed_backup(clients, cluster)
    machines = stack.enter_context(disturbing(run))
    view = ClusterView(clients, cluster)
    stage = Stage(run, permit, view, machines)
    stack.enter_context(stage.standing())
    return stage


def _planned(run: Run, cluster: Cluster) -> PlannedCase:
    return next(one for one in run.plan.cases if one.case.subject == cluster.id)


def go_on(activity: Json, state: Json) -> None:
    """Note how a step ended, and end the experiment at one that failed.

    Raises:
        InterruptExecution: it failed.
    """
    if _open is None:
        return
    said = state.get("output")
    failed = state.get("status") == "failed"
    why = f"failed: {_last(state)}" if failed else said
    _open.run.writer.write("step", text=f"{activity['name']}: {why}")
    if failed:
        _open.how = f"a step failed: {why}"
        raise InterruptExecution(f"readiness: {activity['name']}: {_last(state)}")


def _last(state: Json) -> str:
    """What a step that failed said last."""
    lines = [str(one).strip() for one in state.get("exception") or ()]
    return lines[-1] if lines else "no reason was given"


def keep(experiment: Json, journal: Json) -> None:
    """Put the toolkit's journal into the record, as one observation."""
    if _open is None:
        return
    if journal.get("status") == "interrupted" and _open.how == FINISHED:
        _open.how = INTERRUPTED
    reading = {
        "title": experiment["title"],
        "status": journal.get("status"),
        "deviated": journal.get("deviated"),
        "disturbed": _open.stage.told,
        "promoted": _open.stage.promoted,
        "steps": [
            {"name": one["activity"]["name"], "status": one["status"], "output": one["output"]}
            for one in journal.get("run", ())
        ],
    }
    _open.stage.view.clients.look.note(_open.stage.database.name, "experiment", reading)


def end() -> None:
    """Undo what is left, prove the steady state, close the run; say where its record is."""
    global _open
    if _open is None:
        return
    ending, _open = _open, None
    with deferred(ENDING, dropped=True):
        try:
            with ending.stack:
                ending.stage.mend()
                _prove_restored(ending)
        except ReadinessError as error:
            LOG.error("readiness: %s", error)  # noqa: TRY400 - one line, as everywhere


def _prove_restored(ending: _Open) -> None:
    """The steady state after the experiment is part of the record."""
    name = ending.stage.database.name
    problem = ending.stage.view.why_not_steady()
    kind = "not-restored" if problem else "restored"
    reason = f"{name} is not whole after the experiment: {problem}" if problem else ""
    ending.run.writer.write(kind, critical=bool(problem), of=name, reason=reason)
