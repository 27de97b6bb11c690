"""The checks of machines' hardening and room, green, red and unknown without a lab."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.evidence.claim import CURRENT, Found
from readiness.systems.hardening.declared import Excepted, Exempt, Hardening, Headroom, OwnSetting
from readiness.systems.hardening.reading import (
    FileSystem,
    Host,
    Identity,
    Kernel,
    Offer,
    Offers,
    Setting,
    Space,
    Wrong,
)

SUITES = Path(__file__).parents[2] / "suites"
HARDENED = runpy.run_path(str(SUITES / "hardening/test_machines_hardened.py"))
ROOM = runpy.run_path(str(SUITES / "hosts/test_room.py"))
MACHINE = SimpleNamespace(name="app1", ssh=True)
OFFER = Offer("192.0.2.1", "SSH-2.0-x", "SHA256:a", (), ("publickey",), ("publickey",))
GIB = 1024**3


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def put(check: Any, reading: Any, **declared: Any) -> None:
    """Put a reading to a check, under a site that declares these sections."""
    site = SimpleNamespace(**{"hardening": None, "headroom": None} | declared)
    check(MACHINE, site, lambda *_: Found(reading, "app1", 0))


def kernel(key: str, running: str, saved: str = "") -> Kernel:
    """A kernel of one setting."""
    return Kernel((Setting(key, running, saved, "/etc/sysctl.d/x.conf" if saved else ""),))


def red(check: Any, reading: Any, **declared: Any) -> None:
    """The check refuses the reading."""
    with pytest.raises(AssertionError):
        put(check, reading, **declared)


KERNEL = HARDENED["test_kernel_keeps_the_table"]
HOST = HARDENED["test_host_keeps_the_table"]
SSH = HARDENED["test_ssh_offers_nothing_weak"]
BYTES, INODES = ROOM["test_bytes_are_left"], ROOM["test_inodes_are_left"]


def test_a_kernel_that_keeps_its_rows_is_green() -> None:
    """Saved, or not saved and what a kernel starts with."""
    put(KERNEL, kernel("net.ipv4.tcp_syncookies", "1"))
    put(KERNEL, kernel("net.ipv4.tcp_syncookies", "2", "1"))


def test_a_kernel_is_red_now_and_after_its_next_start(reasons: list[str]) -> None:
    """Either way round the reason says which of the two."""
    red(KERNEL, kernel("net.ipv4.ip_forward", "1", "0"))
    red(KERNEL, kernel("net.ipv4.ip_forward", "0", "1"))
    assert reasons[-1].endswith(
        "next start on to be none, found net.ipv4.ip_forward becomes 1 by /etc/sysctl.d/x.conf"
    )
    own = OwnSetting(key="net.ipv4.tcp_syncookies", least=2, most=2, reason="x")
    red(KERNEL, kernel("net.ipv4.tcp_syncookies", "2"), hardening=Hardening(kernel=(own,)))
    assert "becomes 1, since nothing sets it" in reasons[-1]


def test_no_setting_and_a_row_that_the_kernel_lacks_are_red(reasons: list[str]) -> None:
    """Nothing read is nothing shown; a site's own row has to be about something."""
    red(KERNEL, Kernel(()))
    own = OwnSetting(key="kernel.nothing", least=1, most=1, reason="x")
    both = kernel("net.ipv4.ip_forward", "0")
    red(KERNEL, both, hardening=Hardening(kernel=(own,)))
    assert reasons[-1].endswith("found kernel.nothing")


def test_an_exception_is_named_in_what_is_green(reasons: list[str]) -> None:
    """With its reason; the other rows are judged."""
    excepted = Excepted(rule="net.ipv4.ip_forward", reason="It routes.", machines=("app1",))
    two = Kernel((Setting("net.ipv4.ip_forward", "1"), Setting("net.ipv4.tcp_syncookies", "1")))
    put(KERNEL, two, hardening=Hardening(excepted=(excepted,)))
    assert "(excepted: net.ipv4.ip_forward (It routes.))" in reasons[0]


def test_a_host_is_red_by_what_is_wrong_and_not_excepted(reasons: list[str]) -> None:
    """An exception is for one path; a search that finds no set-uid program saw nothing."""
    wrong = (Wrong("set-uid", "/opt/a runs as root", "/opt/a"), Wrong("uid-0", "account b"))
    spared = Hardening(excepted=(Excepted(rule="set-uid", path="/opt/a", reason="x"),))
    put(HOST, Host(9, ("/usr/bin/su",), wrong[:1]), hardening=spared)
    red(HOST, Host(9, ("/usr/bin/su",), wrong), hardening=spared)
    assert reasons[-1].endswith("to be none, found account b")
    red(HOST, Host(9, (), ()))


