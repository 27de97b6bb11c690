"""Who may do more in a cluster than look, and by which way."""

from readiness import Ask, Severity, check, holds
from readiness.systems.kubernetes.declared import CLUSTER, ClusterSubject
from readiness.systems.kubernetes.reading import GRANTS


@check(
    "KUBE-012",
    "Nobody may read secrets, enter pods or give himself rights but who is declared to need it",
    clauses=("infra.kubernetes/least-rbac",),
    each=CLUSTER,
    severity=Severity.CRITICAL,
    risk="Whoever takes over a pod, or finds a kubeconfig, goes on from there as administrator.",
    reads=(
        "LIST roles, rolebindings, clusterroles, clusterrolebindings",
        "SelfSubjectRulesReview: that the server asks RBAC, and not nobody, of our own account",
    ),
    rights="an account of the cluster that may get and list, as examples/kubernetes/observer.yaml",
    remedy="remove the binding or the rule that the way names; declare who needs it under `grants`",
)
def test_least_rights(kubernetes_cluster: ClusterSubject, ask: Ask) -> None:
    """Every power that anybody holds, Kubernetes's own parts aside, is one that was declared.

    Without the bindings that Kubernetes makes by itself the list can't be the whole one.
    """
    found = ask(GRANTS, kubernetes_cluster)
    assert holds(found.fact("bindings of Kubernetes's own parts", found.reading.own), ">=", 1)
    needed = {
        (one.subject, power) for one in kubernetes_cluster.declared.grants for power in one.may
    }
    more = [str(one) for one in found.reading.held if (one.subject, one.power) not in needed]
    assert holds(found.fact("powers that nobody declared", more), "==", ())
