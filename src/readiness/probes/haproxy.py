"""What one HAProxy says about the servers behind it: its statistics as CSV.

Field names and states are those of the HAProxy management guide, section 9.1.
"""

import csv
import io
import ipaddress
from dataclasses import dataclass
from typing import Final

from readiness.errors import NotUnderstood
from readiness.probes.rest import RestTarget, fetch

_OK: Final = 200
_SERVER: Final = "2"  # the column `type`
_HEADING: Final = "# pxname"


@dataclass(frozen=True)
class Server:
    """One server of one backend as this balancer sees it."""

    backend: str
    name: str
    address: str  # without the port; empty where the balancer does not show it
    port: int | None
    status: str  # UP, DOWN, NOLB, MAINT, DRAIN, "no check", or on its way: "UP 1/3"
    check: str  # last finished check: L7OK, L4TOUT…; empty where none is done
    weight: int
    spare: bool  # a backup server gets requests only when all others are down

    @property
    def where(self) -> str:
        """Address and port, or its name where the balancer shows no address."""
        if not self.address:
            return self.name
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"


def servers(target: RestTarget, path: str) -> tuple[Server, ...]:
    """Every server of every backend.

    Raises:
        ProbeError: it does not answer, refuses us, or answers something else.
    """
    status, body = fetch(target, path, accept="text/csv")
    if status != _OK:
        raise NotUnderstood(f"{target}: {path} answered HTTP {status}, expected 200")
    return read(body.decode(errors="replace"), where=f"{target}: {path}")


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
    address, _, port = (row.get("addr") or "").rpartition(":")
    return Server(
        backend=row["pxname"],
        name=row["svname"],
        address=str(ipaddress.ip_address(address.strip("[]"))) if address else "",
        port=int(port) if port else None,
        status=row["status"],
        # A star marks a check that runs right now; the result before it is still the last one.
        check=row["check_status"].removeprefix("* "),
        weight=int(row["weight"]),
        spare=row["bck"] == "1",
    )
