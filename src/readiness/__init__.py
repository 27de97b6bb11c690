"""Production readiness suite: looks, breaks where allowed, measures, and says GO or NO-GO.

This is the front door: what checks are written with. A site's own checks import it, the kinds of
`readiness.site.subjects`, and the tokens of rooms (`readiness.systems`); no other name is promised to
them.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from readiness.catalogue.checks import check
    from readiness.evidence.claim import Fact, Found, derive, holds
    from readiness.model.errors import NotRun, NotUnderstood, ProbeError, Unreachable
    from readiness.model.words import Permission, Severity, Tier
    from readiness.site.environment import Environment, Objectives
    from readiness.systems.token import Ask

__all__ = (
    "Ask", "Environment", "Fact", "Found", "NotRun", "NotUnderstood", "Objectives", "Permission",
    "ProbeError", "Severity", "Tier", "Unreachable", "check", "derive", "holds",
)  # fmt: skip

_PLACES: Final = {
    "catalogue.checks": ("check",),
    "evidence.claim": ("Fact", "Found", "derive", "holds"),
    "site.environment": ("Environment", "Objectives"),
    "model.errors": ("NotRun", "NotUnderstood", "ProbeError", "Unreachable"),
    "model.words": ("Permission", "Severity", "Tier"),
    "systems.token": ("Ask",),
}


def __getattr__(name: str) -> Any:
    """A name of the front door, whose module is imported when it is first asked for.

    The processes of a drill import a module or two of this package, and quickly.
    """
    for module, names in _PLACES.items():
        if name in names:
            return getattr(importlib.import_module(f"readiness.{module}"), name)
    raise AttributeError(f"module 'readiness' has no attribute {name!r}")
