"""What containers may do on their nodes: of every pod that runs, not of what it was made from."""

from readiness import Ask, Found, ProbeError, Severity, check, holds
from readiness.systems.kubernetes.declared import CLUSTER, WORKLOAD, ClusterSubject, WorkloadSubject
from readiness.systems.kubernetes.reading import RUNNING
from readiness.systems.kubernetes.reading.baseline import (
    PRIVILEGED,
    ROWS,
    as_root,
    broken,
    unlimited,
)
from readiness.systems.kubernetes.reading.pods import Pod
from readiness.systems.kubernetes.reading.workloads import Running

RIGHTS = "an account of the cluster that may get and list, as examples/kubernetes/observer.yaml"
READS = ("LIST pods, replicasets and jobs of its namespace",)


def pods_of(workload: WorkloadSubject, ask: Ask) -> tuple[Found[Running], tuple[Pod, ...]]:
    """Its pods; of none nothing can be said.

    Raises:
        ProbeError: it has none.
    """
    found = ask(RUNNING, workload.cluster)
    pods = found.reading.pods_of(workload.key)
    if not pods:
        raise ProbeError(f"{workload.id}: it has no pod that could be looked at")
    return found, pods


@check(
    "KUBE-007",
    "Every container of the workload has requests and limits",
    clauses=("infra.kubernetes/requests-and-limits",),
    each=WORKLOAD,
    severity=Severity.HIGH,
    risk="One container that grows takes the memory of its node, and all others on it are killed.",
    reads=READS,
    rights=RIGHTS,
    remedy="set resources for each container, those that prepare included; a LimitRange gives "
    "those that have none a default",
)
def test_requests_and_limits(workload: WorkloadSubject, ask: Ask) -> None:
    """Also those that prepare or stand beside; those that look into it can have the pod's only."""
    found, pods = pods_of(workload, ask)
    if "resources" in workload.declared.exceptions:
        assert holds(found.fact("pods that may be without", len(pods)), ">=", 1)
        return
    without = unlimited(pods, workload.cluster.declared.limits)
    assert holds(found.fact("containers without requests or limits", without), "==", ())


@check(
    "KUBE-008",
    "No container of the workload is privileged",
    clauses=("infra.kubernetes/no-privileged-workloads",),
    each=WORKLOAD,
    severity=Severity.CRITICAL,
    risk="Whoever takes over the container has its node, and the secrets of every pod on it.",
    reads=READS,
    rights=RIGHTS,
    remedy="give it the one capability that it needs; declare under `exceptions` why it needs all",
)
def test_not_privileged(workload: WorkloadSubject, ask: Ask) -> None:
    """None is privileged, or has a capability that leads out of it."""
    found, pods = pods_of(workload, ask)
    bad = broken((PRIVILEGED,), pods, workload.declared.exceptions)
    assert holds(found.fact("privileged containers", bad), "==", ())


@check(
    "KUBE-009",
    "No container of the workload runs as root",
    clauses=("infra.kubernetes/no-root-workloads",),
    each=WORKLOAD,
    severity=Severity.HIGH,
    risk="A hole in the runtime makes root of the container root of its node.",
    reads=READS,
    rights=RIGHTS,
    remedy="set runAsNonRoot and a user in the image; declare under `exceptions` why it is root",
)
def test_not_as_root(workload: WorkloadSubject, ask: Ask) -> None:
    """As whom the runtime says that it runs, else what was set; where neither says, it is open."""
    found, pods = pods_of(workload, ask)
    root, unknown = as_root(pods)
    if "root" in workload.declared.exceptions:
        assert holds(found.fact("pods that may be root", len(pods)), ">=", 1)
        return
    assert holds(found.fact("containers that run as root", root), "==", ())
    if unknown:
        said = f"{workload.id}: nothing tells as whom it runs: {', '.join(unknown[:5])}"
        raise ProbeError(said)


@check(
    "KUBE-010",
    "Every container of the workload keeps the baseline",
    clauses=("sec.hardening/containers",),
    each=WORKLOAD,
    severity=Severity.MEDIUM,
    risk="Each open switch is a way on for whoever took over the container.",
    reads=(*READS, "Pod Security Standards 1.34, Restricted; CIS Kubernetes Benchmark 1.11"),
    rights=RIGHTS,
    remedy="set what the rule names in the workload's template, or declare under `exceptions` why "
    "it can't be",
)
def test_baseline(workload: WorkloadSubject, ask: Ask) -> None:
    """Every rule but those that are excepted, for each of its pods and containers."""
    found, pods = pods_of(workload, ask)
    bad = broken(ROWS, pods, workload.declared.exceptions)
    assert holds(found.fact("rules that are broken", bad), "==", ())


@check(
    "KUBE-011",
    "No pod of the judged namespaces that nobody declared is privileged or runs as root",
    clauses=(
        "infra.kubernetes/no-privileged-workloads",
        "infra.kubernetes/no-root-workloads",
    ),
    each=CLUSTER,
    severity=Severity.CRITICAL,
    risk="The workloads are in order, and beside them is a pod that somebody left there.",
    reads=("LIST pods, replicasets and jobs of the judged namespaces",),
    rights=RIGHTS,
    remedy="delete what nobody knows; declare what has to be there among the `workloads`",
)
def test_others(kubernetes_cluster: ClusterSubject, ask: Ask) -> None:
    """Whatever runs there and belongs to no declared workload; what has ended does nothing."""
    found, declared = ask(RUNNING, kubernetes_cluster), kubernetes_cluster.declared
    judged = found.fact("judged namespaces that are there", sorted(found.reading.namespaces))
    assert holds(judged, "==", sorted(declared.namespaces))
    known = {(one.namespace, one.kind, one.name) for one in declared.workloads}
    others = [one for one in found.reading.pods if one.key not in known and not one.over]
    bad = broken((PRIVILEGED,), others)
    assert holds(found.fact("privileged containers of nobody", bad), "==", ())
    root, unknown = as_root(others)
    assert holds(found.fact("containers of nobody that run as root", root), "==", ())
    if unknown:
        raise ProbeError(f"{kubernetes_cluster.id}: nothing tells as whom {unknown[0]} runs")
