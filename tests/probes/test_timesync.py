"""The clock of a machine that systemd-timesyncd steers, as it says over D-Bus."""

import json
from typing import Any

import pytest

from readiness.model.errors import NotUnderstood
from readiness.probes.commands import require_allowed
from readiness.systems.answer import Answer
from readiness.systems.hosts.asking import host
from readiness.systems.hosts.reading.timesync import TimeSync, read_timesync

NOW = 1_796_120_000.0
ACTIVE, INACTIVE = (
    Answer(0, f"ActiveState={one}\n".encode(), b"") for one in ("active", "inactive")
)


def said(
    *, sent: float = NOW - 10, ahead: float = 0.25, stratum: int = 2, packets: int = 4
) -> Answer:
    """What `busctl` prints: a server that is so many seconds ahead, on a way of 40 ms."""
    moments = (sent, sent + 0.02 + ahead, sent + 0.02 + ahead, sent + 0.04)
    message: list[Any] = [0, 4, 4, stratum, -25, 1000, 2000, [198, 18, 4, 10]]
    message += [int(one * 1e6) for one in moments] + [False, packets, 500]
    data = ("time.example.edu", message, 64_000_000, 2_048_000_000)
    return Answer(
        0, "\n".join(json.dumps({"type": "?", "data": one}) for one in data).encode(), b""
    )


def read(answer: Answer) -> TimeSync:
    """What was understood of it."""
    return read_timesync(answer, now=NOW, where="web")


def test_offset_and_age_are_those_of_the_last_answer() -> None:
    """The way there and back cancels out (RFC 5905, 8)."""
    found = read(said())
    assert found.offset == pytest.approx(0.25, abs=1e-5)
    assert found.age == pytest.approx(9.96, abs=1e-5)
    assert (found.server, found.stratum, found.packets) == ("time.example.edu", 2, 4)
    assert found.patience == 4096


@pytest.mark.parametrize(
    "answer",
    [
        Answer(0, b"", b""),
        Answer(0, b"{}\n{}\n{}\n{}\n", b""),
        Answer(0, b'{"data": "a"}\n{"data": [1, 2]}\n{"data": 1}\n{"data": 1}\n', b""),
        Answer(1, b"", b"Failed to get property NTPMessage\n"),
        Answer(0, b"half a {", b""),
    ],
)
def test_anything_else_is_said_to_be_unreadable(answer: Answer) -> None:
    """Never a clock that is right."""
    with pytest.raises(NotUnderstood, match="web: systemd-timesyncd can't be asked"):
        read(answer)


class Machine:
    """A machine of which some answers are made up."""

    where = "web"

    def __init__(self, *, timesyncd: Answer, chronyc: Answer | None = None) -> None:
        self.timesyncd, self.chronyc = timesyncd, chronyc
        self.asked: list[str] = []

    def run(self, command: str, **_: object) -> Answer:
        """The answer of the program; a missing one is no answer."""
        require_allowed(command)
        self.asked.append(command)
        if command.startswith("chronyc"):
            if self.chronyc is None:
                raise NotUnderstood("web: chronyc: command not found")
            return self.chronyc
        if command.startswith("systemctl"):
            return self.timesyncd if "timesyncd" in command else INACTIVE
        return Answer(0, f"{NOW:.9f}\n".encode(), b"") if command.startswith("date") else said()


SILENT = Answer(1, b"506 Cannot talk to daemon\n", b"")


@pytest.mark.parametrize("chronyc", [None, SILENT])
def test_timesyncd_is_asked_where_no_chronyd_runs(chronyc: Answer | None) -> None:
    """Whether chrony is installed or not."""
    found = host.clock(Machine(timesyncd=ACTIVE, chronyc=chronyc))  # type: ignore[arg-type]
    assert found.timesync is not None
    assert found.timesync.server == "time.example.edu"


def test_one_that_does_not_run_is_not_asked() -> None:
    """Asking it over D-Bus could start it."""
    machine = Machine(timesyncd=INACTIVE)
    with pytest.raises(NotUnderstood, match="command not found"):
        host.clock(machine)  # type: ignore[arg-type]
    assert not any(one.startswith("busctl") for one in machine.asked)
