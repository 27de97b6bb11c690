"""What a draft is made of: everything that was seen of a site, and how its parts are called."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from readiness.drafting import database, machine, web
from readiness.outside.place import Url
from readiness.site.declared.common import is_address

LISTENER: Final = "portal"
"""How the listener is called that users ask."""
OPENAPI_FILE: Final = "openapi.json"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Host:
    """One machine: what it is called, how it is found, what was seen of it."""

    name: str
    host: str
    """A name in the DNS, or an address."""
    addresses: tuple[str, ...] = ()
    """Those that it is declared by, where somebody named them; else those behind its name."""
    seen: machine.Seen | None = None
    """None where nobody logs in."""
    role: str = ""
    """What an inventory says that it is for; empty where none does."""
    ssh_port: int | None = None

    @property
    def by_name(self) -> bool:
        """Whether it is declared by its name, so that each run asks where that leads."""
        return not self.addresses and not is_address(self.host)


@dataclass(frozen=True)
class Draft:
    """A site as it was seen."""

    url: Url
    on: date
    front: web.Front
    hosts: tuple[Host, ...]
    """The first is the one that users reach."""
    authority: Path | None = None
    """Whom to trust instead of the system's own."""
    databases: tuple[database.Seen, ...] = ()
    password: str = ""
    """The reference to the password of whoever looks at databases."""
    notes: tuple[str, ...] = field(default=())
    """What could not be looked at, in words."""

    @property
    def name(self) -> str:
        """What the site is called: its host's name, as names are written here."""
        name = re.sub(r"[^a-z0-9.-]+", "-", self.url.host.lower()).strip("-.")
        return name.replace(".", "-")[:63] or "site"

    def host_of(self, location: database.Location) -> Host | None:
        """The machine that a database runs on, as far as names and addresses tell."""
        if location.host in database.LOOPBACK:
            there = (one for one in self.hosts if one.seen and one.seen.listens(location.port))
            return next(there, self.hosts[0])
        return next(
            (one for one in self.hosts if location.host in (one.host, *one.addresses)), None
        )

    def ports_of(self, host: Host) -> Iterator[int]:
        """The ports of a machine that the draft declares something at."""
        if host is self.hosts[0]:
            yield self.url.port
            if self.front.plain_port:
                yield self.front.plain_port
        for one in self.databases:
            if self.host_of(one.location) is host and one.way != "through: ssh":
                yield one.location.port


def called(host: str, taken: list[str]) -> str:
    """A name for a machine: the first label of its own, or a number."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        first = host.partition(".")[0].lower()
        if _NAME.fullmatch(first) and first not in taken:
            return first
    return next(name for number in range(1, 10_000) if (name := f"machine{number}") not in taken)
