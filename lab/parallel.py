"""Doing the same to many machines at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def for_each(items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
    """Results in the order of the items; the first error is raised once all have ended."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=len(items)) as pool:
        return [future.result() for future in [pool.submit(work, item) for item in items]]
