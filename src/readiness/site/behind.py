"""What stands behind a reference of a file: a path, its content, a secret."""

import os
from pathlib import Path

from readiness.model.errors import UsageError


def path(reference: str, folder: Path) -> Path:
    """The file behind a `file:` reference, a relative one counted from that folder.

    Raises:
        UsageError: it is another kind of reference, or names the home of nobody.
    """
    kind, _, rest = reference.partition(":")
    if kind != "file":
        raise UsageError("must be a file", expected="file:PATH", found=reference)
    try:
        return (folder / Path(rest).expanduser()).absolute()
    except RuntimeError:
        raise UsageError("names no user's home folder", key=reference) from None


def content(reference: str, folder: Path) -> bytes:
    """What the file behind a reference holds.

    Raises:
        UsageError: the file is missing or unreadable.
    """
    found = path(reference, folder)
    try:
        return found.read_bytes()
    except OSError as error:
        raise UsageError(f"can't be read ({error.strerror})", file=str(found)) from error


def secret(reference: str, folder: Path) -> str:
    """The secret behind a reference, without its final line break.

    Raises:
        UsageError: the file or variable is missing or unreadable.
    """
    kind, _, rest = reference.partition(":")
    if kind == "env":
        if rest not in os.environ:
            raise UsageError("is not set", key=reference)
        return os.environ[rest]
    try:
        return content(reference, folder).decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError("is not a text", file=str(path(reference, folder))) from error
