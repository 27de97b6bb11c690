"""What is read of secrets without their values: keys by their public halves, values by digests.

A digest is under a key that the run forgets: the same one twice in one run is the same secret.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from readiness.model.errors import NotUnderstood
from readiness.site.declared.machine import Machine
from readiness.site.subjects import (
    DATABASE_MEMBER,
    REACHED_MACHINE,
    TLS_LISTENER,
    Endpoint,
    Member,
)
from readiness.systems.marks import VOLATILE
from readiness.systems.token import Source

OF_DIGEST: Final = 64
MOST_LINES: Final = 10_000


@dataclass(frozen=True)
class Logins:
    """How a server took logins that everybody can read about; none is told by its password."""

    refused: tuple[str, ...]
    accepted: tuple[str, ...]
    unclear: tuple[str, ...]


@dataclass(frozen=True)
class Key:
    """A public key that somebody shows, by its digest, and where its private half is published."""

    kind: str
    digest: Annotated[str, VOLATILE]
    published: str


@dataclass(frozen=True)
class Keys:
    """The keys that one shows."""

    keys: tuple[Key, ...]


@dataclass(frozen=True)
class Value:
    """A secret in a file: a digest of this run, when its file was changed, when it was rotated."""

    name: str
    digest: Annotated[str, VOLATILE]
    published: str
    """Where everybody can read it; empty where nobody knows."""
    changed: Annotated[float, VOLATILE]
    """Seconds since the epoch."""


@dataclass(frozen=True)
class Values:
    """The declared secrets of a machine."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Rotations:
    """When values were last given new ones, as the logs on a machine say (epoch seconds)."""

    last: Annotated[Mapping[str, float], VOLATILE]
    """By value; those that no log names are not there."""


LOGINS: Final[Source[Member, Logins]] = Source("published-logins", DATABASE_MEMBER, Logins)
SSH_KEYS: Final[Source[Machine, Keys]] = Source("ssh-keys", REACHED_MACHINE, Keys)
TLS_KEYS: Final[Source[Endpoint, Keys]] = Source("tls-keys", TLS_LISTENER, Keys)
VALUES: Final[Source[Machine, Values]] = Source("kept-values", REACHED_MACHINE, Values)
ROTATIONS: Final[Source[Machine, Rotations]] = Source("rotations", REACHED_MACHINE, Rotations)


def read_salted(said: str, where: str) -> str:
    """The digest of a secret that is not empty, as the machine made it.

    Raises:
        NotUnderstood: there is none, or nothing in it, or more than one secret has.
    """
    digest, _, rest = said.partition("\n")
    digest, size = digest.partition(" ")[0], rest.strip()
    if len(digest) != OF_DIGEST or not size.isdigit() or int(size) == 0:
        raise NotUnderstood(f"{where} can't be read, or is empty")
    return digest


def read_log(said: str, names: Iterable[str], where: str) -> dict[str, float]:
    """The last time that a log has for each of these values.

    Raises:
        NotUnderstood: a line is no time with a name behind it, or there are too many.
    """
    wanted, found = set(names), dict[str, float]()
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) > MOST_LINES:
        raise NotUnderstood(f"{where}: it has more than {MOST_LINES} lines")
    for number, line in enumerate(lines, 1):
        words = line.split()
        try:
            moment = datetime.fromisoformat(words[0])
        except ValueError:
            raise NotUnderstood(f"{where}: line {number} does not begin with a time") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if len(words) > 1 and words[1] in wanted:
            found[words[1]] = max(found.get(words[1], 0.0), moment.timestamp())
    return found


def alike(digests: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Names that have one digest, each group once; of (name, digest)."""
    by_digest: dict[str, set[str]] = defaultdict(set)
    for name, digest in digests:
        by_digest[digest].add(name)
    return sorted(tuple(sorted(names)) for names in by_digest.values() if len(names) > 1)
