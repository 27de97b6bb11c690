"""Drills are done once in a run: what one found, or how it failed, is told to all its checks."""

from collections.abc import Callable
from typing import Any, TypeVar

from readiness.model.errors import ProbeError

T = TypeVar("T")


class Once:
    """What became of each drill of a run, by its name and its subject."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Any] = {}
        self._failed: dict[tuple[str, str], Exception] = {}

    def do(self, drill: str, subject: str, act: Callable[[], T]) -> T:
        """What the drill found; it is done for the check that asks first, and never again.

        Raises:
            Exception: whatever the drill raised when it was done.
            ProbeError: the check that asked first was ended from outside, and the drill with it.
        """
        key = (drill, subject)
        if key in self._failed:
            raise self._failed[key]
        if key not in self._found:
            try:
                self._found[key] = act()
            except Exception as error:
                self._failed[key] = error
                raise
            except BaseException as error:
                why = str(error) or type(error).__name__
                self._failed[key] = ProbeError(f"{subject}: the {drill} was ended early: {why}")
                raise
        found: T = self._found[key]
        return found
