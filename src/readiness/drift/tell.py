"""Drift for people: quiet when nothing changed, else old and new, since when, and what to do."""

from collections.abc import Iterable
from itertools import groupby

from rich.console import Console

from readiness.drift.compare import Change, Direction
from readiness.drift.look import Drift

MOST_SUBJECTS = 6


def print_drift(found: Drift, out: Console) -> None:
    """Print what differs, the worst first; one line when nothing got worse."""
    base = found.accepted
    loud = [one for one in found.changes if one.loud]
    if loud or found.problem:
        out.print(
            f"{found.environment} since run {base.number} ({base.verdict}), accepted by {base.by} "
            f"at {base.at}: {base.because}",
            markup=False,
        )
    for _, changes in groupby(sorted(loud, key=_story), key=_story):
        _tell(list(changes), found, out)
    if found.problem:
        out.print(f"could not look: {found.problem}", markup=False)
    better = sum(one.direction is Direction.BETTER for one in found.changes)
    state = ("NONE", "WORSE", "COULD-NOT-LOOK")[found.exit_code]
    runs = ",".join(found.runs)
    out.print(
        f"DRIFT={state} EXIT={found.exit_code} BASELINE={base.run} RUNS={runs} BETTER={better}",
        markup=False,
    )


def _story(change: Change) -> tuple[int, str, str, str]:
    """What is told once, however many subjects share it."""
    new = change.new.replace(change.subject, "…")
    old = change.old.replace(change.subject, "…")
    return (list(Direction).index(change.direction), change.what, old, new)


def _tell(changes: list[Change], found: Drift, out: Console) -> None:
    first = changes[0]
    out.print(f"{first.direction.upper():>8}  {first.what}  {_named(changes)}", markup=False)
    out.print(f"          was    {first.old}", markup=False)
    out.print(f"          now    {first.new}", markup=False)
    since = found.since.get(first.key)
    if since:
        out.print(f"          since  {since}", markup=False)
    out.print(f"          cause  {first.cause}", markup=False)


def _named(changes: Iterable[Change]) -> str:
    names = [one.subject for one in changes]
    more = f" and {len(names) - MOST_SUBJECTS} more" if len(names) > MOST_SUBJECTS else ""
    return ", ".join(names[:MOST_SUBJECTS]) + more
