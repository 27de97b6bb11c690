"""What an environment refers to outside its file, and whether each of these can be used."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel

from readiness.model.errors import UsageError
from readiness.model.words import Permission, Tier
from readiness.site.environment import Environment
from readiness.site.written import Refers, UsedBy
from readiness.site.yaml_file import KeyPath, written

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_EXPOSED: Final = "is a secret that others may use"


@dataclass(frozen=True)
class Reference:
    """One reference: where it is written, whether a secret stands behind it, and who uses it."""

    at: KeyPath
    text: str
    secret: bool
    used_by: Tier | Permission = Tier.OBSERVE

    @property
    def key(self) -> str:
        """Where it is written, as people write it."""
        return written(self.at)


@dataclass(frozen=True)
class Unusable:
    """A reference that can't be used, or must not be, and why."""

    reference: Reference
    problem: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.reference.key}: {self.problem}"


def references(environment: Environment) -> tuple[Reference, ...]:
    """Every reference of the environment, in the order of its keys."""
    return tuple(_of_model(environment, (), Tier.OBSERVE))


def check_references(environment: Environment) -> list[str]:
    """One line for each reference that can't be used, or whose secret others can read.

    Of what the environment allows runs to do: what none of them uses may be missing.
    """
    allowed = environment.permissions
    highest = max(allowed.tiers, key=lambda one: one.rank, default=Tier.OBSERVE)
    scan = (Permission.SCAN,) if allowed.scan else ()
    return [str(one) for one in unusable(environment, highest, scan)]


def unusable(
    environment: Environment, tier: Tier, permissions: Collection[Permission] = ()
) -> list[Unusable]:
    """What a run of that tier with those permissions can't use.

    A secret that others may read is among it, whoever uses it.
    """
    found = []
    for one in references(environment):
        problem = _problem(environment, one)
        if problem and (_EXPOSED in problem or _used(one, tier, permissions)):
            found.append(Unusable(one, problem))
    return found


def _used(reference: Reference, tier: Tier, permissions: Collection[Permission]) -> bool:
    by = reference.used_by
    return by in permissions if isinstance(by, Permission) else tier.covers(by)


def _problem(environment: Environment, reference: Reference) -> str:
    kind, _, rest = reference.text.partition(":")
    if kind == "env":
        return "" if os.environ.get(rest) else f"the variable {rest} is not set"
    try:
        path = environment.path(reference.text)
        return _file_problem(path, secret=reference.secret)
    except UsageError as error:
        return str(error)
    except OSError as error:
        return f"{path} can't be looked at ({error.strerror})"


def _file_problem(path: Path, *, secret: bool) -> str:
    try:
        status = path.stat()
    except FileNotFoundError:
        return f"{path} does not exist"
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is not a file"
    if secret and status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        return f"{path} {_EXPOSED} (mode {mode:04o}); chmod 600 {path}"
    if not os.access(path, os.R_OK):
        return f"{path} can't be read by this user"
    return f"{path} is empty" if status.st_size == 0 else ""


def _of_model(model: BaseModel, at: KeyPath, used_by: Tier | Permission) -> Iterator[Reference]:
    for name, field in type(model).model_fields.items():
        marks = [*field.metadata, *_metadata(field.annotation)]
        refers = next((one for one in marks if isinstance(one, Refers)), None)
        used = next((one.reach for one in marks if isinstance(one, UsedBy)), used_by)
        yield from _of_value(getattr(model, name), (*at, field.alias or name), refers, used)


def _of_value(
    value: object, at: KeyPath, marker: Refers | None, used_by: Tier | Permission
) -> Iterator[Reference]:
    if isinstance(value, BaseModel):
        yield from _of_model(value, at, used_by)
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _of_value(entry, (*at, name), marker, used_by)
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from _of_value(entry, (*at, index), marker, used_by)
    elif isinstance(value, str) and marker:
        yield Reference(at, value, marker.secret, used_by)


def _metadata(annotation: Any) -> Iterator[object]:
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _metadata(part)
