"""Who may do more than look: what RBAC grants, rule by rule, with the way that it is granted.

What is worked out is what the API server does with it (kubernetes.io, "Using RBAC Authorization"
and "RBAC Good Practices", privilege escalation risks). Rules of an aggregated role are those that
its controller has put together, which are in force.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from readiness.systems.kubernetes.reading.parts import listed, mapping, metadata

RBAC: Final = "rbac.authorization.k8s.io"
EVERYWHERE: Final = ""
SYSTEM: Final = "kube-system"
_READS: Final = frozenset({"get", "list", "watch"})
_WRITES: Final = frozenset({"create", "update", "patch"})
_WHO: Final = ("users", "groups", "serviceaccounts")
_RUNS: Final = {
    "": ("pods", "replicationcontrollers", "pods/ephemeralcontainers"),
    "apps": ("deployments", "statefulsets", "daemonsets", "replicasets"),
    "batch": ("jobs", "cronjobs"),
}
# Whom Kubernetes itself binds, as its own default bindings have it: role -> account. Others are
# named after their role: `system:kube-scheduler`, `system:controller:NAME`.
_OWN: Final = {
    "cluster-admin": "Group:system:masters",
    "system:node-proxier": "User:system:kube-proxy",
    "system:volume-scheduler": "User:system:kube-scheduler",
    "system::leader-locking-kube-controller-manager": "User:system:kube-controller-manager",
    "system::leader-locking-kube-scheduler": "User:system:kube-scheduler",
}
_CONTROLLER: Final = "system:controller:"
_ACCOUNT: Final = "system:serviceaccount:"


@dataclass(frozen=True)
class Rule:
    """One rule of a role."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]

    def allows(self, verbs: Iterable[str], group: str, resource: str) -> bool:
        """Whether any of the verbs is allowed on a resource (with its subresource, after '/')."""
        return (
            bool(self.verbs & {"*", *verbs})
            and bool(self.groups & {"*", group})
            and bool(self.resources & {"*", resource, f"*/{resource.partition('/')[2] or '-'}"})
        )


@dataclass(frozen=True)
class Held:
    """One power that an account holds, and the way by which it does."""

    subject: str
    power: str
    where: str  # a namespace; empty: everywhere
    way: str

    def __str__(self) -> str:
        where = f" in {self.where}" if self.where else ""
        return f"{self.subject} may {self.power}{where} by {self.way}"


@dataclass(frozen=True)
class Grants:
    """All powers that anybody holds beside Kubernetes's own parts."""

    held: tuple[Held, ...]
    bindings: int
    # Bindings that Kubernetes makes by itself; without any the list was no whole one
    own: int


def _secrets(rule: Rule, _: str) -> bool:
    """Values of secrets; one that is named, as a program's own, is not all of them."""
    named_only = bool(rule.names) and not rule.verbs & {"list", "watch", "*"}
    return rule.allows(_READS, "", "secrets") and not named_only


def _exec(rule: Rule, _: str) -> bool:
    # A GET opens it, too: exec is a connection that is upgraded.
    enters = any(rule.allows(("create", "get"), "", one) for one in ("pods/exec", "pods/attach"))
    return enters or rule.allows(("update", "patch"), "", "pods/ephemeralcontainers")


def _impersonate(rule: Rule, _: str) -> bool:
    return any(rule.allows(("impersonate",), "", one) for one in _WHO)


def _on_roles(verb: str) -> Callable[[Rule, str], bool]:
    return lambda rule, _: any(rule.allows((verb,), RBAC, one) for one in ("roles", "clusterroles"))


def _runs_in_system(rule: Rule, where: str) -> bool:
    if where not in (EVERYWHERE, SYSTEM):
        return False
    return any(
        rule.allows(_WRITES, group, one) for group, resources in _RUNS.items() for one in resources
    )


def _webhooks(rule: Rule, where: str) -> bool:
    group = "admissionregistration.k8s.io"
    kinds = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
    return where == EVERYWHERE and any(rule.allows(_WRITES, group, one) for one in kinds)


