"""Loads what people write, environment and policy, or says line by line what is wrong and where.

What is found is quoted only where it can't be a secret: never for a reference, never below a key
that sounds like one, never when it looks like a credential.
"""

import difflib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from readiness.model.errors import UsageError
from readiness.model.quantities import in_words
from readiness.model.words import Json
from readiness.site.completed import complete
from readiness.site.environment import Environment
from readiness.site.examples import write_examples
from readiness.site.policy import Policy
from readiness.site.references import check_references
from readiness.site.schemas import keys_at, node_at
from readiness.site.written import PATTERNS, REFUSAL, At, Written, one_of, place_of
from readiness.site.yaml_file import Place, YamlFile, harmless_key, read_yaml, written

__all__ = [
    "check_references",
    "load_environment",
    "load_policy",
    "load_written",
    "validate_policy",
    "write_examples",
]

SCHEMA: Final = 1
MOST_TOLD: Final = 50  # mistakes of one file, besides the first: nobody reads more at once

Document = TypeVar("Document", bound=Written)

_SECRET_KEY: Final = re.compile(r"pass|secret|token|credential|key\b|pwd", re.IGNORECASE)
_HARMLESS: Final = re.compile(r"[\w./:%+, -]{0,64}")
_EXPECTED: Final = {
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "string_too_long": "at most {max_length} characters",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "too_short": "at least {min_length} entry",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "value_error": "{error}",
    REFUSAL: "{expected}",
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing"), "a date such as 2026-12-31"
    ),
}


def load_environment(
    path: Path, addresses: Mapping[str, Sequence[str]] | None = None
) -> Environment:
    """The environment that the file describes.

    Args:
        path: the file.
        addresses: of machines, by name, that were found behind names earlier in the same run.

    Raises:
        UsageError: there is no such file or it is wrong; says where and what was expected.
    """

    def completed(source: YamlFile) -> None:
        complete(source.data, partial(_refusal, source), addresses)

    return load_written(path, Environment, Policy, completed).located(path.absolute().parent)


def load_policy(path: Path) -> Policy:
    """The policy that the file describes.

    Raises:
        UsageError: there is no such file or it is wrong; says where and what was expected.
    """
    return load_written(path, Policy, Environment).read_from(path)


def validate_policy(
    policy: Policy, clause_ids: Collection[str], recorded_in: str = "", *, at: datetime
) -> None:
    """Refuse a policy that names a clause outside the catalogue, or grants an exception too long.

    Args:
        policy: from its file, or out of a record.
        clause_ids: the clauses that are known.
        recorded_in: the record that it is in, where it does not come from its file.
        at: the moment that exceptions may not reach too far from.

    Raises:
        UsageError: names the entry, where it stands, and what was expected.
    """
    granted: At = ("exceptions", "granted")
    named: list[tuple[At, str]] = [
        *((("required", index), one) for index, one in enumerate(policy.required or ())),
        *(
            (("may_be_not_applicable", index), one)
            for index, one in enumerate(policy.may_be_not_applicable)
        ),
        *(
            ((*granted, index, "clause"), one.clause)
            for index, one in enumerate(policy.exceptions.granted)
        ),
        *((("evidence_age", "clauses", one), one) for one in policy.evidence_age.clauses),
        *((("evidence_from", one), one) for one in policy.evidence_from),
        *(
            (("waivers", "never", index), one)
            for index, one in enumerate(policy.waivers.never if policy.waivers else ())
        ),
    ]
    for path, clause in named:
        if clause not in clause_ids:
            expected = f"a clause of the catalogue{one_of(clause, clause_ids)}"
            source = _source_of(policy, recorded_in)
            raise _refusal(source, path, "unknown clause", expected, f"'{clause}'")
    last = policy.exceptions.last_day(at)
    for index, one in enumerate(policy.exceptions.granted):
        if one.expires > last:
            longest = in_words(policy.exceptions.longest)
            expected = f"at the latest {last} (exceptions.longest is {longest})"
            path = (*granted, index, "expires")
            source = _source_of(policy, recorded_in)
            raise _refusal(source, path, "ends too late", expected, str(one.expires))


def _source_of(policy: Policy, recorded_in: str) -> YamlFile:
    """The policy's file with its places; a recorded policy has none but the first line."""
    if policy.file:
        return read_yaml(policy.file)
    return YamlFile(recorded_in, {}, values={(): Place(1, 1)})


def load_written(
    path: Path,
    model: type[Document],
    other: type[Written],
    completed: Callable[[YamlFile], None] = lambda _: None,
) -> Document:
    """What the file describes; `other` is the kind of file that people mistake it for.

    `completed` adds to what was read before it is validated.

    Raises:
        UsageError: there is no such file or it is wrong; says where and what was expected.
    """
    source = read_yaml(path)
    _refuse_other_kind(source, model, other)
    completed(source)
    try:
        return model.model_validate_json(json.dumps(source.data))
    except ValidationError as error:
        raise _all(source, model, error.errors(include_url=False)) from None


