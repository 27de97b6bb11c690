"""What an environment refers to outside its file, and whether each of these can be used."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from readiness.environment import Environment
from readiness.errors import UsageError
from readiness.written import Refers

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Reference:
    """One reference, the key where it is written, and whether a secret stands behind it."""

    key: str
    text: str
    secret: bool


def references(environment: Environment) -> tuple[Reference, ...]:
    """Every reference of the environment, in the order of its keys."""
    return tuple(_of_model(environment, ""))


def check_references(environment: Environment) -> list[str]:
    """One line for each reference that can't be used, or whose secret others can read."""
    problems = (_problem(environment, one) for one in references(environment))
    return [problem for problem in problems if problem]


def _problem(environment: Environment, reference: Reference) -> str:
    kind, _, rest = reference.text.partition(":")
    if kind == "env":
        found = os.environ.get(rest)
        return "" if found else f"{reference.key}: the variable {rest} is not set"
    try:
        path = environment.path(reference.text)
        problem = _file_problem(path, secret=reference.secret)
    except UsageError as error:
        return f"{reference.key}: {error}"
    except OSError as error:
        problem = f"{path} can't be looked at ({error.strerror})"
    return f"{reference.key}: {problem}" if problem else ""


def _file_problem(path: Path, *, secret: bool) -> str:
    try:
        status = path.stat()
    except FileNotFoundError:
        return f"{path} does not exist"
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is not a file"
    if secret and status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        return f"{path} is a secret that others may use (mode {mode:04o}); chmod 600 {path}"
    if not os.access(path, os.R_OK):
        return f"{path} can't be read by this user"
    return f"{path} is empty" if status.st_size == 0 else ""


def _of_model(model: BaseModel, key: str) -> Iterator[Reference]:
    for name, field in type(model).model_fields.items():
        below = f"{key}.{field.alias or name}".lstrip(".")
        yield from _of_value(getattr(model, name), below, _marker(field))


def _of_value(value: object, key: str, marker: Refers | None) -> Iterator[Reference]:
    if isinstance(value, BaseModel):
        yield from _of_model(value, key)
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _of_value(entry, f"{key}.{name}", marker)
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from _of_value(entry, f"{key}[{index}]", marker)
    elif isinstance(value, str) and marker:
        yield Reference(key, value, marker.secret)


def _marker(field: FieldInfo) -> Refers | None:
    """The mark of a field's type, also inside `X | None` and `dict[..., X]`."""
    found = [*field.metadata, *_metadata(field.annotation)]
    return next((entry for entry in found if isinstance(entry, Refers)), None)


def _metadata(annotation: Any) -> Iterator[object]:
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _metadata(part)
