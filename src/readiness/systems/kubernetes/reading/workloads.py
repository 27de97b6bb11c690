"""What makes and keeps pods: controllers, disruption budgets, services and their endpoints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from readiness.systems.kubernetes.reading.parts import listed, mapping, metadata, texts, whole
from readiness.systems.kubernetes.reading.pods import Pod, Pods
from readiness.systems.marks import BOUNDED, VOLATILE


@dataclass(frozen=True)
class Controller:
    """A Deployment, StatefulSet or DaemonSet."""

    namespace: str
    kind: str
    name: str
    # How many it asks for; a DaemonSet as many as nodes fit it
    wanted: Annotated[int, BOUNDED]
    generation: Annotated[int, VOLATILE]
    observed: Annotated[int, VOLATILE]  # the generation that its controller has seen
    ready: Annotated[int, BOUNDED]
    updated: Annotated[int, BOUNDED]  # pods of its newest template
    paused: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """Namespace, kind and name."""
        return self.namespace, self.kind, self.name


@dataclass(frozen=True)
class Budget:
    """A PodDisruptionBudget."""

    namespace: str
    name: str
    selector: Any
    rule: str  # as it was written: minAvailable 2, maxUnavailable 50%
    allowed: Annotated[int, BOUNDED]  # evictions that it would allow now
    healthy: Annotated[int, BOUNDED]
    expected: Annotated[int, BOUNDED]  # pods that it counts
    fresh: Annotated[bool, BOUNDED]  # whether its controller has seen what is written


@dataclass(frozen=True)
class Service:
    """A Service with the pods that its EndpointSlices send users to."""

    namespace: str
    name: str
    selector: dict[str, str] | None
    serving: Annotated[tuple[str, ...], VOLATILE]  # pods that are sent requests


@dataclass(frozen=True)
class Running:
    """What runs in the judged namespaces."""

    pods: Pods
    controllers: tuple[Controller, ...]
    budgets: tuple[Budget, ...]
    services: tuple[Service, ...]
    namespaces: tuple[str, ...] = field(default=())  # those that are there

    def controller(self, key: tuple[str, str, str]) -> Controller | None:
        """The controller of that namespace, kind and name."""
        return next((one for one in self.controllers if one.key == key), None)

    def pods_of(self, key: tuple[str, str, str]) -> tuple[Pod, ...]:
        """Its pods that have not ended."""
        return tuple(one for one in self.pods if one.key == key and not one.over)


def read_controllers(kind: str, things: Iterable[Mapping[str, Any]]) -> tuple[Controller, ...]:
    """Every controller of one kind."""
    return tuple(_controller(kind, one) for one in things)


def _controller(kind: str, thing: Mapping[str, Any]) -> Controller:
    about, spec = metadata(thing), mapping(thing.get("spec"), "spec")
    status = mapping(thing.get("status"), "status")
    daemons = kind == "DaemonSet"
    given = status.get("desiredNumberScheduled") if daemons else spec.get("replicas", 1)
    updated = status.get("updatedNumberScheduled" if daemons else "updatedReplicas")
    # A StatefulSet that was never updated counts its pods as current ones only.
    if kind == "StatefulSet" and status.get("updateRevision") == status.get("currentRevision"):
        updated = max(whole(updated), whole(status.get("currentReplicas")))
    return Controller(
        namespace=str(about.get("namespace", "")),
        kind=kind,
        name=str(about["name"]),
        wanted=whole(given),
        generation=whole(about.get("generation")),
        observed=whole(status.get("observedGeneration")),
        ready=whole(status.get("numberReady" if daemons else "readyReplicas")),
        updated=whole(updated),
        paused=bool(spec.get("paused")),
    )


def read_budgets(things: Iterable[Mapping[str, Any]]) -> tuple[Budget, ...]:
    """Every disruption budget."""
    found = []
    for one in things:
        about, spec = metadata(one), mapping(one.get("spec"), "spec")
        status = mapping(one.get("status"), "status")
        rules = [f"{key} {spec[key]}" for key in ("minAvailable", "maxUnavailable") if key in spec]
        found.append(
            Budget(
                namespace=str(about.get("namespace", "")),
                name=str(about["name"]),
                selector=spec.get("selector"),
                rule=", ".join(rules),
                allowed=whole(status.get("disruptionsAllowed")),
                healthy=whole(status.get("currentHealthy")),
                expected=whole(status.get("expectedPods")),
                fresh=whole(status.get("observedGeneration")) >= whole(about.get("generation")),
            )
        )
    return tuple(found)


def read_services(
    services: Iterable[Mapping[str, Any]], slices: Iterable[Mapping[str, Any]]
) -> tuple[Service, ...]:
    """Every service, with whom its slices have as ready."""
    serving: dict[tuple[str, str], set[str]] = {}
    for one in slices:
        about = metadata(one)
        labels = texts(about.get("labels"), "labels")
        key = str(about.get("namespace", "")), labels.get("kubernetes.io/service-name", "")
        serving.setdefault(key, set()).update(_ready(one))
    found = []
    for one in services:
        about, spec = metadata(one), mapping(one.get("spec"), "spec")
        namespace, name = str(about.get("namespace", "")), str(about["name"])
        selector = spec.get("selector")
        found.append(
            Service(
                namespace,
                name,
                texts(selector, "selector") if selector else None,
                tuple(sorted(serving.get((namespace, name), ()))),
            )
        )
    return tuple(found)


def _ready(endpoint_slice: Mapping[str, Any]) -> Iterable[str]:
    """The pods that a slice sends requests to; unknown counts as ready (EndpointConditions)."""
    for one in listed(endpoint_slice.get("endpoints"), "endpoints"):
        target = mapping(one.get("targetRef"), "targetRef")
        if mapping(one.get("conditions"), "conditions").get("ready") is not False:
            yield str(target.get("name") or next(iter(one.get("addresses") or ["?"])))
