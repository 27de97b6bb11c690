"""What machines say that hardening is judged by: readings, the commands, and a real SSH server."""

from pathlib import Path

import pytest
from local_servers import free_port, ssh_server

from readiness.model.errors import NotUnderstood, Unreachable
from readiness.probes.commands import is_allowed
from readiness.systems.hardening import questions, rules
from readiness.systems.hardening.asking import ssh_offer
from readiness.systems.hardening.reading import FileSystem, Setting
from readiness.systems.hardening.reading.host import (
    accounts,
    files,
    mounts,
    read_files,
    read_owned,
)
from readiness.systems.hardening.reading.kernel import read_running, read_saved, settings
from readiness.systems.hardening.reading.offer import weak_algorithms
from readiness.systems.hardening.reading.space import read_space

RECORDED = Path(__file__).parents[1] / "recorded/hardening"
KEYS = tuple(one.key for one in rules.KERNEL)


def test_a_real_machine_keeps_the_table() -> None:
    """What the lab's solo answered, each row of it right, and what Debian saves of it."""
    running = read_running((RECORDED / "running").read_text())
    saved = read_saved((RECORDED / "saved").read_text(), KEYS)
    assert {one.key for one in rules.KERNEL if one.kept_by(running[one.key])} == {*KEYS}
    assert [one.key for one in settings(running, saved)] == sorted(KEYS)


def test_the_last_of_several_files_wins_and_a_key_over_a_pattern() -> None:
    """Slashes and dots are both separators; `-` before a key forgives errors; comments are none."""
    text = (
        "# /etc/sysctl.d/1.conf\nnet.ipv4.tcp_syncookies = 1\n; net.ipv4.ip_forward = 1\n"
        "-net.ipv4.conf.*.accept_source_route=1\n"
        "# /etc/sysctl.d/2.conf\nnet/ipv4/tcp_syncookies=0\n"
    )
    found = read_saved(text, KEYS)
    assert found == {
        "net.ipv4.tcp_syncookies": ("0", "/etc/sysctl.d/2.conf"),
        "net.ipv4.conf.all.accept_source_route": ("1", "/etc/sysctl.d/1.conf"),
    }
    exact = "net.ipv4.conf.all.accept_source_route=0\nnet.ipv4.conf.*.accept_source_route=1\n"
    assert read_saved(exact, KEYS)["net.ipv4.conf.all.accept_source_route"][0] == "0"


def test_a_setting_that_the_kernel_lacks_is_none() -> None:
    """A kernel without IPv6 has no row of it."""
    assert settings({"a.b": "1"}, {"c.d": ("1", "x")}) == (Setting("a.b", "1"),)


@pytest.mark.parametrize(("value", "kept"), [("0", True), ("1", False), ("2", True), ("x", False)])
def test_dumps_of_set_uid_programs_are_root_s_or_none(value: str, *, kept: bool) -> None:
    """1 writes them where anybody reads, 2 for root only; what is no number is not right."""
    rule = next(one for one in rules.KERNEL if one.key == "fs.suid_dumpable")
    assert rule.kept_by(value) is kept
    assert rule.wanted == "0 to 2 but 1"


def test_files_of_a_real_machine_are_all_of_packages() -> None:
    """What the search found on solo, with the packages that have it: nothing is wrong."""
    found = read_files((RECORDED / "files").read_text(), where="solo")
    owned = read_owned((RECORDED / "owned").read_text())
    assert {one.path for one in found} >= {"/usr/bin/su", "/usr/bin/passwd"}
    assert list(files(found, owned)) == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("f 4755 root /usr/local/bin/x", "runs as its owner root (4755), and no package has it"),
        ("f 4755 root /usr/bin/python3.11", "/usr/bin/python3.11 runs what it is told as root"),
        ("f 666 root /etc/cron.d/x", "everybody writes to /etc/cron.d/x"),
        ("d 777 root /opt/x y", "everybody removes what is in /opt/x y (no sticky bit)"),
        ("d 777 root /tmp", "everybody removes what is in /tmp"),
    ],
)
def test_each_row_about_files_can_be_broken(entry: str, said: str) -> None:
    """The sentence names the file; a path may have blanks."""
    found = read_files(f"{entry}\0ended 1\0", where="solo")
    assert [said in str(one) for one in files(found, frozenset({"/usr/bin/python3.11"}))] == [True]


@pytest.mark.parametrize("entry", ["f 2755 student /home/student/x", "d 777 anna /tmp/hers"])
def test_what_somebody_gives_of_their_own_is_theirs(entry: str) -> None:
    """A user's own program as that user, or a folder below a shared one, opens nothing else."""
    found = read_files(f"{entry}\0ended 0\0", where="solo")
    assert list(files(found, frozenset())) == []


@pytest.mark.parametrize("text", ["", "ended 124\0", "f 4755 root /usr/bin/su\0ended 124\0"])
def test_a_search_without_an_end_has_not_found_nothing(text: str) -> None:
    """One that was cut off, or took too long, could have found more."""
    with pytest.raises(NotUnderstood, match="solo: the search"):
        read_files(text, where="solo")


