"""What the source of a planted attack says, and which lines of others name it."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.intrusion.declared import ATTACKER, Attacker
from readiness.systems.token import AnySource, Source

STATES: Final = ("served", "refused", "silent", "closed", "forbidden", "unsent")
SERVED, UNSENT = "served", "unsent"
# What may be an address in a line; what is none is left out by `ip_address`.
_WORD: Final = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_MOST_LINES: Final = 5_000


@dataclass(frozen=True)
class AttackerUser:
    """As whom the source was logged in to."""

    user: str


@dataclass(frozen=True)
class DoorAt:
    """One door of one machine, and the address of the source that knocks at it."""

    machine: str
    source: str
    address: str
    port: int
    speaks: str

    @property
    def id(self) -> str:
        """Family and door, as people read it."""
        return f"{'v6' if ':' in self.address else 'v4'} {self.port}/{self.speaks}"


@dataclass(frozen=True)
class Attempts:
    """What became of the attack from one address on another."""

    source: str
    address: str
    served: int  # attempts that were answered
    last: str  # what became of the last one


def read_states(found: Any, count: int, where: str) -> tuple[str, ...]:
    """What became of each knock.

    Raises:
        NotUnderstood: it is not so many known states.
    """
    states = found.get("doors") if isinstance(found, dict) else None
    if not isinstance(states, list) or len(states) != count or not set(states) <= set(STATES):
        raise NotUnderstood(f"{where}: what became of {count} connections was not said")
    return tuple(states)


def read_attempts(found: Any, pairs: Sequence[tuple[str, str]], where: str) -> tuple[Attempts, ...]:
    """What became of the attack, pair by pair.

    Raises:
        NotUnderstood: it is not said of each pair.
    """
    try:
        done = tuple(
            Attempts(str(one["source"]), str(one["address"]), int(one["served"]), str(one["last"]))
            for one in found["attacks"]
        )
    except (KeyError, TypeError, ValueError):
        raise NotUnderstood(f"{where}: what became of the attack was not said") from None
    if [(one.source, one.address) for one in done] != list(pairs):
        raise NotUnderstood(f"{where}: what became of the attack was not said of each address")
    return done


def read_entries(body: Any, where: str) -> tuple[str, ...]:
    """Each entry of a list, as one line.

    Raises:
        NotUnderstood: it is no list.
    """
    if not isinstance(body, list):
        raise NotUnderstood(f"{where} is no list")
    return tuple(json.dumps(one, sort_keys=True, ensure_ascii=True) for one in body[-_MOST_LINES:])


def addresses_in(line: str) -> frozenset[str]:
    """Every address that a line names, each written in one way."""
    return frozenset(_addresses(line))


def _addresses(line: str) -> Iterator[str]:
    for word in _WORD.findall(line):
        # A full stop ends a sentence, a colon may begin what follows.
        for one in {word, word.strip("."), word.rstrip(".:"), word.partition("::ffff:")[2] or word}:
            try:
                yield ip_address(one).compressed
            except ValueError:
                continue


def new_lines(before: Iterable[str], now: Iterable[str]) -> tuple[str, ...]:
    """The lines that were not there before, or not as often."""
    return tuple((Counter(now) - Counter(before)).elements())


def naming(lines: Iterable[str], source: str) -> tuple[str, ...]:
    """The lines that name the address."""
    wanted = ip_address(source).compressed
    return tuple(one for one in lines if wanted in addresses_in(one))


def _says(found: AttackerUser) -> str:
    return f"reached as {found.user} (an ordinary user, runs Python)"


ATTACKER_LOGIN: Final = Source[Attacker, AttackerUser](
    "attacker-login", ATTACKER, AttackerUser, says=_says
)
"""Whether the source of the planted attack could be logged in to; nothing is done there."""

SOURCES: Final[tuple[AnySource, ...]] = (ATTACKER_LOGIN,)
