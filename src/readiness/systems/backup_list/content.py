"""What the first bytes of a backup show: whether whoever gets hold of it can read it.

Formats: age v1; OpenPGP (RFC 9580, 4.2: packet types 1 and 3 begin what is encrypted); OpenSSL's
`Salted__`; rclone's crypt; ZIP (APPNOTE 4.4.4, bit 0); the magic numbers of file(1) for the others.
"""

from collections.abc import Collection, Mapping
from typing import Final

LOOKED_AT: Final = 64  # bytes
EMPTY: Final = "empty"
UNKNOWN: Final = "unknown"
RESTIC: Final = "restic repository"
_ENCRYPTED: Final[tuple[tuple[bytes, str], ...]] = (
    (b"age-encryption.org/v1\n", "age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    (b"-----BEGIN PGP MESSAGE-----", "OpenPGP"),
    (b"Salted__", "OpenSSL"),
    (b"RCLONE\x00\x00", "rclone crypt"),
)
_READABLE: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PGDMP", "pg_dump"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"SQLite format 3\x00", "SQLite"),
)
# Where the version of a session key's packet stands, by the octet that begins it.
_OLD_PACKETS: Final = {0x84: 2, 0x85: 3, 0x8C: 2, 0x8D: 3}
_NEW_PACKETS: Final = (0xC1, 0xC3)
_TWO_OCTETS: Final = range(192, 224)  # of a length (RFC 9580, 4.2.1.2)
_BY_PASSPHRASE: Final = (0x8C, 0x8D, 0xC3)
# Files by which the folder of a tool is known, that it is done when it is, and whom it tells.
FOLDERS: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    (RESTIC, ("config", "keys", "snapshots", "data"), "snapshots"),
    ("pg_dump folder", ("toc.dat",), "toc.dat"),
    ("Barman backup", ("backup.info", "data/PG_VERSION"), "backup.info"),
    ("base backup", ("backup_manifest",), "backup_manifest"),
    ("base backup", ("PG_VERSION",), "PG_VERSION"),
)
MARKS: Final = tuple(dict.fromkeys(mark for _, marks, _ in FOLDERS for mark in marks))
ENCRYPTED: Final = frozenset({*(name for _, name in _ENCRYPTED), RESTIC})
READABLE: Final = frozenset(
    {*(name for _, name in _READABLE), "text", "ZIP"}
    | {name for name, _, _ in FOLDERS if name != RESTIC}
)


def shown_by(first: bytes) -> str:
    """What a file is that begins with these bytes, as far as they show it."""
    if not first:
        return EMPTY
    for magic, name in (*_ENCRYPTED, *_READABLE):
        if first.startswith(magic):
            return name
    if first.startswith(b"PK\x03\x04"):
        # Of an archive whose first member is encrypted it does not follow of the others.
        return "ZIP" if len(first) > 6 and not first[6] & 1 else UNKNOWN  # noqa: PLR2004
    if _is_openpgp(first):
        return "OpenPGP"
    return "text" if _is_text(first) else UNKNOWN


def folder_shown_by(there: Mapping[str, float]) -> tuple[str, float | None]:
    """What a folder is in which these files are, and when it was done; times in epoch seconds."""
    for name, marks, last in FOLDERS:
        if there.keys() >= set(marks):
            return name, there[last]
    return UNKNOWN, None


def is_encrypted(shown: Collection[str]) -> bool | None:
    """Whether all that was looked at is encrypted; None where that does not show."""
    if any(one in READABLE for one in shown):
        return False
    return True if shown and all(one in ENCRYPTED for one in shown) else None


def _is_openpgp(first: bytes) -> bool:
    """A session key's packet: encrypted for a public key, or by a passphrase."""
    tag = first[0]
    body = _OLD_PACKETS.get(tag, 0)
    if tag in _NEW_PACKETS and len(first) > 1:
        body = 3 if first[1] in _TWO_OCTETS else 2
    versions = (4, 5, 6) if tag in _BY_PASSPHRASE else (3, 6)
    return 0 < body < len(first) and first[body] in versions


def _is_text(first: bytes) -> bool:
    """Whether a person could read it: SQL as pg_dump writes it, or a CSV."""
    try:
        text = first.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last character may be cut off.
        if error.start < len(first) - 3:
            return False
        text = first[: error.start].decode("utf-8")
    return all(one.isprintable() or one in "\n\r\t" for one in text)
