"""Whether an account that is given for looking may do more than look: then it is not used."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from readiness.model.errors import OverPrivileged
from readiness.systems.kubernetes.asking.api import Api
from readiness.systems.kubernetes.reading.rights import beyond_looking

# Where the server can't list all that we may do (a webhook decides), these are asked one by one.
QUESTIONS: Final[tuple[Mapping[str, str], ...]] = (
    {"verb": "*", "group": "*", "resource": "*"},
    {"verb": "get", "group": "", "resource": "secrets"},
    {"verb": "list", "group": "", "resource": "secrets"},
    {"verb": "create", "group": "", "resource": "pods"},
    {"verb": "create", "group": "", "resource": "pods", "subresource": "exec"},
    {"verb": "get", "group": "", "resource": "pods", "subresource": "exec"},
    {"verb": "get", "group": "", "resource": "nodes", "subresource": "proxy"},
    {"verb": "delete", "group": "", "resource": "pods"},
    {"verb": "patch", "group": "apps", "resource": "deployments"},
    {"verb": "update", "group": "apps", "resource": "deployments"},
    {"verb": "create", "group": "apps", "resource": "deployments"},
    {"verb": "create", "group": "batch", "resource": "jobs"},
    {"verb": "patch", "group": "", "resource": "nodes"},
    {"verb": "delete", "group": "", "resource": "namespaces"},
    {"verb": "impersonate", "group": "", "resource": "users"},
    {"verb": "create", "group": "", "resource": "serviceaccounts", "subresource": "token"},
    {
        "verb": "create",
        "group": "rbac.authorization.k8s.io",
        "resource": "clusterrolebindings",
    },
)


def require_harmless(api: Api, namespaces: Iterable[str]) -> None:
    """Refuse an account that could change something or read a secret, anywhere that is judged.

    Raises:
        OverPrivileged: it could.
        ProbeError: the server does not say.
    """
    for namespace in dict.fromkeys(("kube-system", *namespaces)):
        status: Any = api.may_in(namespace).get("status") or {}
        found = beyond_looking(status.get("resourceRules"))
        if status.get("incomplete") is not False:
            found += _asked(api, namespace)
        if found:
            raise OverPrivileged(
                f"{api.name}: the account may do more than look in {namespace}: {found[0]}; "
                "examples/kubernetes/observer.yaml has what it needs"
            )


def _asked(api: Api, namespace: str) -> list[str]:
    return [
        f"{one['verb']} {one['resource']}"
        for one in QUESTIONS
        if api.may({**one, "namespace": namespace})
    ]
