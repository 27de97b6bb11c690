"""Whether a member could open new replication connections, as a program on it has tried just now.

What streams goes on with a password, a rule or a certificate that no new connection would be let in
with; only trying tells. What a member connects with never leaves it: the program is laid there by
the site (`readiness.on_members.replication_login`), takes no argument, and prints no secret.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.marks import VOLATILE

PROGRAM: Final = "/usr/local/lib/readiness/replication_login.py"
FORMAT: Final = 1
LIMIT: Final = 40.0  # seconds; one after the other, on the member: 20 s, and twice 8 s
# What a server says that lets nobody in for a moment, or has no place left; and the program's own
# impatience: libpq has its own end for a server that can't be reached.
_PASSES: Final = re.compile(
    r"starting up|shutting down|recovery mode|not (?:yet )?accepting connections"
    r"|too many|connection slots|max_wal_senders|no answer in \d+ s$",
    re.IGNORECASE,
)
# What is not the server's word: nothing of it was reached.
_SILENT: Final = re.compile(
    r"timeout expired|timed out|connection refused|no route to host"
    r"|network is unreachable|could not translate host name",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Attempt:
    """One replication connection that was tried, and what came of it."""

    to: str  # the member; empty: wherever the running standby's primary_conninfo leads
    host: str
    user: str
    system: str  # the identifier of the system that answered; empty: none did
    refusal: str  # what was said instead; empty: nothing

    @property
    def passes(self) -> bool:
        """Whether the refusal says nothing about a later connection."""
        return bool(_PASSES.search(self.refusal))

    @property
    def silent(self) -> bool:
        """Whether no server answered."""
        return bool(_SILENT.search(self.refusal))


@dataclass(frozen=True)
class ReplicationLogins:
    """What one member tried."""

    standby: Annotated[bool, VOLATILE]
    attempts: Annotated[tuple[Attempt, ...], VOLATILE]

    def to(self, member: str) -> Attempt | None:
        """The attempt to reach that member; of a standby "" is its own."""
        return next((one for one in self.attempts if one.to == member), None)


def read(text: str, *, where: str) -> ReplicationLogins:
    """Read what the program printed."""
    try:
        found: Mapping[str, Any] = json.loads(text)
        if "problem" in found:
            raise NotUnderstood(f"{where}: {found['problem']}")
        if found["format"] != FORMAT:
            raise NotUnderstood(f"{where}: {PROGRAM} is of another version: lay it there anew")
        return ReplicationLogins(
            standby=bool(found["standby"]),
            attempts=tuple(
                Attempt(**{name: str(one[name]) for name in Attempt.__dataclass_fields__})
                for one in found["attempts"]
            ),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NotUnderstood(f"{where}: what {PROGRAM} says is unreadable: {error!r}") from error
