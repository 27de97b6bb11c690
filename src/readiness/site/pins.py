"""The pinned identity of an environment, as the file that `doctor --write-identity` wrote."""

import json
from typing import Any, Final

from readiness.model.errors import UsageError
from readiness.site.environment import Environment
from readiness.site.subjects import DATABASE_MEMBER
from readiness.systems.every import WHOLE

NOTHING = (
    "nothing that is declared says which system this is: declare ssh, a database, a cache or a TLS "
    "listener"
)
# Databases first: members that disagree are told before the stores behind them are asked.
PINNED: Final = tuple(
    sorted(
        (one for one in WHOLE if one.pin is not None),
        key=lambda one: one.each is not DATABASE_MEMBER,
    )
)
PARTS: Final = (*(one.name for one in PINNED), "ssh", "tls")
Pins = dict[str, dict[str, str]]


def read_pins(environment: Environment) -> Pins:
    """What was pinned, by part and name; empty when the environment pins nothing.

    Raises:
        UsageError: the file is missing or is not what it should be.
    """
    if environment.identity is None:
        return {}
    path = environment.path(environment.identity)
    try:
        pins: Any = json.loads(path.read_text())
        return {part: dict(pins.get(part, {})) for part in PARTS}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not readable"
        raise UsageError(
            f"{why}; `readiness doctor --write-identity` writes it",
            file=str(path),
            key="identity",
            expected=f"a JSON object with {', '.join(PARTS)}",
        ) from error
