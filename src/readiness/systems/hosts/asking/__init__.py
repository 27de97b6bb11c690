"""Asks machines over SSH, one session for each."""

from typing import Final

from readiness.site.declared.machine import Machine
from readiness.systems.asker import Asker, AskerOf, Askers, Connections, by_itself
from readiness.systems.hosts.asking import host, network, timer
from readiness.systems.hosts.reading import (
    ADDRESSES,
    CLOCK,
    CLOCK_OFFSET,
    SERVICES,
    SOCKETS,
    TIMER,
)
from readiness.systems.hosts.reading.host import ClockOffset, ClockState, ServiceState
from readiness.systems.hosts.reading.network import Socket
from readiness.systems.hosts.reading.timer import Timer


def _services(connections: Connections, machine: Machine) -> dict[str, ServiceState]:
    return host.services(connections.session(machine), machine.services)


def _clock(connections: Connections, machine: Machine) -> ClockState:
    return host.clock(connections.session(machine))


def _clock_offset(connections: Connections, machine: Machine) -> ClockOffset:
    return host.offset(connections.session(machine))


def _sockets(connections: Connections, machine: Machine) -> tuple[Socket, ...]:
    return network.sockets(connections.session(machine))


def _addresses(connections: Connections, machine: Machine) -> tuple[str, ...]:
    return network.addresses(connections.session(machine))


def _timer(connections: Connections, unit: str, machine: Machine) -> Timer:
    return timer.timer(connections.session(machine), unit)


ASKERS: Final[Askers] = (
    Asker(SERVICES, _services),
    Asker(CLOCK, _clock),
    Asker(CLOCK_OFFSET, _clock_offset),
    Asker(SOCKETS, _sockets),
    Asker(ADDRESSES, _addresses),
    AskerOf(TIMER, _timer, together=by_itself),
)
