"""What a trial of the failover drill showed, and what it is worked out from."""

import time
from dataclasses import dataclass, field

from readiness.measure.clock import Offset, best, measure_offset
from readiness.measure.ledger import Reconciliation
from readiness.measure.measurement import Measurement, digest_of
from readiness.measure.operation import Op, Outcome
from readiness.measure.two_primaries import TwoPrimaries
from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import DrillSession
from readiness.site.subjects import Member


@dataclass
class Marks:
    """What happened when: not before the first, not after the second, on our monotonic clock."""

    begun: float
    at: dict[str, tuple[float, float]] = field(default_factory=dict)

    def note(self, label: str, since: float | None, until: float | None) -> None:
        """Note a bracket; what nobody saw is left out."""
        if since is not None and until is not None:
            self.at[label] = (min(since, until), until)


@dataclass(frozen=True)
class Trial:
    """What one trial showed. Times in seconds; `problem` says why it shows nothing."""

    number: int
    control: bool
    victim: str
    promoted: str
    cut_seconds: float  # at most so long; 0 where nothing was cut
    rejoin_seconds: float | None
    outages: dict[str, Measurement]
    lost: Measurement
    wrong: dict[str, int | None]
    lost_sample: tuple[str, ...]
    missing_on_standbys: dict[str, int]  # of those that caught up
    two_primaries: TwoPrimaries | None
    pages: dict[str, str] | None  # of every balancer afterwards: what is wrong; None: not asked
    problem: str
    not_whole: str = ""  # how the cluster is not redundant again after the cut
    behind: dict[str, str] = field(default_factory=dict)  # standbys that never caught up, and why
    experiment: str = ""  # its name


def shows_nothing(number: int, problem: str) -> Trial:
    """A trial of which nothing is known but why."""
    nothing = Measurement("lost", None, None, None, "writes", None, 0, digest_of(()))
    return Trial(
        number=number,
        control=False,
        victim="",
        promoted="",
        cut_seconds=0.0,
        rejoin_seconds=None,
        outages={},
        lost=nothing,
        wrong={},
        lost_sample=(),
        missing_on_standbys={},
        two_primaries=None,
        pages=None,
        problem=problem,
    )


def since_begin(zero: float, moment: float | None) -> float | None:
    """Seconds since the trial began."""
    return None if moment is None else round(moment - zero, 3)


def thinned(ops: list[Op], most: int = 300) -> list[Op]:
    """Enough of a group's operations to draw a line."""
    return ops[:: max(1, len(ops) // most)]


def acknowledged(op: Op) -> bool:
    """Whether a client may rely on it."""
    return op.outcome is Outcome.OK


def shifted(op: Op, theta: float) -> Op:
    """The same operation on our clock."""
    ended = None if op.end is None else op.end - theta
    return Op(
        op.group, op.seq, op.intended - theta, op.start - theta, ended, op.outcome, op.payload
    )


def first_acknowledged(ops: list[Op], promoted: Member | None) -> Op | None:
    """The first operation that the promoted member acknowledged."""
    address = promoted.machine.addresses[0] if promoted else None
    acks = [op for op in ops if acknowledged(op) and op.backend == address and op.end is not None]
    return min(acks, key=lambda op: op.end or 0.0, default=None) if address else None


def never_legal(ledger: Reconciliation) -> dict[str, int | None]:
    """Counts of what is never legal."""
    names = ("unexpected", "duplicate", "corrupt", "failed", "holes")
    return {name: getattr(ledger, name).count for name in names}


def clock_offset(session: DrillSession) -> Offset:
    """The machine's wall clock minus our monotonic clock, best of five exchanges."""
    samples = []
    for _ in range(5):
        sent = time.monotonic()
        answer = session.run(["date", "+%s.%N"])
        back = time.monotonic()
        try:
            there = float(answer.text)
        except ValueError:
            raise NotUnderstood(f"{session.name}: date says {answer.text[:40]!r}") from None
        samples.append(measure_offset(sent, there, there, back))
    return best(samples)
