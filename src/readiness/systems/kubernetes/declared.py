"""A Kubernetes cluster: how it is reached, its nodes, and the workloads that are judged."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from readiness.model.words import Tier
from readiness.site.declared.section import Section
from readiness.site.written import At, KeyReference, Name, Text, UsedBy, Written, distinct, wrong
from readiness.systems.kubernetes.traffic import LabelKey, ObjectName, Traffic
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment

Resource = Literal["cpu", "memory"]
WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet"]
# The rules of the baseline that a workload may be excepted from, each with its reason.
Rule = Literal[
    "privileged", "root", "capabilities", "escalation", "host-namespaces", "host-path",
    "host-port", "seccomp", "writable-root", "token", "latest", "resources", "debug-container",
    "proc-mount", "sysctls",
]  # fmt: skip
# What an account may be declared to need; `readiness.systems.kubernetes.reading.powers` has them.
Power = Literal[
    "secrets", "exec", "impersonate", "escalate", "bind", "pods-in-system", "tokens", "nodes-proxy",
    "approve-certificates", "webhooks", "everything",
]  # fmt: skip


class Domains(Written):
    """The failure domains that nodes are spread over."""

    label: LabelKey = "topology.kubernetes.io/zone"
    values: Annotated[tuple[Text, ...], Field(min_length=2)]


class Cordoned(Written):
    """A node that takes no new pods, on purpose."""

    node: ObjectName
    reason: Text


class Support(Written):
    """Who supports this version for longer than the project does."""

    by: Text
    until: date


class Workload(Written):
    """What has to run."""

    namespace: ObjectName
    name: ObjectName
    kind: WorkloadKind = "Deployment"
    replicas: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="At least so many; as many as it asks for where it is not said."
    )
    single: Text | None = Field(
        default=None, description="Why there is one replica and no second, where that is so."
    )
    images: dict[ObjectName, Text] = Field(
        default_factory=dict,
        description="The released image of a container, by its name: NAME:TAG, NAME@DIGEST.",
    )
    services: tuple[ObjectName, ...] = Field(
        default=(), description="The services that lead to it."
    )
    exceptions: dict[Rule, Text] = Field(
        default_factory=dict, description="Rules that it does not keep, each with the reason."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("service", self.services, ("services",))
        if self.single and (self.replicas or 1) > 1:
            raise wrong("no `single` beside several replicas", ("single",))
        if self.kind == "DaemonSet" and (self.single or self.replicas):
            key = "single" if self.single else "replicas"
            raise wrong("a DaemonSet without it: its nodes decide how many there are", (key,))
        return self


class Grant(Written):
    """An account that needs more than looking, and why."""

    subject: Annotated[
        str,
        StringConstraints(pattern=r"^(User|Group):.+$|^ServiceAccount:[a-z0-9-]+/[a-z0-9.-]+$"),
    ] = Field(description="User:NAME, Group:NAME or ServiceAccount:NAMESPACE/NAME.")
    may: Annotated[tuple[Power, ...], Field(min_length=1)]
    reason: Text


class KubernetesCluster(Section):
    """One cluster, as the account of a kubeconfig sees it."""

    CALLED: ClassVar[str] = "cluster"

    name: Name
    kubeconfig: KeyReference = Field(description="An account that may get and list, no more.")
    context: Text | None = Field(
        default=None, description="Of the kubeconfig; its current one where it is not said."
    )
    nodes: Annotated[tuple[ObjectName, ...], Field(min_length=1)] | None = Field(
        default=None, description="Every node by name; where nodes come and go, `least_nodes`."
    )
    least_nodes: Annotated[int, Field(ge=1)] | None = None
    cordoned: tuple[Cordoned, ...] = ()
    domains: Domains | None = None
    support: Support | None = None
    namespaces: Annotated[tuple[ObjectName, ...], Field(min_length=1)] = Field(
        description="Those whose pods are judged, whoever they belong to."
    )
    workloads: tuple[Workload, ...] = ()
    limits: Annotated[tuple[Resource, ...], Field(min_length=1)] = Field(
        default=("cpu", "memory"), description="What every container has to have a limit of."
    )
    grants: tuple[Grant, ...] = Field(
        default=(), description="Who may do what beside looking; nobody else may."
    )

    traffic: Annotated[Traffic | None, UsedBy(Tier.TOUCH)] = Field(
        default=None, description="Which connections its network policies let through."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.nodes is None) == (self.least_nodes is None):
            raise wrong("either nodes by name or least_nodes", ("nodes",))
        distinct("node", self.nodes or (), ("nodes",))
        distinct("node", [one.node for one in self.cordoned], ("cordoned",), "node")
        distinct("namespace", self.namespaces, ("namespaces",))
        distinct("account", [one.subject for one in self.grants], ("grants",), "subject")
        keys = [f"{one.namespace}/{one.kind}/{one.name}" for one in self.workloads]
        distinct("workload", keys, ("workloads",), "name")
        for index, one in enumerate(self.workloads):
            if one.namespace not in self.namespaces:
                at = ("workloads", index, "namespace")
                raise wrong("one of the judged `namespaces`", at, f"'{one.namespace}'")
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """It refers to nothing else of the environment."""


class Sections(Written):
    """What the room declares in an environment."""

    clusters: tuple[KubernetesCluster, ...] = Field(
        default=(), description="Kubernetes clusters, read with an account that may look only."
    )


@dataclass(frozen=True)
class ClusterSubject:
    """One declared cluster."""

    declared: KubernetesCluster

    @property
    def id(self) -> str:
        """The cluster's name."""
        return self.declared.name


@dataclass(frozen=True)
class WorkloadSubject:
    """One declared workload of a cluster."""

    cluster: ClusterSubject
    declared: Workload

    @property
    def id(self) -> str:
        """Cluster, namespace, kind and name."""
        one = self.declared
        return f"{self.cluster.id}/{one.namespace}/{one.kind.lower()}/{one.name}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Namespace, kind and name, as pods say whose they are."""
        one = self.declared
        return one.namespace, one.kind, one.name


def clusters(environment: "Environment") -> tuple[ClusterSubject, ...]:
    """Every declared cluster."""
    return tuple(ClusterSubject(one) for one in environment.clusters)


def workloads(environment: "Environment") -> tuple[WorkloadSubject, ...]:
    """Every declared workload of every cluster."""
    return tuple(
        WorkloadSubject(one, each)
        for one in clusters(environment)
        for each in one.declared.workloads
    )


CLUSTER: Final[Kind[ClusterSubject]] = Kind("kubernetes_cluster", "clusters", by_id(clusters))
WORKLOAD: Final[Kind[WorkloadSubject]] = Kind("workload", "clusters", by_id(workloads))
KINDS: Final = (CLUSTER, WORKLOAD)
