"""What detect-secrets knows by shape: keys and tokens of known services, logins in URLs.

Its detectors run in the gate, one line at a time. Two kinds are left out: those that go by entropy
alone, since a build id has as much as a key, and those that go by a name, since ours follow.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from readiness.systems.secrets.reading.lines import Hit, in_file, secrets_in

_OTHERWISE: Final = {
    "Base64 High Entropy String",
    "Hex High Entropy String",
    "Secret Keyword",
    "Basic Auth Credentials",
    "Private Key",
    "Public IP (ipv4)",
}
"""By entropy, by name, by what our own rules verify besides, and an address is no secret."""


@cache
def _detectors() -> tuple[Any, ...]:
    from detect_secrets.core.plugins.util import (  # noqa: PLC0415 - only where somebody looks
        get_mapping_from_secret_type_to_class,
    )

    every: dict[str, Any] = get_mapping_from_secret_type_to_class()
    return tuple(every[kind]() for kind in sorted(every) if kind not in _OTHERWISE)


def shapes(line: str) -> Iterator[tuple[str, str]]:
    """What looks like a key or a token of a known service: its kind, and the value."""
    for one in _detectors():
        for value in one.analyze_string(line):
            yield one.secret_type, str(value)


def hits_in_file(path: str, line: str, *, comment: bool = False) -> tuple[Hit, ...]:
    """The secrets of a line of that file; `comment` where it is within one of several lines."""
    return in_file(path, line, shapes, comment=comment)


def hits(line: str) -> tuple[Hit, ...]:
    """The secrets of an environment or of a command line."""
    return secrets_in(line, shapes=shapes)
