"""Connections that askers keep, each opened once, whoever asks for it first."""

from collections.abc import Callable
from threading import Lock
from typing import Any

from readiness.systems.asker import C, Closing


class Kept:
    """What was opened so far, by key; close it at a disturbance, and at the end."""

    def __init__(self) -> None:
        self._kept: dict[str, Closing] = {}
        self._keeping = Lock()
        # Each key has a lock of its own: what is opened may need another that is.
        self._opening: dict[str, Lock] = {}

    def get(self, key: str, opened: Callable[[], C]) -> C:
        """The connection of that key, opened when it is first asked for; raises what that does."""
        with self._keeping:
            opening = self._opening.setdefault(key, Lock())
        with opening:
            if key not in self._kept:
                self._kept[key] = opened()
            found: Any = self._kept[key]
        connection: C = found
        return connection

    def close(self) -> None:
        """Close them all; what is asked for afterwards is opened anew."""
        while self._kept:
            self._kept.popitem()[1].close()
