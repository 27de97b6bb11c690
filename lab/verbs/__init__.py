"""What a fault's row can do to the lab and see of it, by the verbs' names.

Each module of this folder says its own: what changes the lab in `CHANGES`, what looks in `LOOKS`.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, Final

from lab.errors import LabError
from lab.verbs.base import Change, Look


def gathered(kind: str, modules: Mapping[str, Any]) -> dict[str, Any]:
    """The verbs of one kind from all modules, by name.

    Raises:
        LabError: two modules have a verb of one name.
    """
    found: dict[str, Any] = {}
    for module, content in modules.items():
        own = getattr(content, kind, {})
        for name in own.keys() & found.keys():
            raise LabError(
                f"lab/verbs/{module}.py: {kind}: expected each verb once, found '{name}' twice"
            )
        found |= own
    return found


_MODULES: Final = {
    one.name: importlib.import_module(f"{__name__}.{one.name}")
    for one in pkgutil.iter_modules(__path__)
}
CHANGES: Final[Mapping[str, type[Change]]] = gathered("CHANGES", _MODULES)
LOOKS: Final[Mapping[str, type[Look]]] = gathered("LOOKS", _MODULES)
