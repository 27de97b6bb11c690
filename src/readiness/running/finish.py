"""The end of a run: undo what is left, close the record, judge, report, log."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from readiness.attesting.vouching import vouched
from readiness.attesting.waiving import given
from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.clauses import clause_ids, load_clauses
from readiness.catalogue.matrix import load_matrix
from readiness.catalogue.own import own_of
from readiness.evidence.record import Record, no_collection, now, read_record, stamp
from readiness.evidence.record_words import refuse_other_words
from readiness.evidence.state import RunLog, state_root
from readiness.evidence.undo import UndoResult, play_pending
from readiness.judging.judge import judge
from readiness.judging.outcomes import origin_of
from readiness.judging.sources import arrange
from readiness.judging.verdict import Verdict
from readiness.model.errors import RecordError, StateError, UsageError
from readiness.model.interrupts import ENDING, deferred
from readiness.model.words import EXIT_INTERRUPTED, Decision
from readiness.render import VerdictDocument, write_reports
from readiness.session.run import Run
from readiness.site.documents import validate_policy
from readiness.site.policy import Policy

FINISHED = "finished"
INTERRUPTED = "interrupted"
HALTED = "halted: "


@dataclass(frozen=True)
class Finished:
    """A run that is over."""

    verdict: Verdict
    shown: VerdictDocument
    folder: Path
    exit_code: int

    @property
    def stopped(self) -> bool:
        """Whether somebody asked that it ends."""
        closing = self.verdict.record.first("run-closed")
        how = str(closing["how"]) if closing else ""
        return how == INTERRUPTED or how.startswith(HALTED)

    @property
    def last_line(self) -> str:
        """The line for scripts."""
        decision = self.verdict.decision
        report = self.folder / "index.html"
        run = self.verdict.run["run"]
        return f"VERDICT={decision} EXIT={self.exit_code} RUN={run} REPORT={report}"


def finish(run: Run, how: str) -> Finished:
    """Undo, close, judge, report and log, in this order; whatever happened before.

    Nothing cuts it short: who asks that the run ends is already being served.
    """
    with deferred(ENDING, dropped=True):
        return _finish(run, how)


def _finish(run: Run, how: str) -> Finished:
    for result in _undo_the_rest(run):
        kind = "undo-played" if result.proven else "undo-failed"
        run.writer.write(
            kind, critical=not result.proven, entry=result.entry.id, reason=str(result)
        )
    run.writer.write("run-closed", how=how)
    run.writer.close()
    try:
        verdict = judge_runs([run.folder], run.policy)
    except UsageError as error:
        # Nobody who called is to blame for what is in a record that was only just made.
        raise RecordError(str(error)) from error
    exit_code = EXIT_INTERRUPTED if how == INTERRUPTED else verdict.exit_code
    try:
        shown = write_reports(verdict, run.folder)
        _point_latest(run.folder)
    except (OSError, StateError) as error:
        raise StateError(
            f"{error}; the run's record is whole and says {verdict.decision}: "
            f"`readiness report {run.folder}` writes its reports once that is mended"
        ) from error
    RunLog(run.state).close_run(run.id, verdict.decision, exit_code)
    if run.lease is not None:
        run.lease.release()
    return Finished(verdict, shown, run.folder, exit_code)


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
    with no_collection():
        return judge_records([read_record(run) for run in runs], policy, at=at)


def judge_records(records: Sequence[Record], policy: Policy | None, *, at: datetime) -> Verdict:
    """Judge one record or several as of a moment.

    Raises:
        UsageError: the policy names an unknown clause, or the runs can't be judged (together).
    """
    for record in records:
        refuse_other_words(record)
    main, others = arrange(records, policy)
    for record in records:
        with _readable(record.path, "own"):
            own_of(record)
    own = own_of(main)
    if policy:
        validate_policy(policy, clause_ids() | own.clause_ids, str(main.path), at=at)
    criteria = load_clauses() + own.criteria
    return judge(
        main,
        others=others,
        policy=policy,
        catalogue={**load_catalogue(), **own.catalogue},
        criteria=criteria,
        matrix={**load_matrix(), **own.proofs},
        at=at,
        vouched=vouched(main, policy, criteria, at),
        given=given(main, policy, at),
    )


def against_the_log(verdict: Verdict) -> Verdict:
    """The same verdict, but no GO while this machine's log knows of later runs: nobody picks.

    Of the same release, and without looks for drift that saw nothing fail.
    """
    records = sorted((verdict.record, *verdict.others), key=lambda one: origin_of(one).number)
    newest = {origin_of(one).environment: one for one in records}
    later = [note for name, record in newest.items() for note in _later(name, record)]
    if not later:
        return verdict
    decision = Decision.INCONCLUSIVE if verdict.decision is Decision.GO else verdict.decision
    return replace(verdict, decision=decision, notes=(*verdict.notes, *later))


def logs_not_seen(verdict: Verdict) -> list[str]:
    """What nobody can tell here: whether a run was left out that came after those judged."""
    records = sorted((verdict.record, *verdict.others), key=lambda one: origin_of(one).number)
    newest = {origin_of(one).environment: origin_of(one) for one in records}
    return [
        f"whether {name} was looked at after run {origin.number}: the log of its runs that has "
        "this one is not on this machine"
        for name, origin in newest.items()
        if origin.run not in {one.run for one in RunLog(state_root() / name).entries()}
    ]


def _later(environment: str, record: Record) -> Iterator[str]:
    """The runs after this one; none where another machine made it, whose log is elsewhere."""
    entries = RunLog(state_root() / environment).entries()
    known = [one.run for one in entries]
    run = record.opening["run"]
    for entry in entries[known.index(run) + 1 :] if run in known else ():
        same = entry.torn or (entry.release or "") == (record.opening["release"] or "")
        if same and (entry.torn or not entry.decides_nothing):
            where = entry.folder or "its folder is not known"
            yield (
                f"run {entry.number} of {environment} came later: give it too, or look again "
                f"({where})"
            )


def recorded_policy(runs: Sequence[Path]) -> Policy | None:
    """The policy that the runs were made under.

    Raises:
        UsageError: they were not made under the same; which one counts is for a person to say.
    """
    written, *others = (read_record(run).opening.get("policy") for run in runs)
    for run, other in zip(runs[1:], others, strict=True):
        if other != written:
            raise UsageError(
                f"was made under another policy than {runs[0]}",
                file=str(run),
                key="--policy",
                expected="the policy to judge them under",
                found="none",
            )
    with _readable(runs[0], "policy"):
        return Policy.model_validate_json(json.dumps(written)) if written else None


@contextmanager
def _readable(file: Path, key: str) -> Iterator[None]:
    """Refuse what a record holds under a key and is not of that kind; nothing else runs in here."""
    try:
        yield
    except (KeyError, ValidationError) as error:
        raise UsageError(
            "not a run that this version can judge",
            file=str(file),
            key=key,
            expected="what this version or an older one writes",
            found=" ".join(str(error).split())[:120],
        ) from error


def _point_latest(folder: Path) -> None:
    """`latest` always points to a finished run: the link is replaced in one step."""
    fresh = folder.parent / f".latest-{folder.name}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name)
    fresh.replace(folder.parent / "latest")
