"""Every kind of subject that a check may be repeated for, by name."""

from collections.abc import Mapping
from typing import Any, Final

from readiness.site.environment import Environment
from readiness.site.subjects import KINDS as SHARED
from readiness.systems.every_declared import OF_ROOM
from readiness.systems.token import Kind

KINDS: Final[Mapping[str, Kind[Any]]] = {
    one.name: one for kinds in (SHARED, *OF_ROOM.values()) for one in kinds
}


def subjects(environment: Environment, kind: str) -> Mapping[str, Any]:
    """The declared subjects of a kind, by id; empty when the environment has none."""
    return KINDS[kind].of(environment)
