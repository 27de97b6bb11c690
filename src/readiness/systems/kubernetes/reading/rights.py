"""What of an account's own rights goes beyond looking, as the API server lists them."""

from collections.abc import Mapping
from typing import Any, Final

from readiness.model.errors import NotUnderstood

LOOKS: Final = frozenset({"get", "list", "watch"})
# Who asks about himself learns nothing of others and changes nothing.
ABOUT_ONESELF: Final = frozenset(
    {
        "selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews",
        "subjectaccessreviews", "localsubjectaccessreviews",
    }
)  # fmt: skip
# A GET of these hands out a secret, or runs something: exec and the proxies are opened by one.
NOT_LOOKED_AT: Final = frozenset(
    {
        "secrets", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy",
        "nodes/proxy", "serviceaccounts/token",
    }
)  # fmt: skip


def beyond_looking(rules: Any) -> list[str]:
    """Each rule that lets its holder change something or read a secret, in words.

    Raises:
        NotUnderstood: the rules are something else.
    """
    if not isinstance(rules, list):
        raise NotUnderstood("the review of our own rights has no rules")
    return [found for rule in rules if (found := _beyond(rule))]


def _beyond(rule: Mapping[str, Any]) -> str:
    verbs, resources = set(rule.get("verbs") or ()), set(rule.get("resources") or ())
    if resources and resources <= ABOUT_ONESELF:
        return ""
    more = sorted(verbs - LOOKS)
    if more:
        return f"{', '.join(more)} {', '.join(sorted(resources))}"
    core = {"", "*"} & set(rule.get("apiGroups") or ())
    named = any(one == "*" or one in NOT_LOOKED_AT or one.startswith("*/") for one in resources)
    if verbs and core and named:
        return f"{', '.join(sorted(verbs))} {', '.join(sorted(resources))}"
    return ""
