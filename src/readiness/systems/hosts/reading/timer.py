"""When a systemd timer elapses next, and how the service that it starts last ended."""

import json
from dataclasses import dataclass
from typing import Annotated, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.marks import BOUNDED, VOLATILE

_MICRO: Final = 1_000_000


@dataclass(frozen=True)
class Timer:
    """A timer (systemd.timer(5)). Times in epoch seconds of its machine."""

    load: str  # loaded, not-found, masked…
    active: str
    enabled: str  # UnitFileState: whether it comes back after a start
    next: Annotated[float | None, VOLATILE]  # None: it will not elapse
    last: Annotated[float | None, VOLATILE]  # None: not since the machine started
    service: str  # empty when systemd lists no such timer
    result: Annotated[str, BOUNDED]  # how the service last ended: success, exit-code, timeout…
    # Its ActiveState: inactive, failed, activating…
    service_state: Annotated[str | None, VOLATILE] = None


def read_listed(text: str, unit: str, *, where: str) -> tuple[float | None, float | None, str]:
    """Read `systemctl list-timers --all --output=json`: next, last, and what it starts."""
    try:
        for one in json.loads(text or "[]"):
            if one["unit"] == unit:
                return _time(one["next"]), _time(one["last"]), one["activates"] or ""
    except (ValueError, KeyError, TypeError) as error:
        raise NotUnderstood(f"{where}: the list of timers is unreadable: {error!r}") from error
    return None, None, ""


def read(
    timing: tuple[float | None, float | None, str], own: str, service: str, *, where: str
) -> Timer:
    """Read `systemctl show` of the timer and of its service."""
    mine, its = _properties(own), _properties(service)
    try:
        return Timer(
            load=mine["LoadState"],
            active=mine["ActiveState"],
            enabled=mine.get("UnitFileState", ""),
            next=timing[0],
            last=timing[1],
            service=timing[2],
            result=its.get("Result", "") if its.get("LoadState") == "loaded" else "",
            service_state=its.get("ActiveState"),
        )
    except KeyError as error:
        raise NotUnderstood(f"{where}: the timer is unreadable: {error!r}") from error


def _properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _time(micro: float | None) -> float | None:
    return micro / _MICRO if micro else None
