"""When a systemd timer elapses next, and how the service that it starts last ended."""

from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.systems.hosts.reading.timer import Timer, read, read_listed

_SHOW: Final = "systemctl show --timestamp=unix --property="


def timer(session: ObserveSession, unit: str) -> Timer:
    """Ask for a timer and its service.

    Raises:
        ProbeError: the machine does not say.
    """
    listed = _said(session, f"systemctl list-timers --all --output=json {unit}")
    own = _said(session, f"{_SHOW}LoadState,ActiveState,UnitFileState {unit}")
    timing = read_listed(listed, unit, where=session.where)
    service = timing[2]
    result = _said(session, f"{_SHOW}LoadState,ActiveState,Result {service}") if service else ""
    return read(timing, own, result, where=session.where)


def _said(session: ObserveSession, command: str) -> str:
    answer = session.run(command, remember=False)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: {command[:40]}: {answer.complaint}")
    return answer.text