def test_ssh_is_judged_at_every_address(reasons: list[str]) -> None:
    """What one of two addresses offers is enough; root's password may be refused later."""
    put(SSH, Offers((OFFER,), ()))
    weak = Offer("2001:db8::1", "x", "k", ("cipher 3des-cbc",), ("publickey",), ("publickey",))
    red(SSH, Offers((OFFER, weak), ()))
    assert reasons[-1].endswith("found 2001:db8::1: cipher 3des-cbc")
    password = Offer("192.0.2.1", "x", "k", (), ("publickey", "password"), ("publickey",))
    red(SSH, Offers((password,), ()), hardening=Hardening(ssh_passwords="refused"))
    assert reasons[-1].endswith("root a password to be none, found 192.0.2.1")


def test_whether_root_s_password_is_refused_later_is_unknown() -> None:
    """Debian's default offers it and takes none; that is neither green nor red."""
    said: list[Any] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(claim)))
    password = Offer("192.0.2.1", "x", "k", (), ("password",), ("password",))
    red(SSH, Offers((password,), ()))
    CURRENT.reset(token)
    assert str(said[-1].answer) == "unknown"


def room(size: int, free: int, inodes: int = 100, free_inodes: int = 100) -> Space:
    """A machine with one file system."""
    return Space((FileSystem("ext4", "/data", size, free, inodes, free_inodes),), (), ())


def test_room_is_a_share_or_plenty() -> None:
    """A tenth is enough, and so are 50 GiB of many terabytes; less of either is red."""
    put(BYTES, room(100 * GIB, 10 * GIB))
    put(BYTES, room(10_000 * GIB, 60 * GIB))
    red(BYTES, room(100 * GIB, 9 * GIB))
    red(BYTES, room(10_000 * GIB, 40 * GIB))
    put(INODES, room(1, 1, 0, 0))
    red(INODES, room(1, 1, 100, 9))


def test_what_is_meant_to_be_full_is_named(reasons: list[str]) -> None:
    """With its reason, if there is another one that is judged; alone it shows nothing."""
    spared = Headroom(excepted=(Exempt(point="/data", reason="A cache."),))
    root = FileSystem("ext4", "/", 10, 9, 10, 9)
    put(BYTES, Space((root, *room(10, 0).systems), (), ()), headroom=spared)
    assert "(excepted: /data: A cache.)" in reasons[0]
    red(BYTES, room(10, 0), headroom=spared)


def test_a_file_system_that_nobody_could_look_at_is_unknown() -> None:
    """The others may be fine: that one is neither."""
    said: list[Any] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(claim)))
    for check in (BYTES, INODES):
        red(check, Space(room(10, 9).systems, (), ("/secret",)))
        assert str(said[-1].answer) == "unknown"
        assert "/secret" in str(said[-1])
    CURRENT.reset(token)


def test_machines_are_told_apart(reasons: list[str]) -> None:
    """One machine-id, one key of two, and two keys of one are red, and name the machines."""
    machines = [SimpleNamespace(name=name, ssh=True) for name in ("a", "b")]
    site: Any = SimpleNamespace(name="site", machines=machines)

    def look(ids: tuple[str, str], keys: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        def ask(source: Any, machine: Any) -> Any:
            at = "ab".index(machine.name)
            offers = tuple(Offer("x", "x", key, (), (), ()) for key in keys[at])
            known = source.name == "machine-id"
            return Found(Identity(ids[at]) if known else Offers(offers, ()), machine.name, at)

        ROOM["test_machines_are_their_own"](site, ask)

    look(("1", "2"), (("k", "k"), ("l",)))
    for ids, keys, found in (
        (("1", "1"), (("k",), ("l",)), "one machine-id to be none, found a and b"),
        (("1", "2"), (("k", "m"), ("l",)), "different SSH host keys to be none, found a"),
        (("1", "2"), (("k",), ("k",)), "one SSH host key to be none, found a and b"),
    ):
        with pytest.raises(AssertionError):
            look(ids, keys)
        assert reasons[-1].endswith(found)
