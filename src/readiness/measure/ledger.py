"""Compare what clients were promised with what is stored, id by id.

With A the ids attempted, K those acknowledged and F those finally read:

    lost         K without F          must be empty wherever RPO 0 is claimed
    recovered    (F and A) without K  operations of unknown outcome that landed; legal
    unexpected   F without A          never legal
    duplicate    ids read twice       never legal
    corrupt      ids read whose hash isn't one that was sent; never legal
    failed       ids reported as not committed, yet read; never legal

Ids are compared, never counts: a loss and a duplicate cancel out in a count. Finding nothing is
evidence only after a final read, and with enough acknowledged writes before the fault; without
these a count of zero is `None`. Something found stands in any case.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from readiness.measure.measurement import Measurement, digest_of
from readiness.measure.operation import Op, Outcome, encode

SAMPLE = 20
"""How many ids a finding names; its count covers all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Ids of one class: how many (`None`: can't tell) and the first few of them."""

    count: int | None
    sample: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LossWindow:
    """How much time of acknowledged writes was lost, in seconds; `None` where not known."""

    seconds: float | None
    upper: float | None
    """With nothing lost: from the last acknowledgement to the fault, what couldn't be seen."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the ledger and the final read say together."""

    attempted: int
    acknowledged: int
    acknowledged_before_fault: int
    final: int | None
    """Ids read in the end; `None` when there was no final read."""
    lost: Finding
    recovered: Finding
    unexpected: Finding
    duplicate: Finding
    corrupt: Finding
    failed: Finding
    holes: Finding
    """Lost ids that aren't the end of the commit order: a surviving write, acknowledged by the same
    timeline, started after they had been acknowledged."""
    window: LossWindow
    unknown: tuple[str, ...]
    """Why finding nothing isn't evidence; empty when it is."""
    digest: str

    def measurement(self, finding: str) -> Measurement:
        """One of the findings (`lost`, `holes`, ...) as a measurement; all `None` if unknown.

        Raises:
            AttributeError: there is no finding of that name.
        """
        count: int | None = getattr(self, finding).count
        return Measurement(
            name=f"writes {finding}",
            value=count,
            lower=count,
            upper=count,
            unit="writes",
            resolution=None if count is None else 1,
            n=self.acknowledged,
            digest=self.digest,
        )

    def loss_window(self) -> Measurement:
        """The lost stretch of acknowledged writes as a measurement in seconds."""
        return Measurement(
            name="acknowledged writes lost, as time",
            value=self.window.seconds,
            lower=self.window.seconds,
            upper=self.window.upper,
            unit="s",
            resolution=None
            if self.window.seconds is None or self.window.upper is None
            else self.window.upper - self.window.seconds,
            n=self.acknowledged,
            digest=self.digest,
        )


def reconcile(
    ops: Sequence[Op],
    final: Iterable[tuple[str, str]] | None,
    *,
    fault_at: float | None = None,
    promoted_at: float | None = None,
    old_timeline: int | None = None,
    minimum_acknowledged: int = 1,
) -> Reconciliation:
    """Compare a ledger with the rows read in the end.

    Args:
        ops: every attempt at every write, any order.
        final: (id, payload hash) of each row read on the server proved primary; rows, not a set,
            so that duplicates show. `None` when no trustworthy final read was possible.
        fault_at: when the fault took effect, on the clients' clock; `None` in a control trial.
        promoted_at: a time on the clients' clock at which the old primary was certainly still the
            only one; survivors acknowledged by then count for the shape of a loss.
        old_timeline: the timeline before the fault, where operations carry theirs.
        minimum_acknowledged: acknowledged writes before the fault below which nothing is shown.
    """
    attempts = _by_id(ops)
    acked = {
        key: min(ends)
        for key, tries in attempts.items()
        if (ends := [op.end for op in tries if op.outcome is Outcome.OK and op.end is not None])
    }
    before = {key: at for key, at in acked.items() if fault_at is None or at < fault_at}
    rows = None if final is None else list(final)
    unknown = _gaps(rows, len(before), minimum_acknowledged)
    digest = digest_of(_raw(ops, rows))
    if rows is None:
        nothing = Finding(None)
        return Reconciliation(
            len(attempts), len(acked), len(before), None, *(nothing,) * 7,
            window=LossWindow(None, None), unknown=unknown, digest=digest,
        )  # fmt: skip
    found = Counter(key for key, _ in rows)
    lost = [key for key in acked if key not in found]
    known = not unknown
    return Reconciliation(
        attempted=len(attempts),
        acknowledged=len(acked),
        acknowledged_before_fault=len(before),
        final=len(found),
        lost=_finding(lost, known=known),
        recovered=_finding([k for k in found if k in attempts and k not in acked], known=known),
        unexpected=_finding([k for k in found if k not in attempts], known=known),
        duplicate=_finding([k for k, times in found.items() if times > 1], known=known),
        corrupt=_finding(_corrupt(attempts, rows), known=known),
        failed=_finding([k for k in found if _all_failed(attempts.get(k, ()))], known=known),
        holes=_holes(attempts, acked, lost, promoted_at, old_timeline, known=known),
        window=_window(acked, lost, fault_at, known=known),
        unknown=unknown,
        digest=digest,
    )


def _by_id(ops: Iterable[Op]) -> dict[str, list[Op]]:
    attempts: defaultdict[str, list[Op]] = defaultdict(list)
    for op in ops:
        attempts[op.id].append(op)
    return dict(attempts)


def _gaps(
    rows: Sequence[tuple[str, str]] | None, before_fault: int, minimum: int
) -> tuple[str, ...]:
    reasons = []
    if rows is None:
        reasons.append("no final read")
    if before_fault < minimum:
        reasons.append(
            f"{before_fault} writes acknowledged before the fault, at least {minimum} expected"
        )
    return tuple(reasons)


def _raw(ops: Iterable[Op], rows: Sequence[tuple[str, str]] | None) -> Iterable[str]:
    yield from (encode(op) for op in ops)
    yield "final read: none" if rows is None else f"final read: {len(rows)}"
    yield from (f"{key} {payload}" for key, payload in rows or ())


def _finding(keys: Sequence[str], *, known: bool) -> Finding:
    if not keys and not known:
        return Finding(None)
    return Finding(len(keys), tuple(keys[:SAMPLE]))


def _corrupt(attempts: Mapping[str, list[Op]], rows: Iterable[tuple[str, str]]) -> list[str]:
    wrong = (
        key
        for key, payload in rows
        if key in attempts and all(op.payload != payload for op in attempts[key])
    )
    return list(dict.fromkeys(wrong))


def _all_failed(tries: Sequence[Op]) -> bool:
    return bool(tries) and all(op.outcome is Outcome.FAIL for op in tries)


def _holes(
    attempts: Mapping[str, list[Op]],
    acked: Mapping[str, float],
    lost: Sequence[str],
    promoted_at: float | None,
    old_timeline: int | None,
    *,
    known: bool,
) -> Finding:
    """Lost ids acknowledged before the start of a survivor of the same timeline.

    Slots overlap, so only real-time precedence orders two commits.
    """
    if not lost:
        return _finding((), known=known)
    gone = set(lost)
    starts = [
        op.start
        for key in acked
        if key not in gone
        for op in attempts[key]
        if op.outcome is Outcome.OK and _on_old_timeline(op, promoted_at, old_timeline)
    ]
    if not starts:
        # Without a survivor known to be of the old timeline, suffix and hole look alike.
        return Finding(None)
    latest = max(starts)
    return Finding(*_counted([key for key in lost if acked[key] < latest]))


def _on_old_timeline(op: Op, promoted_at: float | None, old_timeline: int | None) -> bool:
    if op.timeline is not None and old_timeline is not None:
        return op.timeline == old_timeline
    return promoted_at is not None and op.end is not None and op.end <= promoted_at


def _counted(keys: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    return len(keys), tuple(keys[:SAMPLE])


def _window(
    acked: Mapping[str, float], lost: Sequence[str], fault_at: float | None, *, known: bool
) -> LossWindow:
    gone = set(lost)
    kept = [at for key, at in acked.items() if key not in gone]
    if not lost:
        if not known:
            return LossWindow(None, None)
        if fault_at is None or not (before := [at for at in kept if at < fault_at]):
            return LossWindow(0.0, None)
        return LossWindow(0.0, fault_at - max(before))
    oldest = min(acked[key] for key in lost)
    ends = [acked[key] for key in lost]
    ends += [at for at in acked.values() if fault_at is not None and at < fault_at]
    seconds = max(ends) - oldest
    survivors = [at for at in kept if at <= oldest]
    if not survivors:
        return LossWindow(seconds, None)
    horizon = max(ends) if fault_at is None else max(*ends, fault_at)
    return LossWindow(seconds, max(seconds, horizon - max(survivors)))
