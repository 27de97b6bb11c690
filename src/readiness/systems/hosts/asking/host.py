"""What a machine says about its services and its clock, over one observe session."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.systems.hosts.reading.host import (
    SOCKET,
    ClockOffset,
    ClockState,
    ServiceState,
    best_offset,
    has_suffix,
    is_active,
    is_listening,
    read_clock,
    read_date,
    read_programs,
    read_services,
)
from readiness.systems.hosts.reading.timesync import PROPERTIES, read_timesync

_PROPERTIES: Final = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,Result,NRestarts,MainPID,ActiveEnterTimestamp,"
    "FreezerState,Type,WantedBy,RequiredBy,TriggeredBy"
)
_PROCESSES: Final = "ps -Aww -o stat,unit:50"
_UNIT_WIDTH: Final = 50
_STOPPED: Final = ("T", "t")  # by a signal, by a debugger (ps(1), process state codes)
# By Debian's name and by Red Hat's; a unit that is not there is inactive.
_CHRONYD: Final = (
    "systemctl show --timestamp=unix --property=ActiveState chrony.service chronyd.service"
)
_TIMESYNCD: Final = (
    "systemctl show --timestamp=unix --property=ActiveState systemd-timesyncd.service"
)
_TIMESYNC: Final = (
    "busctl --json=short get-property org.freedesktop.timesync1 /org/freedesktop/timesync1 "
    "org.freedesktop.timesync1.Manager"
)
_OFFSET_SAMPLES: Final = 3


def services(session: ObserveSession, units: Sequence[str]) -> dict[str, ServiceState]:
    """The state of all units, in one question, by the name each was asked by."""
    if not units:
        return {}
    names = [unit if has_suffix(unit) else f"{unit}.service" for unit in units]
    found = _show(session, names)
    now = time.time()
    running = processes(session)
    sockets = {by for state in found for by in state.started_by if by.endswith(SOCKET)}
    awake = {one.unit for one in _show(session, sorted(sockets)) if is_listening(one)}
    states = [
        replace(
            state,
            up=None if state.since is None else now - state.since,
            processes=len(running.get(state.id[:_UNIT_WIDTH], ())),
            stopped=sum(one in _STOPPED for one in running.get(state.id[:_UNIT_WIDTH], ())),
            starts=_programs(session, state.unit) if state.kind == "oneshot" else None,
            listening=tuple(one for one in state.started_by if one in awake),
        )
        for state in found
    ]
    return dict(zip(units, states, strict=True))


def _show(session: ObserveSession, names: Sequence[str]) -> list[ServiceState]:
    if not names:
        return []
    asked = " ".join(map(_quoted, names))
    command = f"systemctl show --timestamp=unix --property={_PROPERTIES} {asked}"
    answer = session.run(command)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: systemctl show failed: {answer.complaint}")
    return read_services(answer.text, names, where=session.where)


def _quoted(unit: str) -> str:
    """A unit's name for the shell: `systemd-escape` puts backslashes into it."""
    return f"'{unit}'" if "\\" in unit else unit


def _programs(session: ObserveSession, unit: str) -> tuple[str, ...]:
    answer = session.run(f"systemctl show --timestamp=unix --property=ExecStart {_quoted(unit)}")
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: systemctl show failed: {answer.complaint}")
    return read_programs(answer.text)


def processes(session: ObserveSession) -> dict[str, list[str]]:
    """The state letter of every process that the login may see, by unit."""
    answer = session.run(_PROCESSES)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: ps failed: {answer.complaint}")
    found: dict[str, list[str]] = {}
    for line in answer.text.splitlines()[1:]:
        state, _, unit = line.strip().partition(" ")
        found.setdefault(unit.strip(), []).append(state[:1])
    return found


def clock(session: ObserveSession) -> ClockState:
    """What the program says that steers the machine's clock: chronyd, else systemd-timesyncd.

    Raises:
        NotUnderstood: neither is there, or chronyd runs and can't be asked (`cmdport 0`).
    """
    try:
        tracking = session.run("chronyc -c -n tracking")
    except NotUnderstood:
        if other := _timesync(session):
            return other
        raise
    sources = session.run("chronyc -c -n sources")
    found = read_clock(tracking, sources, where=session.where)
    if found.answers:
        return found
    daemon = session.run(_CHRONYD)
    if daemon.exit_code != 0 or is_active(daemon.text):
        raise NotUnderstood(f"{session.where}: chronyd can't be asked: {found.problem}")
    return _timesync(session) or found


def _timesync(session: ObserveSession) -> ClockState | None:
    """What systemd-timesyncd says, where it runs; asking one that does not could start it."""
    running = session.run(_TIMESYNCD)
    if running.exit_code != 0 or not is_active(running.text):
        return None
    date = session.run("date +%s.%N", remember=False)
    answer = session.run(f"{_TIMESYNC} {' '.join(PROPERTIES)}", remember=False)
    now = read_date(date.text, where=session.where)
    found = read_timesync(answer, now=now, where=session.where)
    return ClockState(answers=True, problem="", tracking=None, sources=(), timesync=found)


def offset(session: ObserveSession, *, samples: int = _OFFSET_SAMPLES) -> ClockOffset:
    """Compare the machine's clock with ours; of several round trips the shortest counts."""
    trips = []
    for _ in range(samples):
        wall, start = time.time(), time.monotonic()
        answer = session.run("date +%s.%N", remember=False)
        # Ours after the trip by the monotonic clock: a step of our own clock can't bend a sample.
        after = wall + (time.monotonic() - start)
        if answer.exit_code != 0:
            raise NotUnderstood(f"{session.where}: date failed: {answer.complaint}")
        trips.append((wall, read_date(answer.text, where=session.where), after))
    return best_offset(trips)
