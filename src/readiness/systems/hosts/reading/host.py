"""What a machine says about its services and its clock, over one observe session."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from readiness.measure.measurement import Measurement, digest_of
from readiness.model.errors import NotUnderstood
from readiness.systems.answer import Answer
from readiness.systems.hosts.reading.timesync import TimeSync
from readiness.systems.marks import BOUNDED, VOLATILE

_PULLS_IN: Final = ("WantedBy", "RequiredBy", "TriggeredBy")
SOCKET: Final = ".socket"
_LISTENS: Final = ("listening", "running")  # of a socket: running, where its service has started
_AT_START: Final = ("enabled", "alias", "generated")
# One entry for each program (systemd.service(5), ExecStart=); its words may hold secrets.
_PROGRAM: Final = re.compile(r"^ExecStart=\{ path=(.*?) ; argv\[\]=", re.MULTILINE)
_TRACKING_FIELDS: Final = 14
_SOURCE_FIELDS: Final = 10
_NEVER: Final = str(2**32 - 1)  # chronyc's way to say that a source never answered


@dataclass(frozen=True)
class ServiceState:
    """One systemd unit as `systemctl show` describes it (org.freedesktop.systemd1)."""

    unit: str  # as asked, with its suffix
    load: str  # loaded, not-found, masked, error…
    active: str  # active, inactive, failed, activating…
    sub: str  # running, dead, auto-restart, listening…
    enabled: str  # UnitFileState: enabled, disabled, static, masked or empty
    # Why it last ended: success, exit-code, signal…; empty for non-services
    result: Annotated[str, BOUNDED]
    # Automatic restarts since it was last started by hand (NRestarts)
    restarts: Annotated[int | None, BOUNDED]
    main_pid: Annotated[int | None, VOLATILE]
    # Epoch seconds when it became active; None if it never was
    since: Annotated[float | None, VOLATILE]
    freezer: str = "running"  # FreezerState; systemd before 246 can't freeze a unit
    kind: str = ""  # Type: simple, notify, forking, oneshot…; empty for non-services
    started_by: tuple[str, ...] = ()  # loaded units that pull it in
    # Seconds that it had been active when it was asked, by our clock
    up: Annotated[float | None, VOLATILE] = None
    processes: Annotated[int | None, VOLATILE] = None  # of the unit, None when nobody asked
    stopped: int | None = None  # those of them that a signal or a debugger has stopped
    starts: tuple[str, ...] | None = None  # programs of a oneshot unit, None when nobody asked
    # Sockets that listen for it, start it when somebody comes, and are back after a restart.
    listening: tuple[str, ...] = ()
    id: str = ""  # its own name: `ssh.service` where `sshd.service` was asked for

    @property
    def does(self) -> tuple[str, ...] | None:
        """What a oneshot unit starts but `true`, which stands for other units (`postgresql`)."""
        if self.starts is None:
            return None
        return tuple(one for one in self.starts if one.rpartition("/")[2] != "true")

    @property
    def comes_back(self) -> bool:
        """Whether it starts with its machine: enabled, or pulled in by another unit.

        A unit that a socket or another unit starts may well be disabled or static itself; a socket
        counts while it listens.
        """
        others = [one for one in self.started_by if not one.endswith(SOCKET)]
        return self.enabled in _AT_START or bool(others or self.listening)


@dataclass(frozen=True)
class Tracking:
    """`chronyc tracking`: what the clock is steered by. Offsets in seconds."""

    reference_id: str  # hexadecimal
    reference: str  # address or name, empty when there is none
    stratum: int
    reference_time: float  # epoch seconds of the last update from the reference; 0 for never
    system_offset: float  # system clock minus true time as chrony estimates it, signed
    last_offset: float
    rms_offset: float
    root_delay: float
    root_dispersion: float
    update_interval: float
    leap_status: str  # Normal, Insert second, Delete second, Not synchronised


@dataclass(frozen=True)
class ClockSource:
    """One line of `chronyc sources`. Times in seconds."""

    mode: str  # ^ server, = peer, # local reference clock
    state: str  # * selected, + combined, - not combined, ? unusable, x false, ~ too variable
    name: str
    stratum: int
    poll: int  # log2 of the polling interval
    reach: int  # the last eight polls as bits, newest lowest; 0 is none answered
    last_sample_age: float | None  # None: it never answered
    last_offset: float
    error: float

    @property
    def selected(self) -> bool:
        """Whether the clock is steered by this source."""
        return self.state == "*"


@dataclass(frozen=True)
class ClockState:
    """What chronyd says; where it does not answer, `answers` is False and `problem` says why.

    A machine whose clock systemd-timesyncd steers has what that says instead.
    """

    answers: bool
    problem: str
    tracking: Annotated[Tracking | None, VOLATILE]
    sources: Annotated[tuple[ClockSource, ...], VOLATILE]
    timesync: Annotated[TimeSync | None, VOLATILE] = None

    @property
    def selected(self) -> ClockSource | None:
        """The source that steers the clock, if one does."""
        return next((source for source in self.sources if source.selected), None)


@dataclass(frozen=True)
class ClockOffset:
    """The machine's clock minus ours in seconds; the truth lies within ± error."""

    value: Annotated[float, BOUNDED]
    error: Annotated[float, BOUNDED]
    samples: Annotated[int, VOLATILE]
    taken: Annotated[float, VOLATILE]  # our epoch seconds

    @property
    def distance(self) -> Measurement:
        """How far apart both clocks are, in seconds; it can't be known better than the trip."""
        away = abs(self.value)
        return Measurement(
            name="distance of two clocks",
            value=away,
            lower=max(away - self.error, 0.0),
            upper=away + self.error,
            unit="s",
            resolution=self.error,
            n=self.samples,
            digest=digest_of([repr((self.value, self.error, self.taken))]),
        )


