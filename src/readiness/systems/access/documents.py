"""The routes of an application: of its document, and of the environment, which says more."""

from functools import lru_cache
from pathlib import Path

from readiness.model.errors import UsageError
from readiness.site.environment import Environment
from readiness.systems.access.declared import Access
from readiness.systems.access.openapi import read_document
from readiness.systems.access.routes import Route, matches, route_of


def routes_of(site: Environment, access: Access) -> tuple[Route, ...]:
    """Every route: of the document, and of the environment, which says more.

    Raises:
        UsageError: the document is missing or can't be understood.
    """
    found = {one.name: one for one in _document(site, access)}
    for one in access.routes:
        declared = route_of(one.method, one.path, safe=one.safe)
        there = found.get(declared.name)
        if there is not None:
            given = (there.parameters, there.query)
            declared = Route(there.method, there.path, *given, safe=one.safe)
        found[declared.name] = declared
    return tuple(found.values())


def refuse_unreadable(site: Environment) -> None:
    """Refuse documents that can't be understood, before anything is touched.

    Raises:
        UsageError: says file and place.
    """
    for index, one in enumerate(site.access):
        try:
            routes_of(site, one)
        except UsageError as error:
            error.key = f"access[{index}].openapi: {error.key}".removesuffix(": ")
            raise


def _document(site: Environment, access: Access) -> tuple[Route, ...]:
    if access.openapi is None:
        return ()
    path = site.path(access.openapi)
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0
    return _read(path, changed)


@lru_cache(8)
def _read(path: Path, _: int) -> tuple[Route, ...]:
    return read_document(path)


def guarded(site: Environment, access: Access) -> tuple[Route, ...]:
    """Every route that is not declared public."""
    return tuple(one for one in routes_of(site, access) if not matches(one, access.public))