def _refuse_other_kind(source: YamlFile, model: type[Written], other: type[Written]) -> None:
    """A policy where an environment is expected deserves better than a list of unknown keys."""
    ours, theirs = (
        {one.alias or name for name, one in kind.model_fields.items()} for kind in (model, other)
    )
    has = set(source.data)
    if has & (theirs - ours) and not has & (ours - theirs):
        article = {
            "Environment": "an environment",
            "Policy": "a policy",
            "OwnFile": "a file of own checks",
            "Experiment": "an experiment",
        }
        raise UsageError(
            "is another kind of file",
            source.file,
            expected=article[model.__name__],
            found=article[other.__name__],
        )


def _all(source: YamlFile, model: type[Written], errors: list[ErrorDetails]) -> UsageError:
    """Every mistake of the file in the order of its lines, but for those that follow from one."""
    misspelt = {
        (*path[:-1], _meant(str(path[-1]), keys_at(model, path[:-1])))
        for path in (_path(one) for one in errors if one["type"] == "extra_forbidden")
    }
    own = [
        one
        for one in errors
        if not _list_is_long_enough(source, one)
        and not (one["type"] == "missing" and _path(one) in misspelt)
    ]
    refusals = {str(one): one for one in (_sentence(source, model, error) for error in own)}
    first, *others = sorted(refusals.values(), key=lambda one: (one.line, one.column))
    left = len(others) - MOST_TOLD
    if left > 0:
        others[MOST_TOLD:] = [UsageError(f"has {left} more mistakes", source.file)]
    first.others = tuple(others)
    return first


def _list_is_long_enough(source: YamlFile, error: ErrorDetails) -> bool:
    """Whether a list is called too short only because none of its wrong elements was counted."""
    if error["type"] != "too_short":
        return False
    value: Any = source.data
    for part in _path(error):
        value = value[part]
    return len(value) >= int(error["ctx"]["min_length"])


def _meant(key: str, choices: Collection[str]) -> str:
    """The key that a misspelt one is taken for; empty when none is close."""
    return next(iter(difflib.get_close_matches(key, sorted(choices), n=1)), "")


def _path(error: ErrorDetails) -> At:
    """Where in the file: without what the models add, as the kind of a part that has several."""
    below = error.get("ctx", {}).get("at", ()) if error["type"] == REFUSAL else ()
    return (*(one for one in place_of(error["loc"]) if one != "[key]"), *below)


def _sentence(source: YamlFile, model: type[Written], error: ErrorDetails) -> UsageError:
    path, kind = _path(error), error["type"]
    if kind == "extra_forbidden":
        key = harmless_key(str(path[-1]))
        if key in keys_at(model, path[:-1]):
            return _refusal(source, path, "unknown key, which another `kind` has")
        choices = one_of(key, keys_at(model, path[:-1])).strip(" ()")
        return _refusal(source, path, "unknown key" + (f", {choices}" if choices else ""))
    if kind == "missing":
        return _refusal(source, path, "is missing")
    if path == ("schema",):
        return _schema_refusal(source)
    expected = _expected(error, node_at(model, path))
    if "[key]" in error["loc"]:
        return _refusal(source, path, "wrong key", expected)
    return _refusal(source, path, "wrong value", expected, _found(source, path, error, expected))


def _schema_refusal(source: YamlFile) -> UsageError:
    number = source.data["schema"]
    newer = type(number) is int and number > SCHEMA
    problem = "was written for a newer version of readiness" if newer else "wrong schema number"
    return _refusal(source, ("schema",), problem, str(SCHEMA), _shown(number))


def _expected(error: ErrorDetails, wanted: Json) -> str:
    """What was expected, in words; `wanted` is the schema of that place."""
    context: Mapping[str, Any] = error.get("ctx", {})
    if error["type"] in {"string_pattern_mismatch", "string_type"}:
        pattern = str(context.get("pattern") or wanted.get("pattern"))
        return PATTERNS.get(pattern, _EXPECTED["string_type"])
    template = _EXPECTED.get(error["type"])
    return template.format(**context) if template else error["msg"]


def _found(source: YamlFile, path: At, error: ErrorDetails, expected: str) -> str:
    """What was found, without a value that could be a secret."""
    context = error.get("ctx", {})
    if "found" in context:
        return str(context["found"])
    value: Any = source.data
    for part in path:
        value = value[part]
    scalar_expected = error["type"] not in {"tuple_type", "dict_type", "model_type"}
    secret = any(isinstance(part, str) and _SECRET_KEY.search(part) for part in path)
    return _shown(value, quote=scalar_expected and "reference" not in expected and not secret)


def _shown(value: object, *, quote: bool = True) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        shown = quote and _HARMLESS.fullmatch(value) and "://" not in value
        return f"'{value}'" if shown else "a text"
    return json.dumps(value) if quote else "a single value"


def _refusal(
    source: YamlFile, path: At, problem: str, expected: str = "", found: str = ""
) -> UsageError:
    """The refusal at the key's own place when the key is wrong, else at the value's."""
    place = source.keys.get(path) if problem.startswith(("unknown key", "wrong key")) else None
    place = place or source.place(path)
    key = written(path)
    return UsageError(problem, source.file, place.line, place.column, key, expected, found)
