"""What systemd-timesyncd says about the clock that it steers.

The message is the last answer of its server, with the four moments of RFC 5905 (8): sent and come
back by this machine's clock, received and answered by the server's. org.freedesktop.timesync1(5).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.answer import Answer

PROPERTIES: Final = ("ServerName", "NTPMessage", "PollIntervalUSec", "PollIntervalMaxUSec")
UNSYNCHRONISED_LEAP: Final = 3  # RFC 5905, figure 9
_MICRO: Final = 1e6
# Fields of the message by their place.
_LEAP, _STRATUM, _MOMENTS, _IGNORED, _PACKETS = 0, 3, slice(8, 12), 12, 13
_FIELDS: Final = 15


@dataclass(frozen=True)
class TimeSync:
    """What timesyncd follows; times in seconds."""

    server: str
    """Empty where it has none yet."""
    packets: int
    """How many answers it has had from it."""
    leap: int
    stratum: int
    offset: float
    """The server's clock minus the machine's, by the last answer."""
    age: float
    """Since when that answer is there, by the machine's own clock."""
    poll: float
    """How long it waits between two questions now."""
    longest_poll: float
    ignored: bool
    """Whether the last answer was taken for an outlier."""

    @property
    def patience(self) -> float:
        """How old an answer may be while all is well: one that it waits longest for, and a spare.

        The pause begins anew with a server, so the one of now may be far shorter than the last.
        """
        return 2 * max(self.poll, self.longest_poll)


def read_timesync(answer: Answer, *, now: float, where: str) -> TimeSync:
    """Read `busctl --json=short get-property` of PROPERTIES: one line of JSON for each.

    Args:
        answer: what came back.
        now: epoch seconds by the machine's clock.
        where: for a message.

    Raises:
        NotUnderstood: it is something else.
    """
    try:
        server, message, poll, longest = (
            json.loads(line)["data"] for line in answer.text.splitlines() if line
        )
        return _read(str(server), message, poll / _MICRO, longest / _MICRO, now)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        problem = answer.complaint if answer.exit_code else repr(error)
        raise NotUnderstood(f"{where}: systemd-timesyncd can't be asked: {problem}") from error


def _read(server: str, message: Sequence[Any], poll: float, longest: float, now: float) -> TimeSync:
    if len(message) != _FIELDS:
        raise ValueError(f"a message of {len(message)} fields, expected {_FIELDS}")
    sent, received, answered, back = (one / _MICRO for one in message[_MOMENTS])
    return TimeSync(
        server=server,
        packets=int(message[_PACKETS]),
        leap=int(message[_LEAP]),
        stratum=int(message[_STRATUM]),
        offset=((received - sent) + (answered - back)) / 2,
        age=max(now - back, 0.0),
        poll=poll,
        longest_poll=longest,
        ignored=bool(message[_IGNORED]),
    )
