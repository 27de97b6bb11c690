"""Which checks have been seen red, and on what: the detection matrix, read from packaged data.

A check that no fault ever turned red proves nothing by being green, so every verdict says for each
case on what its check was proven: the real part, a stand-in for it, or never.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

from readiness.model.errors import UsageError

SCHEMA: Final = 1
SOURCE: Final = "matrix.json"


class ProvenOn(StrEnum):
    """On what a check has been seen red."""

    REAL = "real"
    STAND_IN = "stand-in"
    STATED = "stated"
    """By the word of whoever owns the check: a site's own, see `own_checks`."""
    NEVER = "never"


@dataclass(frozen=True)
class Proof:
    """What the matrix knows about one check."""

    on: ProvenOn
    faults: tuple[str, ...]


UNPROVEN: Final = Proof(ProvenOn.NEVER, ())


@cache
def load_matrix() -> Mapping[str, Proof]:
    """The packaged matrix, by check; empty when none is packaged.

    Raises:
        UsageError: the packaged file is not a matrix of a schema that is known here.
    """
    file = files("readiness").joinpath("data", SOURCE)
    return parse_matrix(file.read_text(encoding="utf-8")) if file.is_file() else {}


def parse_matrix(text: str) -> dict[str, Proof]:
    """A matrix from its JSON text, `{"schema": 1, "proven": {"TLS-001": {"on", "faults"}}}`.

    A check without a fault counts as never proven.

    Raises:
        UsageError: not such a matrix.
    """
    try:
        document = json.loads(text)
        if document["schema"] != SCHEMA:
            raise UsageError(
                "unknown schema", file=SOURCE, expected=str(SCHEMA), found=str(document["schema"])
            )
        return {check: _proof(**entry) for check, entry in document["proven"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"not a detection matrix ({error!r})", file=SOURCE) from error


def _proof(*, on: str, faults: Iterable[str]) -> Proof:
    known = tuple(str(fault) for fault in faults)
    return Proof(ProvenOn(on), known) if known else UNPROVEN
