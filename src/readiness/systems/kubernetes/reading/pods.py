"""The pods of the judged namespaces, with whose they are: a Deployment's, not its ReplicaSet's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.systems.kubernetes.reading.containers import Container, read_containers
from readiness.systems.kubernetes.reading.parts import (
    controller,
    listed,
    mapping,
    metadata,
    texts,
)
from readiness.systems.marks import VOLATILE

OVER: Final = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Pod:
    """One pod."""

    namespace: str
    name: str
    owner: tuple[str, str]  # kind and name, such as Deployment and portal; empty: nobody's
    node: str  # empty: it was not scheduled
    phase: str
    ready: bool
    deleting: bool
    labels: dict[str, str]
    host_network: bool
    host_pid: bool
    host_ipc: bool
    host_users: bool
    host_paths: tuple[str, ...]
    sysctls: tuple[str, ...]
    # Volumes that hold a token for the API server, as they are mounted and not as they are asked
    tokens: tuple[str, ...]
    containers: tuple[Container, ...]

    @property
    def over(self) -> bool:
        """Whether it has ended: a Job's pod stays there for its log."""
        return self.phase in OVER

    @property
    def serves(self) -> bool:
        """Whether it is ready, and nobody has told it to go."""
        return self.ready and not self.deleting and not self.over

    @property
    def key(self) -> tuple[str, str, str]:
        """Namespace, kind and name of whose it is."""
        return self.namespace, *self.owner


Pods = Annotated[tuple[Pod, ...], VOLATILE]


def read_pods(
    pods: Iterable[Mapping[str, Any]],
    replica_sets: Iterable[Mapping[str, Any]],
    jobs: Iterable[Mapping[str, Any]],
) -> tuple[Pod, ...]:
    """Every pod; what made it is looked up, as a ReplicaSet's Deployment."""
    above = {
        (kind, str(about["namespace"]), str(about["name"])): controller(one)
        for kind, things in (("ReplicaSet", replica_sets), ("Job", jobs))
        for one in things
        if (about := metadata(one))
    }
    return tuple(_pod(one, above) for one in pods)


def _pod(pod: Mapping[str, Any], above: Mapping[tuple[str, str, str], tuple[str, str]]) -> Pod:
    about, spec = metadata(pod), mapping(pod.get("spec"), "spec")
    status = mapping(pod.get("status"), "status")
    namespace = str(about.get("namespace", ""))
    kind, name = controller(pod)
    owner = above.get((kind, namespace, name), ("", ""))
    conditions = listed(status.get("conditions"), "conditions")
    security = mapping(spec.get("securityContext"), "securityContext")
    volumes = listed(spec.get("volumes"), "volumes")
    return Pod(
        namespace=namespace,
        name=str(about["name"]),
        owner=owner if owner[0] else (kind, name),
        node=str(spec.get("nodeName", "")),
        phase=str(status.get("phase", "")),
        ready=any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions),
        deleting="deletionTimestamp" in about,
        labels=texts(about.get("labels"), "labels"),
        host_network=bool(spec.get("hostNetwork")),
        host_pid=bool(spec.get("hostPID")),
        host_ipc=bool(spec.get("hostIPC")),
        host_users=spec.get("hostUsers") is not False,
        host_paths=tuple(
            str(mapping(one["hostPath"], "hostPath").get("path", ""))
            for one in volumes
            if one.get("hostPath")
        ),
        sysctls=tuple(str(one.get("name")) for one in listed(security.get("sysctls"), "sysctls")),
        tokens=tuple(str(one.get("name")) for one in volumes if _holds_token(one)),
        containers=read_containers(spec, status),
    )


def _holds_token(volume: Mapping[str, Any]) -> bool:
    """Whether it is a token for the API server; one for another audience opens nothing there."""
    sources = listed(mapping(volume.get("projected"), "projected").get("sources"), "sources")
    tokens = [one["serviceAccountToken"] for one in sources if one.get("serviceAccountToken")]
    return any(not mapping(one, "serviceAccountToken").get("audience") for one in tokens)
