"""What every file that people write has in common: strict models, names, references, refusals.

A refusal says what was expected, and where below the object that refuses;
`readiness.site.documents` turns it into one line with file, line and column.
"""

import difflib
from collections.abc import Callable, Collection, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from readiness.model.words import Permission, Tier

At = tuple[str | int, ...]
REFUSAL: Final = "refused"
KIND: Final = "kind: "
"""Begins the tag of one of several models that a part of a file may be of."""

_NAME: Final = r"^[a-z0-9][a-z0-9._-]*$"
_FILE: Final = r"^file:[^\x00-\x1f]+$"
_REFERENCE: Final = r"^(file:[^\x00-\x1f]+|env:[A-Za-z_][A-Za-z0-9_]*)$"
_USER: Final = r"^[A-Za-z_][A-Za-z0-9_.@-]*$"
_UNIT: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.:@\\-]*$"
_PATH: Final = r"^/[!-~]*$"
# Goes into a command line on a machine: nothing that a shell or sudo could read otherwise.
_FOLDER: Final = r"^(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"
_WORD: Final = r"^[A-Za-z0-9_./:=,@%+-]+$"
_TABLE: Final = r"^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$"
_PORT: Final = r"^[1-9][0-9]{0,4}/(tcp|udp)$"
_ROUTE: Final = r"^((GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE|TRACE) )?/[!-~]*$"
_HEADER: Final = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"  # RFC 9110, 5.6.2
# RFC 1123, 2.1, and RFC 1035, 2.3.4; an underscore, which some sites use, harms nobody.
_HOST: Final = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$"
_CLAUSE: Final = r"^[a-z]+\.[a-z0-9-]+/[a-z0-9-]+$"

# What people are told instead of a pattern.
PATTERNS: Final = {
    _NAME: "a name of lower-case letters, digits, '.', '_' and '-'",
    _FILE: "a reference file:PATH",
    _REFERENCE: "a reference, file:PATH or env:NAME",
    _USER: "a user name",
    _UNIT: "the name of a systemd unit",
    _PATH: "a path that begins with '/'",
    _FOLDER: "a folder such as /var/lib/backups",
    _WORD: "a word that no shell reads otherwise",
    _TABLE: "a table with its schema, such as public.alembic_version",
    _PORT: "a port such as 443/tcp or 123/udp",
    _ROUTE: "a path, or a method and a path, such as /login or POST /login",
    _HEADER: "the name of a header",
    _HOST: "the name of a host, such as web1.example.edu",
    _CLAUSE: "a clause such as sec.tls/chain",
}


@dataclass(frozen=True)
class Refers:
    """Marks a field that refers to something outside the file."""

    secret: bool


@dataclass(frozen=True)
class UsedBy:
    """Marks a part that is used by runs of that tier and above, or with that permission, only."""

    reach: Tier | Permission


Name = Annotated[str, StringConstraints(pattern=_NAME, max_length=63)]
Text = Annotated[str, StringConstraints(min_length=1)]
SystemUser = Annotated[str, StringConstraints(pattern=_USER, max_length=64)]
UnitName = Annotated[str, StringConstraints(pattern=_UNIT, max_length=255)]
UrlPath = Annotated[str, StringConstraints(pattern=_PATH)]
Folder = Annotated[str, StringConstraints(pattern=_FOLDER)]
Word = Annotated[str, StringConstraints(pattern=_WORD)]
# Program and arguments; a shell never sees them.
Command = Annotated[tuple[Word, ...], Field(min_length=1)]
Table = Annotated[str, StringConstraints(pattern=_TABLE)]
PortName = Annotated[str, StringConstraints(pattern=_PORT)]
RouteName = Annotated[str, StringConstraints(pattern=_ROUTE)]
HeaderName = Annotated[str, StringConstraints(pattern=_HEADER)]
HostName = Annotated[str, StringConstraints(pattern=_HOST)]
ClauseId = Annotated[str, StringConstraints(pattern=_CLAUSE)]
# Further away is a mistake, and no sum of days with it is beyond what a calendar has.
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
FileReference = Annotated[str, StringConstraints(pattern=_FILE), Refers(secret=False)]
KeyReference = Annotated[str, StringConstraints(pattern=_FILE), Refers(secret=True)]
SecretReference = Annotated[str, StringConstraints(pattern=_REFERENCE), Refers(secret=True)]


class Written(BaseModel):
    """Base of everything a person writes: strict, frozen, unknown keys refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


def place_of(location: At) -> At:
    """Where in a file something was refused: its place in the models without their tags."""
    return tuple(one for one in location if not str(one).startswith(KIND))


def wrong(expected: str, at: At = (), found: str = "") -> PydanticCustomError:
    """The refusal of a value at that place below the object that is being validated."""
    words = "expected {expected}" + (", found {found}" if found else "")
    context = {"expected": expected, "found": found, "at": list(at)}
    return PydanticCustomError(REFUSAL, words, context)


_GATHERED: ContextVar[list[PydanticCustomError] | None] = ContextVar("gathered", default=None)
M = TypeVar("M", bound=BaseModel)


def gathering(validate: Callable[[M], M]) -> Callable[[M], M]:
    """Have a validator refuse everything that `known` and `distinct` find, not the first only.

    What breaks after a refusal is left out: it may be because the refused name is not there.
    """

    @wraps(validate)
    def gather(model: M) -> M:
        found: list[PydanticCustomError] = []
        token = _GATHERED.set(found)
        try:
            validate(model)
        except PydanticCustomError as error:
            found.append(error)
        except Exception:
            if not found:
                raise
        finally:
            _GATHERED.reset(token)
        if found:
            details = [InitErrorDetails(type=one, input=None) for one in found]
            raise ValidationError.from_exception_data(type(model).__name__, details)
        return model

    return gather


def _refuse(refusal: PydanticCustomError) -> None:
    gathered = _GATHERED.get()
    if gathered is None:
        raise refusal
    gathered.append(refusal)


def distinct(what: str, names: Sequence[str], at: At, key: str = "") -> None:
    """Refuse a name that appears twice in the list at that place (under `key` of each entry)."""
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in first:
            place = (*at, index, key) if key else (*at, index)
            _refuse(wrong(f"each {what} once", place, f"'{name}' twice"))
        first[name] = index


def known(what: str, name: str, declared: Collection[str], at: At) -> None:
    """Refuse a name that is not declared."""
    if name not in declared:
        _refuse(wrong(f"a declared {what}{one_of(name, declared)}", at, f"'{name}'"))


def one_of(name: str, choices: Collection[str]) -> str:
    """What may have been meant, or the choices when they are few: ends a sentence."""
    close = difflib.get_close_matches(name, sorted(choices), n=1)
    if close:
        return f" (did you mean '{close[0]}'?)"
    few = len(choices) <= 8  # noqa: PLR2004 - more don't fit on one line
    return f" (one of {', '.join(sorted(choices))})" if choices and few else ""
