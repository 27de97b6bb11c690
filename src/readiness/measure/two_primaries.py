"""Did two servers accept writes at once? Judged from logs with different clocks.

A writer on the victim's local socket keeps trying while the victim is cut off; its log carries the
victim's clock. The clients' ledger says when the new primary acknowledged its first commit, on our
clock. After a clean failover every acknowledgement in the victim's log is older than that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from readiness.measure.clock import OffsetBound
from readiness.measure.operation import Op, Outcome

SAMPLE = 20


class Overlap(StrEnum):
    """Whether the old primary acknowledged a commit after the new one had."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TwoPrimaries:
    """The decision, why, and the victim's writes that offend or can't be placed."""

    overlap: Overlap
    reason: str
    offending: int
    """Acknowledgements certainly after the new primary's first (YES), or possibly (UNKNOWN)."""
    sample: tuple[str, ...] = ()


def decide_overlap(
    victim: Sequence[Op] | None, first: Op | None, offset: OffsetBound
) -> TwoPrimaries:
    """Decide from the victim's local log and the new primary's first acknowledged commit.

    Args:
        victim: attempts over the victim's local socket, refused ones included, on the victim's
            clock; `None` when its log couldn't be read.
        first: the first operation acknowledged by the new primary, on our clock.
        offset: victim's clock minus ours.
    """
    if victim is None:
        return _unknown("no log of the victim's local writer")
    if first is None or first.end is None or first.outcome is not Outcome.OK:
        return _unknown("no commit acknowledged by a new primary")
    if not offset.steady:
        return _unknown("the victim's clock drifted or stepped during the trial")
    acks = [
        (op.id, *offset.to_ours(op.end))
        for op in victim
        if op.outcome is Outcome.OK and op.end is not None
    ]
    if not acks:
        return _unknown("the victim's local writer never had a commit acknowledged")
    return _placed(victim, acks, (first.start, first.end), offset)


def decide_stayed(clients: Sequence[Op], primary: Sequence[str]) -> TwoPrimaries:
    """Decide where nobody was promoted: whether any server but the primary acknowledged a write.

    Args:
        clients: what the writers tried, each with the server that acknowledged it.
        primary: the addresses of the primary, which was seen to lead all the time.
    """
    acks = [op for op in clients if op.outcome is Outcome.OK]
    if not acks or any(op.backend is None for op in acks):
        return _unknown("it is not known which server acknowledged each write")
    elsewhere = [op.id for op in acks if op.backend not in primary]
    if elsewhere:
        return _listed(Overlap.UNKNOWN, "another server than the primary acknowledged", elsewhere)
    return TwoPrimaries(Overlap.NO, "no other server than the primary acknowledged a write", 0)


def _placed(
    victim: Sequence[Op],
    acks: Sequence[tuple[str, float, float]],
    first: tuple[float, float],
    offset: OffsetBound,
) -> TwoPrimaries:
    began, acknowledged = first
    certain = [key for key, earliest, _ in acks if earliest > acknowledged]
    if certain:
        return _listed(Overlap.YES, "commits acknowledged after the new primary's first", certain)
    possible = [key for key, _, latest in acks if latest >= began]
    if possible:
        why = "the clocks aren't known well enough to order the last commits"
        return _listed(Overlap.UNKNOWN, why, possible)
    if not _watched_beyond(victim, acknowledged, offset):
        return _unknown("the victim's writer stopped trying before the new primary's first commit")
    return TwoPrimaries(
        Overlap.NO, "every commit was acknowledged before the new primary's first", 0
    )


def _watched_beyond(victim: Sequence[Op], moment: float, offset: OffsetBound) -> bool:
    """Whether an attempt certainly started after the moment: silence before it proves nothing."""
    return any(offset.to_ours(op.start)[0] > moment for op in victim)


def _listed(overlap: Overlap, reason: str, ids: Sequence[str]) -> TwoPrimaries:
    return TwoPrimaries(overlap, reason, len(ids), tuple(ids[:SAMPLE]))


def _unknown(reason: str) -> TwoPrimaries:
    return TwoPrimaries(Overlap.UNKNOWN, reason, 0)
