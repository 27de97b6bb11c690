"""Advisory locks (flock): the kernel drops them when the holder dies, however it dies."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from readiness.evidence import durable

_STEP = 0.02


def try_lock(descriptor: int, *, patience: float = 0.0) -> bool:
    """Take the exclusive lock; tell whether it was had within patience (seconds)."""
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_STEP)
        else:
            return True


def is_locked(path: Path) -> bool:
    """Tell whether somebody holds the exclusive lock of a file right now."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        # Shared and at once given back: two who only ask never disturb each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def appending(path: Path) -> Iterator[int]:
    """Hold a file's exclusive lock while appending; yields a descriptor for `append_line`.

    Held only for the few writes inside, so waiting for it needs no deadline.
    """
    descriptor = durable.open_append(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
