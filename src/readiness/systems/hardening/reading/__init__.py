"""What a machine says that hardening is judged by: one reading for each question."""

from dataclasses import dataclass
from typing import Annotated, Final

from readiness.site.declared.machine import Machine
from readiness.site.subjects import REACHED_MACHINE
from readiness.systems.hardening.reading.alike import LIKENESS
from readiness.systems.hardening.reading.services import SERVICES
from readiness.systems.hardening.reading.software import BROUGHT, SOFTWARE
from readiness.systems.marks import VOLATILE
from readiness.systems.token import Source


@dataclass(frozen=True)
class Setting:
    """A kernel setting: as it is, and as the next start sets it (nothing where nobody saved it)."""

    key: str
    running: str
    saved: str = ""
    saved_in: str = ""


@dataclass(frozen=True)
class Kernel:
    """The settings of the table that the kernel has."""

    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class Wrong:
    """What a row of the table is broken by: the row, and what people read."""

    rule: str
    what: str
    path: str = ""

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True)
class Host:
    """The accounts, files and mounts of a machine, and what is wrong with them."""

    accounts: int
    set_uid: tuple[str, ...]
    """Programs that run as their owner or group, and that a package brings."""
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True)
class FileSystem:
    """One file system that is written to: bytes and inodes, all and those that are free to users.

    Those that make inodes as they need them have none to tell of.
    """

    kind: str
    point: str
    size: int
    free: Annotated[int, VOLATILE]
    inodes: int
    free_inodes: Annotated[int, VOLATILE]


@dataclass(frozen=True)
class Space:
    """The file systems that are written to, and the points of those that nobody could look at."""

    systems: tuple[FileSystem, ...]
    read_only: tuple[str, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True)
class Offer:
    """What the SSH server offers at one address, before anybody has logged in."""

    address: str
    software: str
    host_key: str
    weak: tuple[str, ...]
    to_root: tuple[str, ...]
    to_users: tuple[str, ...]


@dataclass(frozen=True)
class Offers:
    """What is offered at each address that answers."""

    offers: tuple[Offer, ...]
    closed: tuple[str, ...]


@dataclass(frozen=True)
class Identity:
    """Which machine it is (machine-id(5))."""

    machine_id: str


KERNEL: Final[Source[Machine, Kernel]] = Source("kernel", REACHED_MACHINE, Kernel)
HOST: Final[Source[Machine, Host]] = Source("hardened-host", REACHED_MACHINE, Host)
SPACE: Final[Source[Machine, Space]] = Source("space", REACHED_MACHINE, Space)
OFFERS: Final[Source[Machine, Offers]] = Source("ssh-offer", REACHED_MACHINE, Offers)
IDENTITY: Final[Source[Machine, Identity]] = Source("machine-id", REACHED_MACHINE, Identity)
SOURCES: Final = (KERNEL, HOST, SPACE, OFFERS, IDENTITY, SERVICES, SOFTWARE, BROUGHT, LIKENESS)
