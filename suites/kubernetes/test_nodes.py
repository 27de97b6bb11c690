"""What a cluster's nodes are, and for how long its version receives support."""

from datetime import UTC, datetime, time, timedelta

from readiness import Ask, Found, NotRun, ProbeError, Severity, check, derive, holds
from readiness.systems.kubernetes.declared import CLUSTER, ClusterSubject
from readiness.systems.kubernetes.reading import IDENTITY, NODES
from readiness.systems.kubernetes.reading.nodes import Node, Nodes
from readiness.systems.kubernetes.reading.versions import MOST_BEHIND, SOURCE, ends, minor

RIGHTS = "an account of the cluster that may get and list, as examples/kubernetes/observer.yaml"
# A kubelet renews its lease every 10 s; where the lease does not say, it lasts 40 s (kubelet).
LEASE_LASTS = 40.0


def nodes_of(cluster: ClusterSubject, ask: Ask) -> Found[Nodes]:
    """Its nodes; without a single one nothing was found out."""
    found = ask(NODES, cluster)
    assert holds(found.fact("nodes", len(found.reading.nodes)), ">=", 1)
    return found


@check(
    "KUBE-001",
    "Every declared node of the cluster is there, ready, and said so a moment ago",
    clauses=("infra.kubernetes/nodes-ready",),
    each=CLUSTER,
    severity=Severity.CRITICAL,
    risk="Pods of a node that is gone are missing, and nobody makes them anew while it counts as "
    "ready.",
    reads=("LIST nodes", "LIST leases of kube-node-lease, against the API server's clock"),
    rights=RIGHTS,
    remedy="see `kubectl describe node` and the kubelet's journal on that machine; uncordon it, or "
    "declare why it is cordoned",
)
def test_nodes_are_ready(kubernetes_cluster: ClusterSubject, ask: Ask) -> None:
    """The declared ones are the found ones; each is ready without pressure and has a young lease.

    What the API server has of a node is what its kubelet said last: only the lease tells when.
    """
    found, declared = nodes_of(kubernetes_cluster, ask), kubernetes_cluster.declared
    names = sorted(found.reading.by_name)
    if declared.nodes is None:
        assert holds(found.fact("number of nodes", len(names)), ">=", declared.least_nodes)
    else:
        assert holds(found.fact("nodes of the cluster", names), "==", sorted(declared.nodes))
    resting = {one.node for one in declared.cordoned}
    for node in found.reading.nodes:
        _well(found, node, cordoned=node.name in resting)


def _well(found: Found[Nodes], node: Node, *, cordoned: bool) -> None:
    """One node is ready, has all that pods need, and was heard of within the time of its lease."""
    assert holds(found.fact(f"Ready of {node.name}", node.ready or None), "==", "True")
    assert holds(found.fact(f"pressures of {node.name}", node.pressures), "==", ())
    assert holds(found.fact(f"{node.name} is being removed", node.deleting), "==", False)
    lasts = node.lease_lasts or LEASE_LASTS
    age = found.fact(f"seconds since {node.name} renewed its lease", node.lease_age)
    assert holds(age, "<=", lasts)
    if not cordoned:
        takes = found.fact(f"{node.name} takes no new pods", node.unschedulable)
        assert holds(takes, "==", False)


@check(
    "KUBE-002",
    "Every declared failure domain has a node of the cluster that takes pods",
    clauses=("infra.kubernetes/nodes-spread",),
    each=CLUSTER,
    severity=Severity.HIGH,
    risk="All nodes are in one room, and one fuse takes all of them.",
    reads=("LIST nodes, with the label of the declared domains",),
    rights=RIGHTS,
    remedy="add a node in the domain that has none, or label those that stand there",
)
def test_nodes_are_spread(kubernetes_cluster: ClusterSubject, ask: Ask) -> None:
    """Each domain has a node that is ready and takes pods; no node is in an undeclared one.

    One that is cordoned for a declared reason still stands where it stands.
    """
    found, domains = nodes_of(kubernetes_cluster, ask), kubernetes_cluster.declared.domains
    if domains is None:
        said = f"{kubernetes_cluster.id}: no failure domains are declared"
        raise NotRun(said, declare=f"`domains` of the cluster {kubernetes_cluster.id}")
    for node in found.reading.nodes:
        where = found.fact(f"domain of {node.name}", node.labels.get(domains.label, ""))
        assert holds(where, "in", domains.values)
    resting = {one.node for one in kubernetes_cluster.declared.cordoned}
    usable = [
        one
        for one in found.reading.nodes
        if one.is_ready and (not one.unschedulable or one.name in resting)
    ]
    covered = sorted({one.labels[domains.label] for one in usable})
    assert holds(found.fact("domains with a node", covered), "includes", domains.values)


@check(
    "KUBE-003",
    "The cluster's version receives support, and no kubelet is too far from it",
    clauses=("infra.kubernetes/supported-version",),
    each=CLUSTER,
    severity=Severity.HIGH,
    risk="The next hole in it is not closed for this version any more.",
    reads=("GET /version", "LIST nodes: the version of each kubelet", SOURCE),
    rights=RIGHTS,
    remedy="upgrade the control plane one minor version at a time, then the kubelets; declare who "
    "supports it for longer under `support`",
)
def test_version_is_supported(kubernetes_cluster: ClusterSubject, ask: Ask) -> None:
    """Its last day is not over by the API server's clock; kubelets are at most three minors older.

    A minor version that the table does not have is newer than the table: nobody knows its end.
    """
    found, listed = ask(IDENTITY, kubernetes_cluster), nodes_of(kubernetes_cluster, ask)
    version, support = found.reading.version, kubernetes_cluster.declared.support
    last = support.until if support else ends(version)
    if last is None or found.reading.now is None:
        raise ProbeError(f"{kubernetes_cluster.id}: the end of {version} is not known here")
    # The last day counts whole. A version older than the table has no date of its own in it.
    over = (
        datetime.combine(last, time.max, UTC) if last.year > 1 else datetime.min.replace(tzinfo=UTC)
    )
    days = (over - datetime.fromtimestamp(found.reading.now, UTC)) / timedelta(days=1)
    supported = found.fact(f"days of support left for {version}", max(days, -9999.0))
    assert holds(supported, ">=", 0, until=over if days >= 0 else None)
    mine = minor(version)
    for node in listed.reading.nodes:
        behind = derive(
            f"minor versions that {node.name} is behind the API server",
            kubernetes_cluster.id,
            mine - minor(node.version),
            found,
            listed,
        )
        assert holds(behind, "in", tuple(range(MOST_BEHIND + 1)))
