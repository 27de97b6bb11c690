"""What a real cluster of three nodes answered (Kubernetes 1.34.4), and objects made from it."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

LISTS = Path(__file__).parents[1] / "recorded/kubernetes/lists.json"


def lists() -> dict[str, list[Any]]:
    """Each kind's objects, to be changed at will."""
    found: dict[str, list[Any]] = json.loads(LISTS.read_text())
    return found


def pod(**changed: Any) -> dict[str, Any]:
    """A pod of the portal, with its spec changed."""
    found: dict[str, Any] = deepcopy(
        next(one for one in lists()["pods"] if "portal" in one["metadata"]["name"])
    )
    found["spec"] |= changed
    return found


def role(name: str, *rules: dict[str, Any], namespace: str = "", **more: Any) -> dict[str, Any]:
    """A role of the cluster, or of a namespace."""
    about = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"metadata": about, "rules": list(rules), **more}


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> dict[str, Any]:
    """A rule of words that are separated by spaces."""
    named = {"resourceNames": names.split()} if names else {}
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()} | named


def binding(role_name: str, subject: str, namespace: str = "", kind: str = "") -> dict[str, Any]:
    """A binding of KIND:NAME, or of ServiceAccount:NAMESPACE/NAME."""
    sort, _, name = subject.partition(":")
    bound: dict[str, Any] = {"kind": sort, "name": name}
    if sort == "ServiceAccount":
        where, _, account = name.partition("/")
        bound |= {"namespace": where, "name": account}
    about = {"name": "bound"} | ({"namespace": namespace} if namespace else {})
    reference = {"kind": kind or "ClusterRole", "name": role_name}
    return {"metadata": about, "roleRef": reference, "subjects": [bound]}
