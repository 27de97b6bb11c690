"""What a machine says about its own addresses and about the sockets that others may reach."""

import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Final

from readiness.model.errors import NotUnderstood

_SCOPE: Final = re.compile(r"%[^\]]*")  # the card that a link-local address belongs to
_ANY: Final = ("*", "0.0.0.0", "[::]")  # noqa: S104 - what ss prints, nothing is bound


@dataclass(frozen=True)
class Socket:
    """One listening socket (ss(8)): `0.0.0.0`, `[::]` and `*` stand for every address."""

    protocol: str  # tcp or udp
    address: str
    port: int

    @property
    def name(self) -> str:
        """As people declare it: 443/tcp."""
        return f"{self.port}/{self.protocol}"

    @property
    def reachable(self) -> bool:
        """Whether another machine could reach it: anything but a loopback address."""
        if self.address in _ANY:
            return True
        found = ipaddress.ip_address(self.address.strip("[]"))
        return not (getattr(found, "ipv4_mapped", None) or found).is_loopback

    def takes(self, address: str) -> bool:
        """Whether it takes what is sent to that address of its machine."""
        if self.address in _ANY:
            return self.address in ("*", "[::]" if ":" in address else "0.0.0.0")  # noqa: S104
        found = ipaddress.ip_address(self.address.strip("[]"))
        own = getattr(found, "ipv4_mapped", None) or found
        return bool(own == ipaddress.ip_address(address))


def read_sockets(text: str, protocol: str, *, where: str) -> list[Socket]:
    """Read `ss --numeric --listening`: a heading, then a line for each socket."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        try:
            address, _, port = fields[3].rpartition(":")
            one = Socket(protocol, _SCOPE.sub("", address), int(port))
            _ = one.reachable
        except (IndexError, ValueError) as error:
            raise NotUnderstood(f"{where}: ss printed {line[:80]!r}: {error}") from error
        found.append(one)
    return found


def read_addresses(text: str, *, where: str) -> tuple[str, ...]:
    """Read `ip -json address show`; an address that failed its duplicate test is not held."""
    try:
        held = [
            str(ipaddress.ip_address(one["local"]))
            for card in json.loads(text)
            if "UP" in card["flags"]
            for one in card["addr_info"]
            if not one.get("dadfailed") and not one.get("tentative")
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise NotUnderstood(f"{where}: ip's answer is unreadable: {error!r}") from error
    return tuple(sorted(held))
