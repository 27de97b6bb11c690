"""What everybody on a machine can read: what was looked at, and where a secret stands in it.

No reading holds a value. A secret is told by place, kind and the name before it, and by a digest
under a key that the run forgets: the same digest twice in one run is the same secret.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from readiness.site.declared.machine import Machine
from readiness.site.subjects import REACHED_MACHINE
from readiness.systems.marks import VOLATILE
from readiness.systems.secrets.reading.kept import LOGINS, ROTATIONS, SSH_KEYS, TLS_KEYS, VALUES
from readiness.systems.token import Source


@dataclass(frozen=True)
class Secret:
    """A secret in the open. `line` is 0 where there are no lines; a setting may have no name.

    A private key has no digest: what is found is where it begins.
    """

    place: str
    line: int
    kind: str
    setting: str
    digest: Annotated[str, VOLATILE]

    def __str__(self) -> str:
        where = f"{self.place}:{self.line}" if self.line else self.place
        return f"{where} ({self.kind}{', ' if self.setting else ''}{self.setting})"


@dataclass(frozen=True)
class Kept:
    """A declared place of secrets. `closed_by` is the folder above it that others can't enter.

    Then neither owner and mode nor whether it is there can be seen.
    """

    path: str
    there: bool | None
    owner: str
    mode: str
    closed_by: str = ""


@dataclass(frozen=True)
class OpenFiles:
    """The files of a machine that everybody reads, and those that were declared to be looked at."""

    roots: tuple[str, ...]
    files: Annotated[int, VOLATILE]
    lines: Annotated[int, VOLATILE]
    """Those that could hold a secret, and were looked at one by one."""
    secrets: tuple[Secret, ...]
    as_shipped: tuple[str, ...]
    """Files with what looks like a secret, and that are as the distribution ships them."""
    allowed: tuple[str, ...]
    """Findings that are declared to be none."""
    declared: tuple[str, ...]
    """Files of the declared ones that were read."""
    binary: Annotated[tuple[str, ...], VOLATILE]
    large: Annotated[tuple[str, ...], VOLATILE]
    kept: tuple[Kept, ...]


@dataclass(frozen=True)
class ShownToAll:
    """What systemd and the kernel show everybody of units and processes."""

    units: Annotated[int, VOLATILE]
    """None of a machine without systemd."""
    processes: Annotated[int, VOLATILE]
    secrets: tuple[Secret, ...]
    allowed: tuple[str, ...]


FILES: Final[Source[Machine, OpenFiles]] = Source("open-files", REACHED_MACHINE, OpenFiles)
SHOWN: Final[Source[Machine, ShownToAll]] = Source("shown-to-all", REACHED_MACHINE, ShownToAll)
SOURCES: Final = (FILES, SHOWN, LOGINS, SSH_KEYS, TLS_KEYS, VALUES, ROTATIONS)
