"""Lines that are on disk when the call returns: the one way this project appends to a file.

A line is whole or it is an error. When the disk is full, or a write comes up short, the file is
put back to what it was and `StateError` names it. Only a process killed or a machine stopped in
the middle of a write leaves a torn tail: bytes without a line end. A torn tail is never cut off
and never continued: the next append first seals it, ending it with the marker ` #torn`. No JSON
line ends that way, so a reader always tells a line torn long ago (sealed, or still the tail) from
one that somebody damaged. A seal that is torn itself is sealed like any other tail.
"""

import contextlib
import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness.model.errors import StateError

SEAL = b" #torn"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


@dataclass(slots=True)
class Line:
    """One line of an append-only file, as it was read."""

    number: int
    """Counted from 1."""
    raw: bytes
    """The bytes without the line end; of a torn line everything that was kept, without the seal."""
    torn: bool
    """Its write never finished: whatever it seems to say never happened."""


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; file systems that cannot are left alone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> Path:
    """Create a folder and its missing parents durably; the folder itself ends with mode 0700."""
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            sync_folder(each.parent)
        if folder.stat().st_mode & 0o777 != PRIVATE_FOLDER:
            folder.chmod(PRIVATE_FOLDER)
    except OSError as error:
        raise StateError(f"{folder}: cannot be a private folder: {error.strerror}") from error
    return folder


def open_append(path: Path, *, exclusive: bool = False) -> int:
    """Open a file for `append_line`: created with mode 0600, never through a link, name durable.

    With `exclusive` a file that is there already is an error.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    flags |= os.O_EXCL if exclusive else 0
    try:
        descriptor = os.open(path, flags, PRIVATE_FILE)
        try:
            # Also when the file was there: whoever created it may have died before this step.
            sync_folder(path.parent)
        except OSError:
            os.close(descriptor)
            raise
    except OSError as error:
        raise StateError(f"{path}: cannot be opened for appending: {error.strerror}") from error
    return descriptor


def append_line(
    descriptor: int, data: bytes, *, name: Path | None = None, sync: bool = True
) -> None:
    """Append one line in a single write and return only when it is on disk.

    Args:
        descriptor: opened by `open_append`; the caller holds the file's lock or is its only writer.
        data: the line without its end; a newline inside it is the caller's mistake.
        name: what to call the file in an error; found from the descriptor where that is possible.
        sync: without it, the line is on disk when a later one is that was appended with it.

    Raises:
        StateError: the line is not on disk; the file holds what it held before the call.
    """
    if b"\n" in data or data.endswith(SEAL):
        raise ValueError("a line holds no newline and does not end like a sealed one")
    before = os.fstat(descriptor).st_size
    try:
        torn = before > 0 and os.pread(descriptor, 1, before - 1) != b"\n"
        _write_at_once(descriptor, (SEAL + b"\n" if torn else b"") + data + b"\n")
        if sync:
            os.fsync(descriptor)
    except OSError as error:
        _put_back(descriptor, before)
        where = name or _name_of(descriptor)
        raise StateError(f"{where}: nothing was appended: {error.strerror}") from error


def append_object(descriptor: int, fields: dict[str, Any], *, name: Path | None = None) -> None:
    """Append a JSON object as one durable line, its keys in the order given."""
    text = json.dumps(fields, separators=(",", ":"), allow_nan=False)
    append_line(descriptor, text.encode("ascii"), name=name)


def read_lines(path: Path) -> list[Line]:
    """Return all lines of an append-only file, torn ones marked; a missing file has none."""
    return split_lines(_content(path))


def read_whole(path: Path) -> tuple[list[bytes], list[int]]:
    """The whole lines of an append-only file, and the numbers of those that are torn, from 1.

    For files of a hundred thousand lines, of which nearly none is torn.
    """
    lines = _content(path).split(b"\n")
    tail = lines.pop()
    torn = [len(lines) + 1] if tail else []
    sealed = [number for number, raw in enumerate(lines, start=1) if raw.endswith(SEAL)]
    if sealed:
        lines = [raw for raw in lines if not raw.endswith(SEAL)]
    return lines, sealed + torn


def _content(path: Path) -> bytes:
    """What a file holds; a missing one holds nothing."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {error.strerror}") from error


def split_lines(content: bytes) -> list[Line]:
    """The lines of an append-only file's content, torn ones marked."""
    whole, _, tail = content.rpartition(b"\n")
    raws = whole.split(b"\n") if whole or content.startswith(b"\n") else []
    lines = [
        Line(number, raw.removesuffix(SEAL), raw.endswith(SEAL))
        for number, raw in enumerate(raws, start=1)
    ]
    if tail:
        lines.append(Line(len(lines) + 1, tail, torn=True))
    return lines


def read_object(path: Path, line: Line) -> dict[str, Any]:
    """Return a whole line's JSON object, or raise `StateError` naming file and line."""
    try:
        value = json.loads(line.raw)
    except (ValueError, RecursionError) as error:
        found = line.raw[:40]
        raise StateError(
            f"{path}:{line.number}: expected a JSON object, found {found!r}; "
            "the file was damaged before its tail"
        ) from error
    if not isinstance(value, dict):
        raise StateError(f"{path}:{line.number}: expected a JSON object, found {line.raw[:40]!r}")
    return value


def _write_at_once(descriptor: int, block: bytes) -> None:
    written = os.write(descriptor, block)
    if written != len(block):
        # The system says why only when asked to go on, and going on would not be one write.
        reason = f"it took only {written} of {len(block)} bytes (disk or quota full)"
        raise OSError(errno.ENOSPC, reason)


def _put_back(descriptor: int, size: int) -> None:
    """Cut a failed append off again; where even that fails, what is left is a torn tail."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)


def _name_of(descriptor: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        return f"descriptor {descriptor}"
