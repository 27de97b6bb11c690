"""Reads what is kept at the gate: the list of known holes, and what packages once brought."""

import time
from functools import lru_cache
from pathlib import Path

from readiness.model.errors import NotUnderstood
from readiness.site.environment import Environment
from readiness.systems.hardening.declared import hardening_of
from readiness.systems.hardening.reading.feed import MOST_BYTES, Feed, read_feed
from readiness.systems.hardening.reading.software import Kept, read_kept


def feed(site: Environment) -> tuple[Feed, float]:
    """The declared list of known holes, and how many seconds ago it was fetched.

    Raises:
        NotUnderstood: there is none, or it is none of debsecan's format.
    """
    said = hardening_of(site).known_holes
    if said is None:
        raise NotUnderstood("no list of known holes is declared")
    path = site.path(said.feed)
    changed = _changed(path, "list of known holes")
    return _feed(path, changed), max(time.time() - changed, 0.0)


def kept(site: Environment) -> Kept:
    """What is kept of packages.

    Raises:
        NotUnderstood: there is nothing, or something else.
    """
    said = hardening_of(site).integrity
    if said is None:
        raise NotUnderstood("no kept digests of packages are declared")
    path = site.path(said.digests)
    return _kept(path, _changed(path, "kept digests of packages"))


def _changed(path: Path, what: str) -> float:
    try:
        return path.stat().st_mtime
    except OSError as error:
        raise NotUnderstood(f"{what}: {path}: {error.strerror}") from None


@lru_cache(maxsize=2)
def _feed(path: Path, _: float) -> Feed:
    try:
        return read_feed(_content(path))
    except ValueError as error:
        raise NotUnderstood(
            f"list of known holes: {path}: expected debsecan's format: {error}"
        ) from None


@lru_cache(maxsize=2)
def _kept(path: Path, _: float) -> Kept:
    try:
        return read_kept(_content(path).decode("utf-8", "replace"))
    except ValueError as error:
        raise NotUnderstood(
            f"kept digests of packages: {path}: expected what dpkg-query and sha256sum say: {error}"
        ) from None


def _content(path: Path) -> bytes:
    """What a file holds, no more than the largest list would be."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError as error:
        raise NotUnderstood(f"{path}: {error.strerror}") from None
