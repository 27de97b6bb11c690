"""Whether a role is asked for a password that can run out, by rules as a server shows them."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from readiness.evidence.claim import CURRENT, Found
from readiness.systems.postgres.reading.access_rules import Door, Rule, asks_for_password
from readiness.systems.postgres.reading.restart import Login, Restart

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "suites/database/test_restart.py"))
NOW = 1000.0


def given(line: str) -> Rule:
    """A line of pg_hba.conf: kind, database, user, address/netmask, method."""
    kind, databases, users, *address, method = line.split()
    place, _, mask = (address or [""])[0].partition("/")
    names = tuple(databases.split(",")), tuple(users.split(","))
    return Rule(kind, *names, place or None, mask or None, method)


def at(
    database: str | None = "portal", address: str | None = "192.0.2.7", *, tls: bool | None = True
) -> Door:
    """The application's door over the network, unless told otherwise."""
    return Door("app", database, address, local=False, encrypted=tls)


SOCKET = Door("app", "portal", None, local=True, encrypted=False)
FOLLOWS = at(None, None, tls=None)
NET = "192.0.2.0/255.255.255.0"


@pytest.mark.parametrize(
    ("lines", "door", "asks"),
    [
        ([f"hostssl portal app {NET} scram-sha-256"], at(), True),
        ([f"hostssl portal app {NET} cert"], at(), False),
        ([f"hostssl portal app {NET} ldap"], at(), False),
        # The first that fits decides.
        ([f"hostssl all app {NET} cert", "host all all all md5"], at(), False),
        (["host all app 198.51.100.0/255.255.255.0 cert", "host all all all md5"], at(), True),
        (["hostnossl all all all trust", "host all all all md5"], at(), True),
        (["host all all 2001:db8::/ffff:ffff:: cert", "host all all all md5"], at(), True),
        (["host portal2 app all cert", "host sameuser,portal all all md5"], at(), True),
        # The socket has rules of its own.
        (["host all all all md5", "local all all peer"], SOCKET, False),
        (["local all app scram-sha-256"], SOCKET, True),
        # A database called `all` is not meant by replication.
        (["host all all all trust", "host replication app all md5"], FOLLOWS, True),
        ([f"hostssl replication app {NET} cert"], FOLLOWS, False),
        # What may fit leaves it open where the answers differ, and only there.
        (["host all +staff all cert", "host all all all md5"], at(), None),
        (["host all +staff all scram-sha-256", "host all all all md5"], at(), True),
        (["host all app db.example.org cert", "host all all all md5"], at(), None),
        (["host all app samenet cert", "host all all all md5"], at(), None),
        (["hostgssenc all app all gss", "host all all all md5"], at(), None),
        ([f"hostssl replication app {NET} cert", "host replication app all md5"], FOLLOWS, None),
        (["host all other all md5"], at(), None),
        ([], at(), None),
    ],
)
def test_the_first_rule_that_fits_decides(
    lines: list[str], door: Door, *, asks: bool | None
) -> None:
    """Each way that a rule fits, or may."""
    assert asks_for_password([given(one) for one in lines], [door]) is asks


def test_one_door_that_asks_is_enough() -> None:
    """An application that comes by the socket and over the network, too."""
    rules = [given("local all all peer"), given("host all all all scram-sha-256")]
    assert asks_for_password(rules, [SOCKET, at()]) is True
    assert asks_for_password(rules, [SOCKET]) is False
    assert asks_for_password(rules, []) is None


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def judged(*password: bool | None) -> None:
    """The check's word where these roles have a password that has run out."""
    logins = tuple(
        Login(f"role{number}", True, False, False, NOW - 1, one)
        for number, one in enumerate(password)
    )
    found = Found(Restart(NOW, (), 9, 9, (), logins), "db1", 1)
    SUITE["test_restart_is_safe"](None, lambda *_: found)


def test_who_is_asked_for_no_password_is_let_in_again(reasons: list[str]) -> None:
    """Its end is nobody's concern."""
    judged(False)
    assert reasons[-1].endswith("to be none, found none")


def test_who_is_asked_for_one_is_refused(reasons: list[str]) -> None:
    """Red, beside one of whom it is not known, too."""
    with pytest.raises(AssertionError):
        judged(None, True, False)
    assert reasons[-1].endswith("found the password of role1 has run out")


def test_who_may_be_asked_is_neither(reasons: list[str]) -> None:
    """Inconclusive, and the reason says of whom."""
    with pytest.raises(AssertionError):
        judged(None, False)
    assert "(of role0 the password has run out, if a rule asks for it)" in reasons[-1]
    assert reasons[-1].endswith("found nothing")
