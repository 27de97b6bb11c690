"""The end of a run: undo what is left, close the record, judge, report, log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from readiness.catalogue import load_catalogue
from readiness.clauses import clause_ids, load_clauses
from readiness.documents import validate_policy
from readiness.errors import StateError
from readiness.judge import judge
from readiness.matrix import load_matrix
from readiness.model import EXIT_INTERRUPTED
from readiness.own import own_of
from readiness.policy import Policy
from readiness.record import Record, now, read_record, stamp
from readiness.render import write_reports
from readiness.run import Run
from readiness.sources import arrange
from readiness.state import RunLog
from readiness.undo import UndoResult, play_pending
from readiness.verdict import Verdict

INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Finished:
    """A run that is over."""

    verdict: Verdict
    folder: Path
    exit_code: int

    @property
    def last_line(self) -> str:
        """The line for scripts."""
        decision = self.verdict.decision
        report = self.folder / "index.html"
        run = self.verdict.run["run"]
        return f"VERDICT={decision} EXIT={self.exit_code} RUN={run} REPORT={report}"


def finish(run: Run, how: str) -> Finished:
    """Undo, close, judge, report and log, in this order; whatever happened before."""
    for result in _undo_the_rest(run):
        kind = "undo-played" if result.proven else "undo-failed"
        run.writer.write(
            kind, critical=not result.proven, entry=result.entry.id, reason=str(result)
        )
    run.writer.write("run-closed", how=how)
    run.writer.close()
    verdict = judge_runs([run.folder], run.policy)
    exit_code = EXIT_INTERRUPTED if how == INTERRUPTED else verdict.exit_code
    write_reports(verdict, run.folder)
    _point_latest(run.folder)
    RunLog(run.state).close_run(run.id, verdict.decision, exit_code)
    if run.lease is not None:
        run.lease.release()
    return Finished(verdict, run.folder, exit_code)


def _undo_the_rest(run: Run) -> list[UndoResult]:
    """Play what this run still owes; when somebody else is playing, it stays owed and is said."""
    try:
        return play_pending(
            run.journal,
            run.environment,
            only=lambda entry: entry.run == run.id,
            redact=run.writer.redactor.text,
        )
    except StateError as error:
        run.writer.write("undo-failed", critical=True, reason=str(error))
        return []


def judge_runs(runs: Sequence[Path], policy: Policy | None) -> Verdict:
    """Judge the records of one run or several as of now.

    Raises:
        UsageError: something is no record, the policy names an unknown clause, or the runs
            can't be judged together.
    """
    # To the millisecond, as it is written, so that it can be judged again as of that moment.
    at = datetime.fromisoformat(stamp(now()))
    return judge_records([read_record(run) for run in runs], policy, at=at)


def judge_records(records: Sequence[Record], policy: Policy | None, *, at: datetime) -> Verdict:
    """Judge one record or several as of a moment.

    Raises:
        UsageError: the policy names an unknown clause, or the runs can't be judged together.
    """
    main, others = arrange(records, policy)
    own = own_of(main)
    if policy and policy.file:
        validate_policy(policy, clause_ids() | own.clause_ids)
    return judge(
        main,
        others=others,
        policy=policy,
        catalogue={**load_catalogue(), **own.catalogue},
        criteria=load_clauses() + own.criteria,
        matrix={**load_matrix(), **own.proofs},
        at=at,
    )


def _point_latest(folder: Path) -> None:
    """`latest` always points to a finished run: the link is replaced in one step."""
    fresh = folder.parent / f".latest-{folder.name}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name)
    fresh.replace(folder.parent / "latest")
