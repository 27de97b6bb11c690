"""Writes a report whole or not at all, readable by its owner only."""

import os
from pathlib import Path

from readiness.evidence.durable import PRIVATE_FILE, sync_folder
from readiness.model.errors import StateError


def write_whole(path: Path, text: str) -> None:
    """Replace the file in one step; mode 0600.

    Raises:
        StateError: it could not be written; what was there before is still there.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise StateError(f"{path}: cannot be written: {error.strerror}") from error
