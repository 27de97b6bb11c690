"""Whether what is said to a PostgreSQL server crosses a network that others can read."""

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from readiness.model.errors import NotUnderstood
from readiness.systems.marks import VOLATILE


@dataclass(frozen=True)
class ClearSession:
    """A session that neither TLS nor GSSAPI encrypts, and that came from an address."""

    user: str
    address: str

    def __str__(self) -> str:
        """Who, and from where."""
        return f"{self.user} from {self.address}"


@dataclass(frozen=True)
class Encryption:
    """What decides on one member about who can read along."""

    tls: bool
    listens: tuple[str, ...]
    """The addresses or names that it was told to listen on; empty: its socket only."""
    clear: Annotated[tuple[ClearSession, ...], VOLATILE]
    """The sessions of this moment without encryption, whichever way they came."""

    @property
    def reached_from_elsewhere(self) -> bool:
        """Whether anybody but its own machine can connect."""
        return any(not _loopback(one) for one in self.listens)

    def crossing(self, own: Collection[str]) -> tuple[ClearSession, ...]:
        """Those that cross a network: they come from no address of the machine itself."""
        return tuple(
            one for one in self.clear if not _loopback(one.address) and one.address not in own
        )


def read(answer: Mapping[str, Any], *, where: str) -> Encryption:
    """Read the server's answer.

    Raises:
        NotUnderstood: it is not what was asked for.
    """
    try:
        listens = (one.strip() for one in str(answer["listen_addresses"]).split(","))
        return Encryption(
            tls={"on": True, "off": False}[answer["ssl"]],
            listens=tuple(one for one in listens if one),
            clear=tuple(
                ClearSession(str(row["user"]), str(ipaddress.ip_address(row["address"])))
                for row in answer["clear"] or ()
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"{where}: who can read along is unreadable: {error!r}") from error


def _loopback(address: str) -> bool:
    """Whether it is this machine for itself; a name is only where it is the one for that."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
