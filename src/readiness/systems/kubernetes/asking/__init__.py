"""Asks a cluster's API server: each kind is listed once and run, with an account that may look."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.kubernetes.asking.api import Api
from readiness.systems.kubernetes.asking.kubeconfig import read
from readiness.systems.kubernetes.asking.rights import require_harmless
from readiness.systems.kubernetes.declared import ClusterSubject
from readiness.systems.kubernetes.reading import GRANTS, IDENTITY, NODES, RUNNING
from readiness.systems.kubernetes.reading.nodes import Nodes, read_nodes
from readiness.systems.kubernetes.reading.parts import metadata
from readiness.systems.kubernetes.reading.pods import read_pods
from readiness.systems.kubernetes.reading.powers import RBAC, Grants, read_grants
from readiness.systems.kubernetes.reading.versions import Identity, read_identity
from readiness.systems.kubernetes.reading.workloads import (
    Running,
    read_budgets,
    read_controllers,
    read_services,
)

_CONTROLLERS: Final = {
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
}
_LEASES: Final = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def identity(api: Api) -> Identity:
    """Which cluster it is."""
    version = api.get("/version")
    return read_identity(version, api.get("/api/v1/namespaces/kube-system"), api.date)


def nodes(api: Api) -> Nodes:
    """Every node; the leases are asked last, so that none is older than it looks."""
    found = api.list("/api/v1/nodes")
    leases = api.list(_LEASES)
    return read_nodes(found, leases, api.date)


def running(api: Api, namespaces: Iterable[str]) -> Running:
    """What runs in these namespaces."""
    judged = tuple(namespaces)
    there = {str(metadata(one)["name"]) for one in api.list("/api/v1/namespaces")}

    def every(group: str, kind: str) -> list[Mapping[str, Any]]:
        """All of one kind in all of them."""
        base = f"/apis/{group}" if "/" in group else f"/api/{group}"
        return [thing for name in judged for thing in api.list(f"{base}/namespaces/{name}/{kind}")]

    controllers = (
        one
        for kind, name in _CONTROLLERS.items()
        for one in read_controllers(kind, every("apps/v1", name))
    )
    return Running(
        controllers=tuple(controllers),
        budgets=read_budgets(every("policy/v1", "poddisruptionbudgets")),
        services=read_services(
            every("v1", "services"), every("discovery.k8s.io/v1", "endpointslices")
        ),
        pods=read_pods(
            every("v1", "pods"), every("apps/v1", "replicasets"), every("batch/v1", "jobs")
        ),
        namespaces=tuple(one for one in judged if one in there),
    )


def grants(api: Api) -> Grants:
    """Who may do more than look."""
    base = f"/apis/{RBAC}/v1"
    roles = [*api.list(f"{base}/clusterroles"), *api.list(f"{base}/roles")]
    bindings = [*api.list(f"{base}/clusterrolebindings"), *api.list(f"{base}/rolebindings")]
    return read_grants(roles, bindings)


def api_of(connections: Connections, cluster: ClusterSubject) -> Api:
    """A connection as the declared account, which is kept once it was found harmless."""
    declared = cluster.declared

    def opened() -> Api:
        path = connections.site.path(declared.kubeconfig)
        api = Api(cluster.id, read(path, declared.context))
        try:
            require_harmless(api, declared.namespaces)
        except BaseException:
            api.close()
            raise
        return api

    return connections.kept(f"kubernetes {cluster.id}", opened)


def _running(connections: Connections, cluster: ClusterSubject) -> Running:
    return running(api_of(connections, cluster), cluster.declared.namespaces)


ASKERS: Final[Askers] = (
    Asker(IDENTITY, lambda connections, one: identity(api_of(connections, one))),
    Asker(NODES, lambda connections, one: nodes(api_of(connections, one))),
    Asker(RUNNING, _running),
    Asker(GRANTS, lambda connections, one: grants(api_of(connections, one))),
)
