"""What can be asked of a machine over SSH."""

from typing import Final

from readiness.site.declared.machine import Machine
from readiness.site.subjects import MACHINE, REACHED_MACHINE
from readiness.systems.hosts.reading.host import ClockOffset, ClockState, ServiceState
from readiness.systems.hosts.reading.network import Socket
from readiness.systems.hosts.reading.timer import Timer
from readiness.systems.marks import VOLATILE
from readiness.systems.token import Source, Sources

SERVICES: Final[Source[Machine, dict[str, ServiceState]]] = Source(
    "systemd", REACHED_MACHINE, dict[str, ServiceState]
)
CLOCK: Final[Source[Machine, ClockState]] = Source("chrony", REACHED_MACHINE, ClockState)
CLOCK_OFFSET: Final[Source[Machine, ClockOffset]] = Source("clock", REACHED_MACHINE, ClockOffset)
SOCKETS: Final[Source[Machine, tuple[Socket, ...]]] = Source(
    "sockets", REACHED_MACHINE, tuple[Socket, ...]
)
ADDRESSES: Final[Source[Machine, tuple[str, ...]]] = Source(
    # A shared address moves; LB-003 says whether that is well.
    "addresses",
    REACHED_MACHINE,
    tuple[str, ...],
    drift=VOLATILE,
)
# The argument is the name of the timer's unit.
TIMER: Final[Sources[str, Machine, Timer]] = Sources("timer", MACHINE, Timer, label=str)
SOURCES: Final = (SERVICES, CLOCK, CLOCK_OFFSET, SOCKETS, ADDRESSES, TIMER)
