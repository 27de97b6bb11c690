"""The nodes of a cluster, as the API server and their own leases have them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.systems.kubernetes.reading.parts import listed, mapping, metadata, moment, texts
from readiness.systems.marks import BOUNDED, VOLATILE

READY: Final = "Ready"
# Each is wrong where it is not False (kubernetes.io, Node Status, "Conditions").
PRESSURES: Final = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


@dataclass(frozen=True)
class Node:
    """One node."""

    name: str
    ready: Annotated[str, BOUNDED]  # True, False or Unknown; empty: it does not say
    pressures: Annotated[tuple[str, ...], BOUNDED]
    unschedulable: bool
    deleting: bool
    version: str  # of its kubelet
    # Seconds since its kubelet renewed the lease, by the API server's clock; None: it has no lease
    lease_age: Annotated[float | None, VOLATILE]
    lease_lasts: float | None
    labels: dict[str, str]

    @property
    def is_ready(self) -> bool:
        """Whether it says that it is ready."""
        return self.ready == "True"


@dataclass(frozen=True)
class Nodes:
    """Every node of a cluster."""

    nodes: tuple[Node, ...]

    @property
    def by_name(self) -> dict[str, Node]:
        """Each by its name."""
        return {one.name: one for one in self.nodes}


def read_nodes(
    nodes: Iterable[Mapping[str, Any]], leases: Iterable[Mapping[str, Any]], now: float | None
) -> Nodes:
    """The nodes with their leases (kube-node-lease), which are named after them."""
    kept = {str(metadata(one)["name"]): mapping(one.get("spec"), "spec") for one in leases}
    return Nodes(tuple(_node(one, kept, now) for one in nodes))


def _node(
    node: Mapping[str, Any], leases: Mapping[str, Mapping[str, Any]], now: float | None
) -> Node:
    about, spec = metadata(node), mapping(node.get("spec"), "spec")
    status = mapping(node.get("status"), "status")
    conditions = {
        str(one.get("type")): str(one.get("status"))
        for one in listed(status.get("conditions"), "conditions")
    }
    lease = leases.get(about["name"], {})
    renewed = moment(lease.get("renewTime"))
    return Node(
        name=about["name"],
        ready=conditions.get(READY, ""),
        pressures=tuple(one for one in PRESSURES if conditions.get(one, "False") != "False"),
        unschedulable=bool(spec.get("unschedulable")),
        deleting="deletionTimestamp" in about,
        version=str(mapping(status.get("nodeInfo"), "nodeInfo").get("kubeletVersion", "")),
        lease_age=None if renewed is None or now is None else max(now - renewed, 0.0),
        lease_lasts=lease.get("leaseDurationSeconds"),
        labels=texts(about.get("labels"), "labels"),
    )
