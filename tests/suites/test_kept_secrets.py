"""Secrets that are not a site's own: readings and checks, green, red and unknown without a lab."""

import runpy
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import NotUnderstood
from readiness.probes.commands import is_allowed
from readiness.systems.hardening.reading.offer import host_keys_offered
from readiness.systems.secrets import questions
from readiness.systems.secrets.asking.published_logins import _REFUSED, _TAKEN
from readiness.systems.secrets.published import KEYS, POSTGRESQL, logins
from readiness.systems.secrets.reading.kept import Logins, Value, alike, read_log, read_salted

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "suites/secrecy/test_kept.py"))
LOGIN = SUITE["test_no_published_login_is_taken"]
DAY = 86400.0


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def tried(reading: Logins, **declared: Any) -> None:
    """Put the answers of a member to SEC-003, under a site that declares this besides."""
    member = SimpleNamespace(database=SimpleNamespace(consensus=None))
    ask: Any = lambda *_: Found(reading, "records/solo", 0)  # noqa: E731 - one line says it
    LOGIN(member, SimpleNamespace(**declared), ask)


def test_a_login_that_is_refused_is_green_and_one_that_is_taken_red(reasons: list[str]) -> None:
    """The reason names user and source, and no password."""
    tried(Logins(("a (b)",), (), ()))
    with pytest.raises(AssertionError):
        tried(Logins(("a (b)",), ("portal (a role's own name)",), ()))
    assert reasons[-1].endswith("to be none, found portal (a role's own name)")


def test_what_was_not_tried_is_no_green(reasons: list[str]) -> None:
    """One login that nobody could try, and a cache, whose defaults nothing tries yet."""
    with pytest.raises(Exception, match=r".*"):
        tried(Logins(("a (b)",), (), ("c (d): timeout",)))
    assert "but not c (d): timeout" in reasons[-1]
    with pytest.raises(Exception, match=r".*"):
        tried(Logins(("a (b)",), (), ()), caches=("sessions",))
    assert "but not caches" in reasons[-1]


@pytest.mark.parametrize(
    ("said", "refused", "taken"),
    [
        ('FATAL:  password authentication failed for user "postgres"', True, False),
        ('FATAL:  no pg_hba.conf entry for host "192.0.2.1", user "a"', True, False),
        ("fe_sendauth: no password supplied", True, False),
        ('FATAL:  role "a" is not permitted to log in', True, False),
        ('FATAL:  permission denied for database "x"', False, True),
        ('FATAL:  database "x" does not exist', False, True),
        ("FATAL:  the database system is starting up", False, False),
        ("connection refused", False, False),
        ("FATAL:  Passwort-Authentifizierung fehlgeschlagen", False, False),
    ],
)
def test_what_a_server_says_of_a_login(said: str, refused: bool, taken: bool) -> None:  # noqa: FBT001
    """Whoever is refused after the login was taken, was let in; what nobody knows is neither."""
    assert (bool(_REFUSED.search(said)), bool(_TAKEN.search(said))) == (refused, taken)


def test_each_login_is_tried_once() -> None:
    """Three that are documented, and each of the application's roles by its own name."""
    tried_once = logins(("portal",))
    assert len({(one.user, one.password) for one in tried_once}) == len(tried_once) == 4
    assert len(POSTGRESQL) == 3


@pytest.mark.parametrize(
    ("changed", "rotated", "wrong"),
    [
        (-1, -1, ""),
        (-3, -400, "since 20"),
        (-500, -1, "whose file is of"),
        (-1, None, "which no log of rotations names"),
    ],
)
def test_a_secret_s_age_is_by_its_log_which_its_file_bears_out(
    changed: float, rotated: float | None, wrong: str
) -> None:
    """A young file alone proves nothing, and an old one that the log calls new is red."""
    now = time.time()
    value = Value("key", "0f", "", now + changed * DAY)
    moment = None if rotated is None else now + rotated * DAY
    said = SUITE["too_old"](value, moment, now - 365 * DAY)
    assert (wrong in said[0]) if wrong else said == []


def test_who_has_one_secret_is_told_together() -> None:
    """Each group once; what only one has is nobody else's."""
    assert alike([("b", "1"), ("a", "1"), ("c", "2"), ("a", "1")]) == [("a", "b")]


def test_a_log_is_read_by_its_last_line_of_each_value() -> None:
    """Times without a zone are UTC; a line without a time is refused with its number."""
    said = "# log\n2026-01-01T00:00:00Z key\n2026-02-01T00:00:00 key\n2026-03-01 other\n"
    assert read_log(said, ["key"], "x") == {"key": 1769904000.0}
    with pytest.raises(NotUnderstood, match="line 1 does not begin with a time"):
        read_log("<html>\n", ["key"], "x")


def test_a_digest_of_nothing_is_none() -> None:
    """A file that is empty or was refused has the digest of the salt alone."""
    assert read_salted(f"{'0' * 64}  -\n33\n", "x") == "0" * 64
    for said in ("", f"{'0' * 64}  -\n0\n", "sudo: a password is required\n"):
        with pytest.raises(NotUnderstood, match="can't be read, or is empty"):
            read_salted(said, "x")


def test_what_is_asked_is_on_the_list_and_has_no_key_in_it() -> None:
    """The salt is of one run; what the record has is under a key that stays here."""
    for user in (None, "root"):
        asked = questions.salted("/etc/portal/accounts.key", user, "0f" * 16)
        assert is_allowed(asked)
        assert not is_allowed(f"{asked}; id")
        assert not is_allowed(asked.replace("/etc/portal/accounts.key", "/etc/x$(id)"))


def test_published_keys_are_digests() -> None:
    """Each with the place that it can be downloaded from."""
    assert all(len(digest) == 64 and source for digest, source in KEYS.items())


def test_a_server_says_which_host_keys_it_has() -> None:
    """The second list of a KEXINIT (RFC 4253, 7.1)."""
    lists = b"".join(len(one).to_bytes(4, "big") + one for one in (b"a,b", b"ssh-ed25519,x"))
    assert host_keys_offered(b"\x14" + bytes(16) + lists) == ("ssh-ed25519", "x")
    for packet in (b"", b"\x15" + bytes(60), b"\x14" + bytes(16) + lists[:12]):
        with pytest.raises(NotUnderstood, match="KEXINIT"):
            host_keys_offered(packet)
