"""Whether network policies are enforced: tried from pods, on every node, both ways."""

from collections.abc import Callable

from readiness import Found, Severity, Tier, check, holds
from readiness.drills.policy_trial import Tried
from readiness.systems.kubernetes.declared import CLUSTER, ClusterSubject


@check(
    "KUBE-013",
    "Every node lets declared connections through, and refuses every other of the declared matrix",
    clauses=("infra.kubernetes/network-policies-enforced",),
    each=CLUSTER,
    declared=("cluster traffic",),
    severity=Severity.CRITICAL,
    tier=Tier.TOUCH,
    limit=420,
    risk="A policy that nothing enforces is paper: whoever takes over one pod reaches all.",
    reads=(
        "POST pods of our own, one on each node for each source and for each target that is `own`",
        "the declared `connect` and `lookup` in them, at every ready pod of every target",
        "GET pods of ours, and DELETE them",
    ),
    rights="an account as examples/kubernetes/trial.yaml, bound in the declared namespaces only",
    remedy="see that what enforces policies runs on that node; deny by default in each namespace, "
    "both ways, and let through by labels what is declared",
)
def test_policies_are_enforced(
    kubernetes_cluster: ClusterSubject, policies: Callable[[ClusterSubject], Found[Tried]]
) -> None:
    """What must be refused was, what must pass did, from every ready node to every place."""
    found = policies(kubernetes_cluster)
    refused, passing = found.reading.of(wanted=False), found.reading.of(wanted=True)
    declared, nodes = kubernetes_cluster.declared, found.reading.nodes
    least = declared.least_nodes or len(declared.nodes or ())
    assert holds(found.fact("nodes that it was tried from", len(nodes)), ">=", max(1, least))
    if declared.nodes:
        named = found.fact("names of nodes that it was tried from", nodes)
        assert holds(named, "includes", declared.nodes)
    assert holds(found.fact("attempts that must be refused", len(refused)), ">=", 1)
    assert holds(found.fact("attempts that must pass", len(passing)), ">=", 1)
    leaks = sorted({str(one) for one in refused if one.passed})
    assert holds(found.fact("connections that nobody declared and that pass", leaks), "==", ())
    shut = sorted({str(one) for one in passing if not one.passed})
    assert holds(found.fact("declared connections that are refused", shut), "==", ())
