"""Standard output that may go away: a pipe that nobody reads, a full disk behind a redirection.

What a command does, and what it exits with, never depends on whether somebody reads along.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast


class _Stream:
    """A text stream that takes everything, also when what is behind it takes nothing any more."""

    def __init__(self, behind: TextIO | None) -> None:
        # A process that was started without the stream has None there.
        self._behind = behind
        self.problem: OSError | None = None

    def write(self, text: str) -> int:
        """Pass the text on while that works."""
        self._attempt("write", text)
        return len(text)

    def flush(self) -> None:
        """Flush while that works."""
        self._attempt("flush")

    def _attempt(self, name: str, *given: str) -> None:
        if self._behind is None or self.problem is not None:
            return
        try:
            getattr(self._behind, name)(*given)
        except OSError as error:
            self.problem = error
            self._drop()

    def _drop(self) -> None:
        """Let the rest go nowhere: the interpreter flushes what is buffered when it ends."""
        with suppress(OSError, AttributeError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, cast("TextIO", self._behind).fileno())
            os.close(nowhere)

    def isatty(self) -> bool:
        """Whether a person may see it."""
        return self._behind is not None and self._behind.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


class Lost:
    """Why something that was printed never arrived; empty when everything did or nobody cared."""

    def __init__(self) -> None:
        self.reason = ""


@contextmanager
def unbreakable() -> Iterator[Lost]:
    """Standard output and error that never raise, for as long as this lasts.

    A reader that stopped reading did so on purpose; every other reason is kept in what is given.
    """
    lost = Lost()
    before = sys.stdout, sys.stderr
    out, err = _Stream(sys.stdout), _Stream(sys.stderr)
    sys.stdout, sys.stderr = cast("TextIO", out), cast("TextIO", err)
    try:
        yield lost
    finally:
        out.flush()
        err.flush()
        if out.problem is not None and out.problem.errno != errno.EPIPE:
            lost.reason = str(out.problem.strerror)
        sys.stdout, sys.stderr = before
