"""How long clients could not write: brackets that hold the truth, from timed attempts alone.

Each attempt is evidence about some instant between its start and its end. One answered ok proves
that the service was *up* at such an instant. One that wasn't, or took longer than `slow` (longer
than a healthy service ever takes), proves that it was *down* at an instant of its window, `[start,
min(end, start + slow)]`: it was sent into the outage, or the outage caught it on its way. So for an
outage with the down-witnesses W

    an ok attempt that ended by the last start in W       was served before the outage ended
    an ok attempt that started after a window of W closed was served after the outage began

    begins = the latest start among the former            the truth begins no earlier
    ends   = the earliest end among the latter            the truth ends no later
    upper  = ends - begins
    lower  = last start in W - first close of a window in W, at least 0

which holds alike for attempts refused, hung to the time-out, and queued until recovery.

The generator is a program and stops, too. While it stands still no attempt starts, so a gap between
starts betrays it. An attempt whose window meets such a gap may be slow, or time out, by the
generator's own fault: it witnesses nothing. And an outage may hide in the gap, so a gap that could
hide more than `slow` is reported as a blind outage: lower 0, upper what could hide in it.

Ups and downs shorter than the cadence and `slow` together aren't told apart within one part.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise

from readiness.measure.measurement import digest_of
from readiness.measure.operation import Op, Outcome, encode
from readiness.measure.outage import Outage, Part, Series


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as late, slow and recovered; all times in seconds."""

    cadence: float = 0.05
    slow: float = 1.0
    """No healthy attempt takes longer, hiccups of the generator of two cadences included."""
    stable_run: int = 20
    """So many attempts in a row must be ok before an outage counts as over."""
    stable_seconds: float = 30.0
    """The run must last so long."""
    maximum_late: float = 0.01
    """Share of attempts sent late, by more than a cadence, above which nothing can be shown."""

    def __post_init__(self) -> None:
        """Refuse rules under which the bracket wouldn't hold.

        Raises:
            ValueError: a time or a count is out of range.
        """
        if not 0 < self.cadence <= self.slow / 2:
            raise ValueError(
                f"expected 0 < cadence <= slow / 2, found {self.cadence} and {self.slow}"
            )
        if self.stable_run < 1 or self.stable_seconds < 0 or not 0 <= self.maximum_late <= 1:
            raise ValueError(f"expected a run >= 1, seconds >= 0 and a share, found {self}")


def bracket(ops: Iterable[Op], rules: Rules) -> dict[str, Series]:
    """The outages each group of clients saw. Groups schedule apart and recover apart."""
    groups: defaultdict[str, list[Op]] = defaultdict(list)
    for op in ops:
        groups[op.group].append(op)
    return {group: bracket_group(group, groups[group], rules) for group in sorted(groups)}


