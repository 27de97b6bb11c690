"""`readiness drift`: look again, compare with the accepted run, and read a worsening twice."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from readiness.drift.accepted import Acceptance, acceptance_of, acceptances
from readiness.drift.compare import Change, Direction, compare
from readiness.evidence.record import Record, now, read_record
from readiness.evidence.state import DRIFT, RunLog, state_directory
from readiness.judging.verdict import Verdict
from readiness.model.errors import ReadinessError, UsageError
from readiness.model.extras import need_run
from readiness.model.words import Json, Outcome, Permission
from readiness.running.finish import judge_records
from readiness.running.gate import Progress, run_gate
from readiness.session.run import RunRequest
from readiness.site.documents import load_environment

LATEST = "latest-accepted"
MOST_LOOKED_BACK = 10


@dataclass(frozen=True)
class Drift:
    """What differs from the accepted run, read twice. `since` is by change, where it is known."""

    environment: str
    accepted: Acceptance
    runs: tuple[str, ...]
    changes: tuple[Change, ...]
    since: dict[tuple[str, str], str]
    problem: str

    @property
    def exit_code(self) -> int:
        """0 nothing got worse, 1 something did, 2 could not look."""
        found = {change.direction for change in self.changes}
        if found & {Direction.WORSE, Direction.CHANGED}:
            return 1
        return 2 if self.problem or Direction.UNSEEN in found else 0

    def as_json(self) -> Json:
        """For scripts."""
        return {
            "schema": 1,
            "environment": self.environment,
            "baseline": {**asdict(self.accepted), "path": str(self.accepted.path)},
            "runs": list(self.runs),
            "exit_code": self.exit_code,
            "problem": self.problem,
            "changes": [
                {**asdict(one), "since": self.since.get(one.key, "")} for one in self.changes
            ],
        }


def look_for_drift(
    environment_file: Path,
    baseline: str,
    reports: Path,
    progress: Progress,
    *,
    permissions: tuple[Permission, ...] = (),
    confirmed: str = "",
) -> Drift:
    """Compare the environment as it is now with an accepted run.

    Raises:
        NotInstalled: the extra `run` is missing.
        UsageError: the baseline is not an accepted run of this environment, or a permission was
            asked for and the environment's name was not typed.
        LeaseHeld: another run holds the environment.
    """
    need_run()
    environment = load_environment(environment_file)
    state = state_directory(environment.name)
    record, accepted = _baseline(state, baseline, environment.name)
    before = judge_records([record], None, at=now())
    request = RunRequest(
        environment_file=environment_file,
        reports=reports,
        confirmed=confirmed,
        purpose=DRIFT,
        permissions=permissions,
    )
    readings = [_read(request, progress)]
    changes = compare(before, readings[0])
    if any(change.loud for change in changes):
        # What was read once may have been a moment: only what is there twice is told.
        readings.append(_read(request, progress))
        first = {change.key for change in changes}
        changes = tuple(one for one in compare(before, readings[1]) if one.key in first)
    last = readings[-1]
    return Drift(
        environment=environment.name,
        accepted=accepted,
        runs=tuple(one.run["run"] for one in readings),
        changes=tuple(sorted(changes, key=lambda one: list(Direction).index(one.direction))),
        since=_since(state, before, last, changes),
        problem="; ".join(last.notes),
    )


def _baseline(state: Path, baseline: str, name: str) -> tuple[Record, Acceptance]:
    if baseline == LATEST:
        known = acceptances(state)
        if not known:
            raise UsageError(
                f"no run of {name} was accepted yet",
                key="--baseline",
                expected="`readiness accept RUN --by NAME --because REASON` before",
            )
        baseline = str(known[-1].path)
    record = read_record(Path(baseline))
    found = record.opening["environment"]["name"]
    if found != name:
        raise UsageError(
            "is of another environment",
            file=str(record.path),
            key="environment",
            expected=name,
            found=str(found),
        )
    return record, acceptance_of(state, record)


def _read(request: RunRequest, progress: Progress) -> Verdict:
    finished = run_gate(request, progress)
    if finished.stopped:
        raise KeyboardInterrupt
    return finished.verdict


def _since(
    state: Path, before: Verdict, last: Verdict, changes: Sequence[Change]
) -> dict[tuple[str, str], str]:
    """The oldest run in a row, back from the last, that had the change already; by change."""
    wanted = {change.key for change in changes}
    told: dict[tuple[str, str], str] = {}
    for entry in [one for one in reversed(RunLog(state).entries()) if one.finished]:
        if not wanted or entry.number <= before.run["number"]:
            break
        if last.run["number"] - entry.number > MOST_LOOKED_BACK or entry.tier != "observe":
            continue
        try:
            verdict = judge_records([read_record(Path(entry.folder))], None, at=now())
        except ReadinessError:
            continue
        # A run that never began a case, with a selection or without a scan, says nothing about it.
        passed_over = {
            (case.check.id, case.case.subject)
            for case in verdict.cases
            if case.outcome is Outcome.NOT_RUN and case.seconds is None
        }
        had = {change.key for change in compare(before, verdict) if change.loud} - passed_over
        for key in wanted & had:
            told[key] = f"run {entry.number}, {entry.started}"
        wanted &= had | passed_over
    return told
