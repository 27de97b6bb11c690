"""Whether a server asks a role for a password when it connects, by its access rules.

The first rule that fits decides (PostgreSQL 15, 21.1). Only a password that the server itself
keeps can run out: LDAP, PAM, RADIUS, certificates, peer and trust don't look at a role's end. Rules
are read as they are shown; where one may fit or not (a group, a host name, an expression) the
answer stays open.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Those that compare with the password that the server keeps, and look at when it ends (auth.c).
KEPT: Final = frozenset({"scram-sha-256", "md5", "password"})
_OPEN: Final = ("+", "/", "@")  # a group, an expression, a file


@dataclass(frozen=True)
class Rule:
    """One line of pg_hba.conf, as pg_hba_file_rules shows it."""

    kind: str  # local, host, hostssl, …
    databases: tuple[str, ...]
    users: tuple[str, ...]
    address: str | None
    netmask: str | None
    method: str


@dataclass(frozen=True)
class Door:
    """How somebody is connected: as whom, to what, and from where."""

    role: str
    database: str | None  # None: for physical replication
    address: str | None  # None: over the socket, or not known
    local: bool
    encrypted: bool | None  # None: not known


def rule(row: Mapping[str, Any]) -> Rule:
    """One row of pg_hba_file_rules."""
    return Rule(
        kind=str(row["type"]),
        databases=tuple(row["database"] or ()),
        users=tuple(row["user_name"] or ()),
        address=row["address"],
        netmask=row["netmask"],
        method=str(row["auth_method"]),
    )


def asks_for_password(rules: Sequence[Rule], doors: Iterable[Door]) -> bool | None:
    """Whether a password that can run out is asked for at any of these doors; None: not known."""
    answers = {_asks(rules, one) for one in doors}
    if True in answers:
        return True
    return None if None in answers or not answers else False


def _asks(rules: Sequence[Rule], door: Door) -> bool | None:
    """What the rules that may decide say; None where they differ, or there are none."""
    possible = set()
    for one in rules:
        fits = _fits(one, door)
        if fits is not False:
            possible.add(one.method in KEPT)
        if fits:
            break
    return possible.pop() if len(possible) == 1 else None


def _fits(one: Rule, door: Door) -> bool | None:
    """Whether a rule is for who comes by that door; None: it may be."""
    parts = (_kind(one, door), _database(one, door), _user(one, door), _address(one, door))
    if False in parts:
        return False
    return None if None in parts else True


def _kind(one: Rule, door: Door) -> bool | None:
    if one.kind == "local" or door.local:
        return one.kind == "local" and door.local
    if one.kind == "host":
        return True
    if one.kind in {"hostssl", "hostnossl"}:
        return None if door.encrypted is None else door.encrypted is (one.kind == "hostssl")
    return None  # by GSSAPI or not, which nobody asked


def _database(one: Rule, door: Door) -> bool | None:
    if door.database is None:
        return "replication" in one.databases
    wanted = {"all", door.database} | ({"sameuser"} if door.database == door.role else set())
    return _named(one.databases, wanted, {"samerole", "samegroup"})


def _user(one: Rule, door: Door) -> bool | None:
    return _named(one.users, {"all", door.role}, set())


def _named(names: Sequence[str], wanted: set[str], perhaps: set[str]) -> bool | None:
    if wanted & set(names):
        return True
    open_ = perhaps & set(names) or any(name.startswith(_OPEN) for name in names)
    return None if open_ else False


def _address(one: Rule, door: Door) -> bool | None:
    if one.kind == "local" or one.address == "all":
        return True
    if door.address is None or one.address is None or one.netmask is None:
        return None
    try:
        come = int(ipaddress.ip_address(door.address))
        base, mask = (ipaddress.ip_address(each) for each in (one.address, one.netmask))
    except ValueError:
        return None
    same = base.version == ipaddress.ip_address(door.address).version
    return same and come & int(mask) == int(base) & int(mask)