def test_accounts_are_read_and_strange_answers_refused() -> None:
    """Another UID 0 and an empty password are told; half a line is no answer."""
    text = "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nguest::9:9::/:/bin/sh\n"
    number, wrong = accounts(text, where="solo")
    assert number == len(text.splitlines())
    assert [one.rule for one in wrong] == [rules.UID_0, rules.EMPTY]
    with pytest.raises(NotUnderstood, match=r"expected passwd\(5\)"):
        accounts("ldap: timed out", where="solo")


def test_of_mounts_the_last_of_a_point_counts() -> None:
    """A folder that is no mount of its own has no options of its own."""
    text = "t /dev/shm tmpfs rw,nosuid,nodev 0 0\nt /dev/shm tmpfs rw,nodev 0 0\n"
    assert [one.what.partition(" is ")[2] for one in mounts(text)] == ["mounted without nosuid"]
    assert list(mounts("o / overlay rw 0 0\n")) == []


def test_room_is_that_of_what_is_written_to() -> None:
    """Read-only ones and images are left out, and a device that df kept from us is told."""
    table = (
        "Type 1B-blocks Avail Inodes IFree Mounted on\n"
        "ext4 1000 100 50 5 /\nsquashfs 10 0 3 0 /snap/x\nvfat 100 90 0 0 /boot/efi\n"
        "ext4 70 1 9 9 /srv/a b\nbtrfs 10 5 - - /data\nproc 0 0 0 0 /proc\n"
    )
    mounted = (
        "/dev/sda1 / ext4 rw 0 0\n/dev/sda2 /boot/efi vfat rw 0 0\n/dev/loop1 /snap/x squashfs "
        "ro 0 0\n/dev/sdb /srv/a\\040b ext4 ro,relatime 0 0\n/dev/sdc /secret ext4 rw 0 0\n"
    )
    found = read_space(table, mounted, where="solo")
    assert [one.point for one in found.systems] == ["/", "/boot/efi", "/data"]
    assert found.systems[0] == FileSystem("ext4", "/", 1000, 100, 50, 5)
    assert found.read_only == ("/snap/x", "/srv/a b")
    assert found.unseen == ("/secret",)
    with pytest.raises(NotUnderstood, match="six columns"):
        read_space("Type\nwhat is this\n", "", where="solo")


@pytest.mark.parametrize(
    "command",
    [
        questions.running(KEYS),
        questions.SAVED,
        questions.FILES,
        questions.SPACE,
        questions.ACCOUNTS,
        questions.MOUNTS,
        questions.MACHINE_ID,
        questions.owners(("/usr/bin/su", "/opt/x/y+z")),
    ],
)
def test_what_is_asked_is_on_the_list(command: str) -> None:
    """Each command as it is sent, and none with another one behind it."""
    assert is_allowed(command)
    assert not is_allowed(f"{command}; id")


def test_a_program_that_fits_no_command_line_is_not_asked_about() -> None:
    """Its name could be a command; without a package it is told as any other."""
    assert not questions.fits("/usr/bin/x;id")
    assert not questions.fits("/usr/bin/a b")


def payload(*lists: str) -> bytes:
    """A KEXINIT with these lists of names."""
    names = b"".join(len(one).to_bytes(4, "big") + one.encode() for one in lists)
    return bytes([20]) + bytes(16) + names


def test_weak_algorithms_are_told_by_what_they_are_for() -> None:
    """Both directions are read; what is strong is not told."""
    weak = weak_algorithms(
        payload(
            "curve25519-sha256,diffie-hellman-group14-sha1",
            "ssh-ed25519,ssh-rsa",
            "aes256-gcm@openssh.com",
            "aes128-cbc",
            "hmac-sha2-256",
            "hmac-md5-etm@openssh.com",
        )
    )
    assert weak == (
        "key exchange diffie-hellman-group14-sha1",
        "host key ssh-rsa",
        "cipher aes128-cbc",
        "MAC hmac-md5-etm@openssh.com",
    )


@pytest.mark.parametrize("packet", [b"", b"\x15", payload("curve25519-sha256", "ssh-ed25519")])
def test_another_packet_is_no_offer(packet: bytes) -> None:
    """A packet that ends early, or of another kind, says nothing about algorithms."""
    with pytest.raises(NotUnderstood, match="KEXINIT"):
        weak_algorithms(packet)


def test_a_real_server_says_what_it_offers() -> None:
    """OpenSSH as it comes offers nothing weak, root a key only, and shows its host key."""
    with ssh_server() as server:
        found = ssh_offer.offers(("127.0.0.1",), server.port, server.user)
    offer = found.offers[0]
    assert offer.software.startswith("SSH-2.0-OpenSSH")
    assert offer.host_key == server.fingerprint
    assert (offer.weak, offer.to_root, offer.to_users) == ((), ("publickey",), ("publickey",))


def test_where_nobody_listens_nothing_was_offered() -> None:
    """Without one answer at all nobody knows what the machine offers."""
    with pytest.raises(Unreachable, match="no SSH server"):
        ssh_offer.offers(("127.0.0.1",), free_port(), "nobody")
