"""Two clocks read together: the wall clock to correlate with, the boot clock to measure with.

Durations come from the boot clock alone, which no administrator and no NTP step can move and
which goes on while the machine sleeps. Comparing both shows whether the wall clock jumped.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True)
class Instant:
    """One moment, read on both clocks."""

    wall: int
    """Nanoseconds since 1970-01-01 UTC."""
    steady: int
    """Nanoseconds since boot, sleep included; comparable within one boot only."""
    boot_id: str

    @property
    def utc(self) -> str:
        """The wall clock as ISO 8601 in UTC with microseconds."""
        moment = datetime.fromtimestamp(self.wall // 10**9, UTC)
        moment += timedelta(microseconds=self.wall % 10**9 // 1000)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Clock:
    """Where a run takes its time from."""

    def now(self) -> Instant:
        """Read both clocks, the wall clock in the middle of two readings of the other."""
        before = time.clock_gettime_ns(_STEADY)
        wall = time.time_ns()
        after = time.clock_gettime_ns(_STEADY)
        return Instant(wall=wall, steady=(before + after) // 2, boot_id=boot_id())


def boot_id() -> str:
    """Return the kernel's name for this boot, empty where there is none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def elapsed(a: Instant, b: Instant) -> timedelta | None:
    """Return the time from a to b by the boot clock; None across a reboot: it was not measured."""
    if a.boot_id != b.boot_id:
        return None
    return timedelta(microseconds=(b.steady - a.steady) / 1000)


def jumped(a: Instant, b: Instant, tolerance: timedelta) -> bool:
    """Tell whether the wall clock moved by more than tolerance against the boot clock.

    Across a reboot nothing shows that it did not, so the answer is yes.
    """
    if a.boot_id != b.boot_id:
        return True
    drift = (b.wall - a.wall) - (b.steady - a.steady)
    return abs(drift) > tolerance / timedelta(microseconds=1) * 1000
