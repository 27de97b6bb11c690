"""Parts of the API server's objects, taken strictly: what is not there as expected is said so."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from readiness.model.errors import NotUnderstood


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """A mapping; nothing at all is an empty one, as the API leaves out what is empty.

    Raises:
        NotUnderstood: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise NotUnderstood(f"expected {what} to be a mapping, found {type(value).__name__}")
    return value


def listed(value: Any, what: str) -> list[Mapping[str, Any]]:
    """A list of mappings; nothing at all is an empty one.

    Raises:
        NotUnderstood: it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise NotUnderstood(f"expected {what} to be a list of mappings")
    return value


def metadata(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """An object's metadata, with a name.

    Raises:
        NotUnderstood: it has none.
    """
    found = mapping(thing.get("metadata"), "metadata")
    if not isinstance(found.get("name"), str):
        raise NotUnderstood("an object without a name")
    return found


def texts(value: Any, what: str) -> dict[str, str]:
    """A mapping of texts, such as labels."""
    return {str(key): str(one) for key, one in mapping(value, what).items()}


def moment(value: Any) -> float | None:
    """Epoch seconds of a time as the API writes it; None where there is none."""
    try:
        return datetime.fromisoformat(str(value)).timestamp() if value else None
    except ValueError:
        return None


def whole(value: Any) -> int:
    """A number that the API leaves out where it is 0."""
    return value if isinstance(value, int) else 0


def controller(thing: Mapping[str, Any]) -> tuple[str, str]:
    """Kind and name of what controls an object; empty where nothing does."""
    owners = listed(mapping(thing.get("metadata"), "metadata").get("ownerReferences"), "owners")
    for one in owners:
        if one.get("controller"):
            return str(one.get("kind", "")), str(one.get("name", ""))
    return "", ""


def selects(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector fits labels (matchLabels and matchExpressions; an empty one does).

    None selects nothing. An operator that we do not know is not understood.
    """
    if selector is None:
        return False
    wanted = texts(mapping(selector, "selector").get("matchLabels"), "matchLabels")
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    expressions = listed(selector.get("matchExpressions"), "matchExpressions")
    return all(_fits(one, labels) for one in expressions)


def _fits(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    found = labels.get(str(expression.get("key")))
    values = expression.get("values") or []
    fits = {
        "In": found in values,
        "NotIn": found not in values,
        "Exists": found is not None,
        "DoesNotExist": found is None,
    }
    operator = str(expression.get("operator"))
    if operator not in fits:
        raise NotUnderstood(f"a selector with the operator {operator}")
    return fits[operator]
