"""What a site's command lists as its backups, read; and what their first bytes show."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from local_servers import program

from readiness.model.errors import NotUnderstood
from readiness.systems.backup_list.content import (
    ENCRYPTED,
    FOLDERS,
    LOOKED_AT,
    READABLE,
    folder_shown_by,
    shown_by,
)
from readiness.systems.backup_list.reading import (
    RECENT,
    SPREAD,
    Listed,
    Listing,
    Lying,
    least_size,
    read_list,
    sample,
)
from readiness.systems.hosts.reading.mounts import Mount

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()
ONE: dict[str, Any] = {
    "end": "2026-12-01T03:00:00Z",
    "bytes": 1000,
    "place": "vault:/srv/dumps/1.age",
    "encrypted": True,
    "kind": "full",
}


def refused(text: str) -> str:
    """The one line that refuses a list."""
    with pytest.raises(NotUnderstood) as caught:
        read_list(text, NOW, where="vault")
    line = str(caught.value)
    assert line.startswith("vault: the list of backups: ")
    assert len(line.splitlines()) == 1
    return line


def test_a_list_is_read_in_the_order_of_its_ends() -> None:
    """Zones are reckoned with, fractions may be as long as restic writes them."""
    young = {**ONE, "end": "2026-12-01T04:30:00.123456789+01:00", "kind": "snapshot"}
    text = json.dumps([young, ONE, {**ONE, "kind": "incremental", "of": "another tool's word"}])
    found = read_list(text, NOW, where="vault")
    assert [one.kind for one in found.backups] == ["full", "incremental", "snapshot"]
    assert [one.kind for one in found.whole] == ["full", "snapshot"]
    assert round(found.whole[-1].end - found.whole[0].end) == 30 * 60


def test_an_empty_list_is_a_list() -> None:
    """That there are no backups is an answer."""
    assert read_list("[]", NOW, where="vault").backups == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"end": "2026-12-01T03:00:00"}, "a time with its zone (RFC 3339), found '2026-12-01T03"),
        ({"end": "2026-13-01T03:00:00Z"}, "month must be in"),
        ({"end": "yesterday\x1b[31m"}, "found 'yesterday"),
        ({"end": "2026-12-01T12:02:00Z"}, "expected `end` to be in the past"),
        ({"end": 1764558000}, "expected `end` to be a text"),
        ({"bytes": "1000"}, "expected `bytes` to be a whole number"),
        ({"bytes": True}, "expected `bytes` to be a whole number"),
        ({"bytes": 1.5}, "expected `bytes` to be a whole number"),
        ({"bytes": -1}, "expected `bytes` to be a number of bytes"),
        ({"bytes": 10**30}, "expected `bytes` to be a number of bytes"),
        ({"place": ""}, "expected `place` to be a text of 1 to 500 characters"),
        ({"place": "vault:/a\nb"}, "expected `place` to be a text"),
        ({"place": "x" * 501}, "expected `place` to be a text"),
        ({"encrypted": "yes"}, "expected `encrypted` to be true or false"),
        ({"encrypted": None}, "expected `encrypted` to be true or false"),
        ({"kind": "Full"}, "expected `kind` to be one of full, incremental, snapshot"),
    ],
)
def test_a_wrong_entry_is_no_list(change: dict[str, Any], said: str) -> None:
    """Nothing of it is taken for true: one line says what was expected."""
    assert said in refused(json.dumps([ONE, {**ONE, **change}]))


@pytest.mark.parametrize("key", ONE)
def test_every_key_is_needed(key: str) -> None:
    """What is not said is not guessed."""
    assert f"expected `{key}` of each backup, found none" in refused(
        json.dumps([{one: value for one, value in ONE.items() if one != key}])
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected JSON, found nothing"),
        (json.dumps([ONE])[:50], "expected JSON, found [{"),
        ("\x1b[2J", "expected JSON, found \u241b[2J"),
        ("[" * 100_000, "expected JSON"),
        ('{"backups": []}', "expected an array of objects"),
        ("null", "expected an array of objects"),
        ("[1]", "expected an object for each backup"),
        (f"[{', '.join(['{}'] * 10_001)}]", "more than 10000 entries"),
    ],
)
def test_what_is_no_list_is_told_in_one_line(text: str, said: str) -> None:
    """Nothing, half a document, and what a terminal would obey."""
    assert said in refused(text)


def test_no_login_of_a_url_is_kept() -> None:
    """Neither user and password nor what follows the path is anybody's business."""
    url = "s3://key:hunter2@bucket/dumps/1?token=hunter2#hunter2"
    (found,) = read_list(json.dumps([{**ONE, "place": url}]), NOW, where="vault").backups
    assert found.place == "s3://bucket/dumps/1"


def listed(size: int, age: float, kind: str = "full") -> Listed:
    """A backup of that size, so many hours old."""
    return Listed(NOW - age * 3600, size, f"vault:/srv/{age:g}", encrypted=True, kind=kind)