def _approves(rule: Rule, where: str) -> bool:
    group, what = "certificates.k8s.io", "certificatesigningrequests/approval"
    return where == EVERYWHERE and rule.allows(("update", "patch"), group, what)


POWERS: Final[Mapping[str, Callable[[Rule, str], bool]]] = {
    "everything": lambda rule, _: {"*"} == rule.verbs & rule.groups & rule.resources,
    "secrets": _secrets,
    "exec": _exec,
    "impersonate": _impersonate,
    "escalate": _on_roles("escalate"),
    "bind": _on_roles("bind"),
    "pods-in-system": _runs_in_system,
    "tokens": lambda rule, _: rule.allows(("create",), "", "serviceaccounts/token"),
    "nodes-proxy": lambda rule, where: (
        where == EVERYWHERE and rule.allows(("get", "create"), "", "nodes/proxy")
    ),
    "approve-certificates": _approves,
    "webhooks": _webhooks,
}


def read_grants(
    roles: Iterable[Mapping[str, Any]], bindings: Iterable[Mapping[str, Any]]
) -> Grants:
    """Who holds which power, from all roles and all bindings, of namespaces and of the cluster.

    A binding to a role that is not there grants nothing.
    """
    rules = {_role_key(one): one for one in roles}
    given = list(bindings)
    held: dict[tuple[str, str, str], Held] = {}
    own = 0
    for one in given:
        about, reference = metadata(one), mapping(one.get("roleRef"), "roleRef")
        where = str(about.get("namespace", EVERYWHERE))
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        role = rules.get((kind, where if kind == "Role" else EVERYWHERE, name))
        way = f"{'RoleBinding' if where else 'ClusterRoleBinding'} {about['name']} to {kind} {name}"
        if role and role.get("aggregationRule"):
            way += " (aggregated)"
        for subject in _subjects(one, where):
            if is_own(name, subject):
                own += 1
                continue
            for power in _powers(role, where):
                held.setdefault((subject, power, where), Held(subject, power, where, way))
    return Grants(tuple(sorted(held.values(), key=str)), len(given), own)


def is_own(role: str, subject: str) -> bool:
    """Whether Kubernetes itself binds that account to that role."""
    named = f"ServiceAccount:{SYSTEM}/{role.removeprefix(_CONTROLLER)}"
    usual = named if role.startswith(_CONTROLLER) else f"User:{role}"
    return (role.startswith("system:") and subject == usual) or _OWN.get(role) == subject


def _role_key(role: Mapping[str, Any]) -> tuple[str, str, str]:
    about = metadata(role)
    namespace = str(about.get("namespace", EVERYWHERE))
    return "Role" if namespace else "ClusterRole", namespace, str(about["name"])


def _powers(role: Mapping[str, Any] | None, where: str) -> Iterator[str]:
    """What a role gives there; whoever may do everything is told once."""
    rules = [_rule(one) for one in listed((role or {}).get("rules"), "rules")]
    for power, has in POWERS.items():
        if any(has(rule, where) for rule in rules):
            yield power
            if power == "everything":
                return


def _rule(rule: Mapping[str, Any]) -> Rule:
    parts = (rule.get(key) or () for key in ("verbs", "apiGroups", "resources", "resourceNames"))
    return Rule(*(frozenset(map(str, one)) for one in parts))


def _subjects(binding: Mapping[str, Any], where: str) -> Iterator[str]:
    """Whom it is about; a service account is the same under both of its names."""
    for one in listed(binding.get("subjects"), "subjects"):
        kind, name = str(one.get("kind")), str(one.get("name"))
        if kind == "ServiceAccount":
            yield f"ServiceAccount:{one.get('namespace') or where}/{name}"
        elif kind == "User" and name.startswith(_ACCOUNT) and name.count(":") > 2:  # noqa: PLR2004
            namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
            yield f"ServiceAccount:{namespace}/{account}"
        else:
            yield f"{kind}:{name}"
