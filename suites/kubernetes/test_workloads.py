"""Whether workloads run as often, and as far apart, as was declared, and stay so while nodes go."""

from collections.abc import Iterable

from readiness import Ask, Found, Severity, check, derive, holds
from readiness.systems.kubernetes.declared import WORKLOAD, WorkloadSubject
from readiness.systems.kubernetes.reading import NODES, RUNNING
from readiness.systems.kubernetes.reading.containers import familiar
from readiness.systems.kubernetes.reading.parts import selects
from readiness.systems.kubernetes.reading.pods import Pod
from readiness.systems.kubernetes.reading.workloads import Budget, Controller, Running

RIGHTS = "an account of the cluster that may get and list, as examples/kubernetes/observer.yaml"
DAEMONS = "DaemonSet"


def there(workload: WorkloadSubject, ask: Ask) -> tuple[Found[Running], Controller]:
    """The declared workload, which is there and whose newest state its controller has seen."""
    found = ask(RUNNING, workload.cluster)
    one = found.reading.controller(workload.key)
    assert holds(found.fact(f"{workload.id} is there", one is not None), "==", True)
    assert one is not None
    seen = found.fact(f"generation of {workload.id} that was acted upon", one.observed)
    assert holds(seen, ">=", one.generation)
    return found, one


@check(
    "KUBE-004",
    "The workload has as many ready replicas as it declares, on several nodes, of one release",
    clauses=("infra.kubernetes/replicas",),
    each=WORKLOAD,
    severity=Severity.CRITICAL,
    risk="Two replicas on one node are one, and a rollout that stands still serves two releases.",
    reads=(
        "LIST deployments, statefulsets, daemonsets, replicasets and pods of its namespace",
        "LIST nodes",
    ),
    rights=RIGHTS,
    remedy="see `kubectl describe` of it and of its pods; spread them by topologySpreadConstraints",
)
def test_replicas(workload: WorkloadSubject, ask: Ask) -> None:
    """Counted by pods that are ready on nodes that are, not by what the workload says of itself."""
    found, one = there(workload, ask)
    nodes, declared = ask(NODES, workload.cluster), workload.declared
    pods = [pod for pod in found.reading.pods_of(workload.key) if pod.serves]
    alive = {name for name, node in nodes.reading.by_name.items() if node.is_ready}
    serving = [pod for pod in pods if pod.node in alive]
    least = max(one.wanted, declared.replicas or 1)
    count = derive("ready replicas on ready nodes", workload.id, len(serving), found, nodes)
    assert holds(
        found.fact(f"replicas that {workload.id} asks for", one.wanted),
        ">=",
        declared.replicas or 1,
    )
    assert holds(count, ">=", least)
    assert holds(
        found.fact(f"replicas of {workload.id} of the newest template", one.updated),
        ">=",
        one.wanted,
    )
    if declared.kind != DAEMONS:
        _apart(workload, found, one, serving, ask)
    _one_release(workload, found, serving)


def _apart(
    workload: WorkloadSubject,
    found: Found[Running],
    one: Controller,
    serving: list[Pod],
    ask: Ask,
) -> None:
    """More than one, on more than one node and in more than one domain; or one, for a reason."""
    if workload.declared.single:
        assert holds(found.fact(f"replicas of {workload.id}", one.wanted), "==", 1)
        return
    assert holds(found.fact(f"replicas of {workload.id}", one.wanted), ">=", 2)
    places = sorted({pod.node for pod in serving})
    assert holds(found.fact("nodes with a replica", len(places)), ">=", 2)
    domains = workload.cluster.declared.domains
    if domains is not None:
        nodes = ask(NODES, workload.cluster)
        labels = {nodes.reading.by_name[name].labels.get(domains.label, "") for name in places}
        rooms = derive("domains with a replica", workload.id, len(labels), found, nodes)
        assert holds(rooms, ">=", 2)