def is_listening(socket: ServiceState) -> bool:
    """Whether a socket listens now, and again after its machine was restarted."""
    return socket.active == "active" and socket.sub in _LISTENS and socket.comes_back


def read_programs(text: str) -> tuple[str, ...]:
    """Read `systemctl show --property=ExecStart` of one unit: the program of each entry."""
    return tuple(_PROGRAM.findall(text))


def read_services(text: str, units: Sequence[str], *, where: str) -> list[ServiceState]:
    """Read `systemctl show` of several units: blocks of Key=value, a blank line between."""
    blocks = [block for block in re.split(r"\n\s*\n", text.strip()) if block]
    if len(blocks) != len(units):
        raise NotUnderstood(
            f"{where}: systemctl show answered about {len(blocks)} units, expected {len(units)}"
        )
    return [_read_service(block, unit, where) for block, unit in zip(blocks, units, strict=True)]


def _read_service(block: str, unit: str, where: str) -> ServiceState:
    found = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    try:
        return ServiceState(
            unit=unit,
            load=found["LoadState"],
            active=found["ActiveState"],
            sub=found["SubState"],
            enabled=found.get("UnitFileState", ""),
            result=found.get("Result", ""),
            restarts=int(found["NRestarts"]) if "NRestarts" in found else None,
            main_pid=int(found.get("MainPID", "0")) or None,
            since=_unix_time(found.get("ActiveEnterTimestamp", "")),
            freezer=found.get("FreezerState", "running"),
            kind=found.get("Type", ""),
            started_by=tuple(one for by in _PULLS_IN for one in sorted(found.get(by, "").split())),
            id=found.get("Id") or unit,
        )
    except (KeyError, ValueError) as error:
        raise NotUnderstood(f"{where}: systemctl show of {unit} is unreadable: {error}") from error


def _unix_time(text: str) -> float | None:
    """`@1700000000` as systemd prints with --timestamp=unix; `@0`, `n/a` or empty is never."""
    if text in ("", "n/a", "@0", "0"):
        return None
    if not text.startswith("@"):
        raise ValueError(f"time {text!r} is not @SECONDS")
    return float(text[1:])


def has_suffix(unit: str) -> bool:
    """Whether a unit is called by its whole name."""
    kinds = ("service", "socket", "target", "timer", "mount", "path", "slice", "scope")
    return unit.rpartition(".")[2] in kinds and "." in unit


def is_active(text: str) -> bool:
    """Read `systemctl show --property=…,ActiveState` of several units: whether one is active."""
    return "ActiveState=active" in text.splitlines()


def read_clock(tracking: Answer, sources: Answer, *, where: str) -> ClockState:
    """Read the comma-separated answers of chronyc; that nobody answers it is an answer, too."""
    for answer in (tracking, sources):
        if answer.exit_code != 0:
            return ClockState(answers=False, problem=answer.complaint, tracking=None, sources=())
    try:
        found = _read_tracking(tracking.text)
        listed = tuple(_read_source(line) for line in sources.text.splitlines() if line)
    except ValueError as error:
        raise NotUnderstood(f"{where}: chronyc's answer is unreadable: {error}") from error
    return ClockState(answers=True, problem="", tracking=found, sources=listed)


def _read_tracking(text: str) -> Tracking:
    fields = text.strip().split(",")
    if len(fields) != _TRACKING_FIELDS:
        raise ValueError(f"tracking has {len(fields)} fields, expected {_TRACKING_FIELDS}")
    seconds = [float(field) for field in fields[3:13]]
    return Tracking(
        reference_id=fields[0],
        reference=fields[1],
        stratum=int(fields[2]),
        reference_time=seconds[0],
        system_offset=seconds[1],
        last_offset=seconds[2],
        rms_offset=seconds[3],
        root_delay=seconds[7],
        root_dispersion=seconds[8],
        update_interval=seconds[9],
        leap_status=fields[13],
    )


def _read_source(line: str) -> ClockSource:
    fields = line.split(",")
    if len(fields) != _SOURCE_FIELDS:
        raise ValueError(f"source has {len(fields)} fields, expected {_SOURCE_FIELDS}")
    return ClockSource(
        mode=fields[0],
        state=fields[1],
        name=fields[2],
        stratum=int(fields[3]),
        poll=int(fields[4]),
        reach=int(fields[5], 8),
        last_sample_age=None if fields[6] == _NEVER else float(fields[6]),
        last_offset=float(fields[7]),
        error=float(fields[9]),
    )


def read_date(text: str, *, where: str) -> float:
    """Read `date +%s.%N` as epoch seconds."""
    if not re.fullmatch(r"\d+\.\d{9}\n?", text):
        raise NotUnderstood(
            f"{where}: date answered {text.strip()!r}, expected SECONDS.NANOSECONDS"
        )
    return float(text)


def best_offset(trips: Sequence[tuple[float, float, float]]) -> ClockOffset:
    """Offset from (ours before, theirs, ours after), by the shortest trip; error is half of it.

    With one foreign timestamp between two of ours the RFC 5905 formula
    ((t1 - t0) + (t2 - t3)) / 2 has t1 = t2.
    """
    before, theirs, after = min(trips, key=lambda trip: trip[2] - trip[0])
    # Floats near the epoch resolve 0.24 µs: never claim less.
    error = max((after - before) / 2, 0.0) + math.ulp(theirs)
    value = ((theirs - before) + (theirs - after)) / 2
    return ClockOffset(value=value, error=error, samples=len(trips), taken=after)
