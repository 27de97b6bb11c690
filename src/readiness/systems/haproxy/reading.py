"""What one HAProxy says about the servers behind it: its statistics as CSV.

Field names and states are those of the HAProxy management guide, section 9.1.
"""

import csv
import io
import ipaddress
from dataclasses import dataclass
from typing import Annotated, Final

from readiness.model.errors import NotUnderstood
from readiness.site.subjects import BALANCER_NODE, BalancerNode
from readiness.systems.marks import BOUNDED
from readiness.systems.token import Source

_SERVER: Final = "2"  # the column `type`
_HEADING: Final = "# pxname"
SOCKET: Final = "unix"  # what HAProxy writes for a server on a socket of its own machine


@dataclass(frozen=True)
class Server:
    """One server of one backend as this balancer sees it."""

    backend: str
    name: str
    address: str  # without the port; `unix` on a socket; empty where the balancer shows none
    port: int | None
    # UP, DOWN, NOLB, MAINT, DRAIN, "no check", or on its way: "UP 1/3"
    status: Annotated[str, BOUNDED]
    # Last finished check: L7OK (for a redirect, too, unless `http-check expect` wants a status),
    # L4TOUT…; empty where none is done.
    check: Annotated[str, BOUNDED]
    weight: int
    spare: bool  # a backup server gets requests only when all others are down

    @property
    def on_socket(self) -> bool:
        """Whether it is reached over a socket, so that it is on the balancer's own machine."""
        return self.address == SOCKET

    @property
    def where(self) -> str:
        """Address and port, or its name where the balancer shows no address or a socket."""
        if self.on_socket:
            return f"socket {self.name}"
        if not self.address:
            return self.name
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"


def read(text: str, *, where: str) -> tuple[Server, ...]:
    """Read the statistics."""
    if not text.startswith(_HEADING):
        raise NotUnderstood(f"{where} answered no HAProxy statistics; expected {_HEADING},…")
    rows = csv.DictReader(io.StringIO(text.removeprefix("# ")))
    try:
        return tuple(_server(row) for row in rows if row["type"] == _SERVER)
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise NotUnderstood(f"{where}: unreadable: {error!r}") from error


def _server(row: dict[str, str]) -> Server:
    address, port = _place(row.get("addr") or "")
    return Server(
        backend=row["pxname"],
        name=row["svname"],
        address=address,
        port=port,
        status=row["status"],
        # A star marks a check that runs right now; the result before it is still the last one.
        check=row["check_status"].removeprefix("* "),
        weight=int(row["weight"]),
        spare=row["bck"] == "1",
    )


def _place(text: str) -> tuple[str, int | None]:
    """Address and port of `192.0.2.1:80` or `[2001:db8::1]:80`; what is on a socket has no port."""
    if text in ("", SOCKET):
        return text, None
    address, _, port = text.rpartition(":")
    return str(ipaddress.ip_address(address.strip("[]"))), int(port)


SERVERS: Final[Source[BalancerNode, tuple[Server, ...]]] = Source(
    "haproxy", BALANCER_NODE, tuple[Server, ...]
)
SOURCES: Final = (SERVERS,)