def _one_release(workload: WorkloadSubject, found: Found[Running], pods: Iterable[Pod]) -> None:
    """Each container runs one image, by its digest, in all pods; and the released one."""
    running: dict[str, set[str]] = {}
    asked: dict[str, set[str]] = {}
    for pod in pods:
        for one in pod.containers:
            if one.kind != "ephemeral":
                running.setdefault(one.name, set()).add(one.digest.rpartition("@")[2])
                asked.setdefault(one.name, set()).add(familiar(one.image))
    for name, digests in sorted(running.items()):
        different = found.fact(f"different images that run as {name}", len(digests))
        assert holds(different, "==", 1)
    for name, image in workload.declared.images.items():
        wanted, _, digest = image.partition("@")
        if digest:
            seen = sorted(running.get(name, ()))
            assert holds(found.fact(f"digest that runs as {name}", seen), "==", (digest,))
        else:
            seen = sorted(asked.get(name, ()))
            assert holds(found.fact(f"image of {name}", seen), "==", (familiar(wanted),))


@check(
    "KUBE-005",
    "One disruption budget covers every pod of the workload, and lets some go and never all",
    clauses=("infra.kubernetes/disruption-budget",),
    each=WORKLOAD,
    severity=Severity.HIGH,
    risk="A drain takes all replicas at once; or it can take none, and somebody deletes them.",
    reads=("LIST poddisruptionbudgets, deployments, statefulsets, daemonsets, pods",),
    rights=RIGHTS,
    remedy="give it one budget with maxUnavailable below its replicas, whose selector is its own; "
    "declare under `single` why there is one replica only",
)
def test_disruption_budget(workload: WorkloadSubject, ask: Ask) -> None:
    """Of several replicas one budget counts all, allows an eviction now, and leaves one serving.

    The eviction API refuses a pod that two budgets cover. A DaemonSet's pods are not evicted, and
    one replica that has to be alone has no budget that could keep it.
    """
    found, one = there(workload, ask)
    pods = found.reading.pods_of(workload.key)
    if workload.declared.kind == DAEMONS:
        assert holds(found.fact("pods that a drain leaves alone", len(pods)), ">=", 1)
        return
    if workload.declared.single:
        assert holds(found.fact(f"replicas of {workload.id}", one.wanted), "==", 1)
        return
    assert holds(found.fact(f"replicas of {workload.id}", one.wanted), ">=", 2)
    covering = _budgets(workload, found, pods)
    serving = sum(pod.serves for pod in pods)
    for budget in covering:
        name = f"{budget.name} ({budget.rule})"
        assert holds(found.fact(f"{name} was acted upon", budget.fresh), "==", True)
        assert holds(found.fact(f"evictions that {name} allows", budget.allowed), ">=", 1)
        left = found.fact(f"ready replicas that {name} keeps", serving - budget.allowed)
        assert holds(left, ">=", 1)


def _budgets(
    workload: WorkloadSubject, found: Found[Running], pods: tuple[Pod, ...]
) -> tuple[Budget, ...]:
    """Those that cover its pods, of which there are some, each by exactly one."""
    here = workload.declared.namespace
    mine = [one for one in found.reading.budgets if one.namespace == here]
    assert holds(found.fact("pods", len(pods)), ">=", 1)
    covering: dict[str, Budget] = {}
    for pod in pods:
        its = [one for one in mine if selects(one.selector, pod.labels)]
        assert holds(found.fact(f"budgets of {pod.name}", len(its)), "==", 1)
        covering[its[0].name] = its[0]
    return tuple(covering.values())


@check(
    "KUBE-006",
    "Every declared service of the workload sends users to its ready pods and to nobody else",
    clauses=("infra.kubernetes/replicas",),
    each=WORKLOAD,
    severity=Severity.CRITICAL,
    risk="Replicas are ready and nobody reaches them; or a request in three ends elsewhere.",
    reads=("LIST services, endpointslices and pods of its namespace",),
    rights=RIGHTS,
    remedy="compare the service's selector with the labels of the pods",
)
def test_services_lead_there(workload: WorkloadSubject, ask: Ask) -> None:
    """What the endpoint slices have as ready is what is ready of its pods, of which there are some.

    Pods and slices are listed one after the other, so that one that changes meanwhile may differ.
    """
    found, _ = there(workload, ask)
    pods = found.reading.pods_of(workload.key)
    serving = sorted(pod.name for pod in pods if pod.serves)
    assert holds(found.fact("ready pods", len(serving)), ">=", 1)
    for name in workload.declared.services:
        one = next(
            (
                each
                for each in found.reading.services
                if (each.namespace, each.name) == (workload.declared.namespace, name)
            ),
            None,
        )
        assert holds(found.fact(f"service {name} is there", one is not None), "==", True)
        assert one is not None
        assert holds(found.fact(f"pods that {name} sends users to", one.serving), "==", serving)
