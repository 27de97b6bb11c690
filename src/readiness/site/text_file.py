"""Reads a text that somebody wrote or an application published, no more of it than is bearable."""

from pathlib import Path

from readiness.model.errors import UsageError


def bounded_text(path: Path, most: int) -> str:
    """The text of a file of at most so many bytes, in UTF-8.

    Raises:
        UsageError: it can't be read, is bigger, or is no such text.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(most + 1)
    except OSError as error:
        raise UsageError(f"can't be read ({error.strerror})", file=str(path)) from None
    if len(raw) > most:
        raise UsageError("is too big", file=str(path), expected=f"at most {most} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("is not UTF-8", file=str(path), expected="a text file") from None
