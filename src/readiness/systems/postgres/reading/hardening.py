"""What a PostgreSQL server lets the application do, and whom it lets in.

Everything reachable counts: also what a role would first have to SET ROLE for. What everybody
(PUBLIC) may change is not asked: the login that looks could do it too, and is refused before.
PostgreSQL 15: 22.5 (predefined roles), 21.1 (pg_hba.conf), 20.3.2 (password_encryption).
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from readiness.model.errors import NotUnderstood

# Methods that have the client send its password as it is (21.5, 21.10 to 21.13).
_SENT: Final = frozenset({"password", "ldap", "pam", "radius", "bsd"})
_UNENCRYPTED: Final = ("host", "hostnossl", "hostnogssenc")  # may come without TLS
_LOOPBACK_NAMES: Final = frozenset({"samehost", "localhost"})


@dataclass(frozen=True)
class ApplicationRole:
    """A role that the application logs in as, on this member."""

    role: str
    exists: bool
    powers: tuple[str, ...]  # `superuser`, `pg_write_all_data`, `createrole of the role admin`…
    owns: tuple[str, ...]  # some of the tables and sequences that it, or who it could be, owns
    owned: int  # how many there are


@dataclass(frozen=True)
class AccessRule:
    """One line of pg_hba.conf that can be read."""

    line: int
    kind: str  # local, host, hostssl, hostnossl, hostgssenc, hostnogssenc
    databases: tuple[str, ...]
    users: tuple[str, ...]
    address: str  # empty for local
    method: str

    def __str__(self) -> str:
        """Its line as people write it, with its number."""
        words = (self.kind, ",".join(self.databases), ",".join(self.users), self.address)
        return f"line {self.line}: {' '.join(filter(None, (*words, self.method)))}"

    @property
    def believes(self) -> bool:
        """Whether whoever comes by it is who they say they are, by their own word.

        `ident` asks a server on the client's machine, which is the client's own.
        """
        return self.method == "trust" or (
            self.method == "ident" and self.kind != "local" and not self._loopback
        )

    @property
    def takes_passwords_in_the_clear(self) -> bool:
        """Whether a password may cross a network without encryption."""
        return self.method in _SENT and self.kind in _UNENCRYPTED and not self._loopback

    @property
    def _loopback(self) -> bool:
        try:
            return ipaddress.ip_network(self.address, strict=False).is_loopback
        except ValueError:
            return self.address in _LOOPBACK_NAMES


@dataclass(frozen=True)
class Hardening:
    """What decides on one member about who may do what."""

    applications: tuple[ApplicationRole, ...]
    rules: tuple[AccessRule, ...]
    asked_for_password: bool  # of the login that looks
    password_encryption: str


def read(answer: Mapping[str, Any], *, asked_for_password: bool, where: str) -> Hardening:
    """Read the server's answer.

    Raises:
        NotUnderstood: it is not what was asked for.
    """
    try:
        return Hardening(
            applications=tuple(_role(row) for row in answer["applications"] or ()),
            rules=tuple(_rule(row) for row in answer["rules"] or ()),
            asked_for_password=asked_for_password,
            password_encryption=str(answer["password_encryption"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstood(f"{where}: who may do what is unreadable: {error!r}") from error


def _role(row: Mapping[str, Any]) -> ApplicationRole:
    return ApplicationRole(
        role=str(row["role"]),
        exists=bool(row["exists"]),
        powers=tuple(row["powers"] or ()),
        owns=tuple(row["owns"] or ()),
        owned=int(row["owned"]),
    )


def _rule(row: Mapping[str, Any]) -> AccessRule:
    address, netmask = row["address"] or "", row["netmask"]
    if netmask:
        address = str(ipaddress.ip_network(f"{address}/{_length(netmask)}", strict=False))
    return AccessRule(
        line=int(row["line_number"]),
        kind=str(row["type"]),
        databases=tuple(row["database"] or ()),
        users=tuple(row["user_name"] or ()),
        address=address,
        method=str(row["auth_method"]),
    )


def _length(netmask: str) -> int:
    """The number of bits that a mask leaves fixed, which the view gives as an address."""
    return int(ipaddress.ip_address(netmask)).bit_count()