def test_the_newest_is_measured_by_those_before_it_of_its_kind() -> None:
    """By their median, so that one that was cut off before is no measure."""
    newest = listed(600, 1)
    before = [listed(1000, 24), listed(10, 48), listed(1100, 72), listed(9, 2, "incremental")]
    assert least_size(newest, [newest, *before], 50) == 500
    assert least_size(newest, [newest], 50) is None


def test_the_newest_are_all_looked_at_and_the_others_spread() -> None:
    """However many there are."""
    every = [listed(1, age) for age in range(1000, 0, -1)]
    found = sample(Listing(NOW, tuple(every)))
    assert found[:RECENT] == tuple(f"vault:/srv/{age}" for age in range(1, RECENT + 1))
    assert len(found) == len(set(found)) == RECENT + SPREAD
    assert found[-1] == "vault:/srv/1000"


def test_whole_ones_are_looked_at_however_many_increments_there_are() -> None:
    """A full one a week, and increments by the hour."""
    increments = [listed(1, age, "incremental") for age in range(100, 0, -1)]
    found = sample(Listing(NOW, (listed(1, 200), listed(1, 150), *increments)))
    assert found[:2] == ("vault:/srv/150", "vault:/srv/200")
    assert len(found) == 2 + SPREAD


@pytest.mark.parametrize(
    ("kind", "source", "server"),
    [
        ("ext4", "/dev/sda1", "box"),
        ("nfs4", "nas.example.edu:/export", "nas.example.edu"),
        ("nfs", "[2001:db8::5]:/export", "2001:db8::5"),
        ("cifs", "//nas/dumps", "nas"),
        ("fuse.sshfs", "dumps@vault:/srv", "vault"),
        ("ceph", "10.0.0.1,10.0.0.2:/", None),
        ("autofs", "/etc/auto.nas", None),
        ("fuse.somefs", "somefs", None),
        ("nfs4", "nonsense", None),
    ],
)
def test_a_share_lies_on_the_machine_that_has_it(
    kind: str, source: str, server: str | None
) -> None:
    """Where it is mounted says nothing; whose it is can't always be told."""
    mount = Mount(source, "/mnt", kind)
    assert Lying("box:/mnt/1", "box", "file", 1, NOW, "age", mount).server == server


PLAIN = {
    "pg_dump": b"PGDMP\x01\x0e\x00",
    "gzip": b"\x1f\x8b\x08",
    "text": b"--\n-- PostgreSQL database dump\n--\n",
    "ZIP": b"PK\x03\x04\x14\x00\x00\x00",
}
SECRET = {
    "age": b"age-encryption.org/v1\n-> X25519 ",
    "OpenSSL": b"Salted__\x01\x02\x03",
    "OpenPGP": bytes.fromhex("85010c03") + bytes(60),
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_anybody_can_read_is_told(name: str) -> None:
    """Compressed is not encrypted."""
    assert shown_by(PLAIN[name]) == name
    assert name in READABLE


@pytest.mark.parametrize("name", SECRET)
def test_what_is_encrypted_is_told(name: str) -> None:
    """By what a tool writes in front."""
    assert shown_by(SECRET[name]) == name
    assert name in ENCRYPTED


@pytest.mark.parametrize(
    "first",
    [
        bytes(range(200, 256)),
        b"PK\x03\x04\x14\x00\x01\x00",
        bytes.fromhex("85010c09") + bytes(60),
        b"7z\xbc\xaf\x27\x1c",
    ],
)
def test_what_nobody_knows_is_neither(first: bytes) -> None:
    """Noise may be a cipher without a header, or anything else."""
    assert shown_by(first) not in ENCRYPTED | READABLE


@pytest.mark.parametrize("armor", [(), ("--armor",)])
def test_what_gpg_really_writes_is_known(tmp_path: Path, armor: tuple[str, ...]) -> None:
    """Encrypted by a passphrase; nothing of it is a secret."""
    gpg = program("gpg", package="gpg")
    (tmp_path / "plain").write_text("COPY public.students FROM stdin;\n")
    words = [gpg, "--homedir", str(tmp_path), "--batch", "--pinentry-mode", "loopback", *armor]
    words += ["--passphrase", "x", "--symmetric", "-o", str(tmp_path / "out")]
    subprocess.run([*words, str(tmp_path / "plain")], check=True, capture_output=True)
    assert shown_by((tmp_path / "out").read_bytes()[:LOOKED_AT]) == "OpenPGP"


def test_folders_are_known_by_the_files_of_their_tool() -> None:
    """And were done when the last of these was written."""
    for name, marks, last in FOLDERS:
        there = dict.fromkeys(marks, 1.0) | {last: 7.0}
        assert folder_shown_by(there) == (name, 7.0)
        assert name in ENCRYPTED | READABLE
    assert folder_shown_by({"config": 1.0}) == ("unknown", None)