def bracket_group(group: str, ops: Iterable[Op], rules: Rules) -> Series:
    """The outages that one group of clients saw, from all its attempts in any order."""
    ordered = sorted(ops, key=lambda op: op.start)
    evidence = _Evidence(ordered, rules)
    late = sum(op.start - op.intended > rules.cadence for op in ordered)
    return Series(
        group=group,
        n=len(ordered),
        late=late,
        usable=bool(ordered) and late <= rules.maximum_late * len(ordered),
        outages=tuple(_outages(_joined(evidence.stretches()), ordered, rules)),
        unseen=evidence.unseen(),
        digest=digest_of(encode(op) for op in ordered),
    )


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part in the making."""

    part: Part
    clear_from: float
    """An ok attempt that started from here on was served after the stretch."""
    last_error: float | None
    """The last start of an attempt that failed."""


class _Evidence:
    """The attempts of one group, in order of start, with what each of them proves."""

    def __init__(self, ordered: Sequence[Op], rules: Rules) -> None:
        self._ordered = ordered
        self._slow = rules.slow
        starts = [op.start for op in ordered]
        self._gaps = [(a, b) for a, b in pairwise(starts) if b - a > 2 * rules.cadence]
        self._gap_starts = [start for start, _ in self._gaps]
        ups = [(op.start, op.end) for op in ordered if _ok(op) and op.end is not None]
        self._up_starts = [start for start, _ in ups]
        self._up_ends = [end for _, end in ups]
        # For every position the earliest end from there on.
        self._earliest = list(accumulate(reversed(self._up_ends), min))[::-1]

    def stretches(self) -> list[_Stretch]:
        """Runs of attempts that didn't show the service up, and gaps that could hide an outage."""
        runs = groupby(self._ordered, key=self._down)
        found = [self._run(list(run)) for down, run in runs if down]
        for start, end in self._gaps:
            part = Part(self._up_before(start, start), self._up_after(end))
            if part.upper is None or part.upper > self._slow:
                found.append(_Stretch(part, clear_from=end, last_error=None))
        return found

    def unseen(self) -> float | None:
        """The longest outage that fits between neighbouring answers; `None` without two."""
        fits = [self._earliest[i + 1] - self._up_starts[i] for i in range(len(self._up_starts) - 1)]
        return max(fits, default=None)

    def _run(self, run: Sequence[Op]) -> _Stretch:
        witnesses = [op for op in run if not self._doubtful(op)]
        # Doubtful attempts alone still date a failure, but prove none.
        closes = [self._close(op) for op in witnesses] or [_end(op) for op in run]
        last = max(op.start for op in witnesses or run)
        clear_from = max(min(closes), run[-1].start)
        errors = [op.start for op in run if not _ok(op)]
        part = Part(
            begins=self._up_before(last, run[0].start),
            ends=self._up_after(clear_from),
            down_by=min(closes) if witnesses else None,
            down_until=last if witnesses else None,
            errors=bool(errors),
        )
        return _Stretch(part, clear_from, max(errors, default=None))

    def _down(self, op: Op) -> bool:
        if not _ok(op):
            return True
        return _end(op) - op.start > self._slow and not self._doubtful(op)

    def _close(self, op: Op) -> float:
        return min(_end(op), op.start + self._slow)

    def _doubtful(self, op: Op) -> bool:
        """Whether the generator stood still during the attempt's window."""
        i = bisect_right(self._gap_starts, op.start)
        inside = i > 0 and self._gaps[i - 1][1] > op.start
        return inside or (i < len(self._gaps) and self._gap_starts[i] < self._close(op))

    def _up_before(self, ended_by: float, started_by: float) -> float | None:
        """The latest start of an ok attempt that started and ended by the given times."""
        for i in range(bisect_right(self._up_starts, started_by) - 1, -1, -1):
            if self._up_ends[i] <= ended_by:
                return self._up_starts[i]
        return None

    def _up_after(self, start: float) -> float | None:
        """The earliest end of an ok attempt that started at the given time or later."""
        i = bisect_left(self._up_starts, start)
        return self._earliest[i] if i < len(self._earliest) else None


def _ok(op: Op) -> bool:
    return op.outcome is Outcome.OK


def _end(op: Op) -> float:
    return float("inf") if op.end is None else op.end


def _joined(stretches: Iterable[_Stretch]) -> list[_Stretch]:
    """Join stretches between which no attempt proves the service up."""
    joined: list[_Stretch] = []
    for stretch in sorted(stretches, key=lambda s: (s.part.begins is not None, s.part.begins or 0)):
        begins = stretch.part.begins
        if joined and (begins is None or begins < joined[-1].clear_from):
            joined[-1] = _union(joined[-1], stretch)
        else:
            joined.append(stretch)
    return joined


def _union(one: _Stretch, other: _Stretch) -> _Stretch:
    parts = (one.part, other.part)
    ends = [part.ends for part in parts if part.ends is not None]
    downs = [part for part in parts if not part.blind]
    part = Part(
        begins=one.part.begins,
        ends=max(ends) if len(ends) == len(parts) else None,
        down_by=min((p.down_by for p in downs if p.down_by is not None), default=None),
        down_until=max((p.down_until for p in downs if p.down_until is not None), default=None),
        errors=one.part.errors or other.part.errors,
    )
    errors = [s.last_error for s in (one, other) if s.last_error is not None]
    return _Stretch(part, max(one.clear_from, other.clear_from), max(errors, default=None))


def _outages(
    stretches: Iterable[_Stretch], ordered: Sequence[Op], rules: Rules
) -> Iterator[Outage]:
    """Apply the flap rule: a failure before a stable run re-opens the outage."""
    starts = [op.start for op in ordered]
    parts: list[Part] = []
    for stretch in stretches:
        parts.append(stretch.part)
        if stretch.last_error is not None:
            recovered = _stable_after(stretch.last_error, ordered, starts, rules)
        else:
            recovered = len(parts) == 1 and stretch.part.ends is not None
        if recovered:
            yield Outage(tuple(parts), recovered=True)
            parts = []
    if parts:
        yield Outage(tuple(parts), recovered=False)


def _stable_after(
    moment: float, ordered: Sequence[Op], starts: Sequence[float], rules: Rules
) -> bool:
    first = bisect_right(starts, moment)
    beyond = first
    while beyond < len(ordered) and _ok(ordered[beyond]):
        beyond += 1
    if beyond - first < rules.stable_run:
        return False
    return starts[beyond - 1] - starts[first] >= rules.stable_seconds
