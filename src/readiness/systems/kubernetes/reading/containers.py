"""The containers of a pod as they run: the pod's settings and their own resolved, with what began.

Fields are those of the API (kubernetes.io, Pod v1 core). Values of environment variables are never
read: they may hold secrets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from readiness.systems.kubernetes.reading.parts import listed, mapping
from readiness.systems.marks import VOLATILE

RESOURCES: Final = ("cpu", "memory")
_LISTS: Final = (
    ("initContainers", "initContainerStatuses", "init"),
    ("containers", "containerStatuses", "container"),
    ("ephemeralContainers", "ephemeralContainerStatuses", "ephemeral"),
)


@dataclass(frozen=True)
class Container:
    """One container of a pod; None is what nobody set."""

    name: str
    kind: str  # container, init, sidecar or ephemeral
    image: str  # as it was asked for
    digest: Annotated[str, VOLATILE]  # of what was started; empty: nothing was
    running: Annotated[bool, VOLATILE]
    ended: Annotated[bool, VOLATILE]
    requests: tuple[str, ...]
    limits: tuple[str, ...]
    privileged: bool
    escalates: bool
    adds: tuple[str, ...]
    drops: tuple[str, ...]
    user: int | None
    refuses_root: bool | None
    ran_as: Annotated[int | None, VOLATILE]  # what the runtime says; None: it does not say
    read_only: bool
    seccomp: str
    proc_mount: str
    host_ports: tuple[int, ...]
    readiness: bool
    liveness: bool

    @property
    def over(self) -> bool:
        """Whether it was there to look at something, and is gone."""
        return self.kind == "ephemeral" and self.ended

    @property
    def is_root(self) -> bool | None:
        """Whether it runs as root; None where nothing that is known tells.

        The kubelet does not start an image's root where the pod refuses it, so that what was
        started shows it.
        """
        if self.ran_as is not None:
            return self.ran_as == 0
        if self.user is not None:
            return self.user == 0
        return False if self.refuses_root and (self.running or self.ended) else None


def familiar(image: str) -> str:
    """The name of an image without its digest, as people write it (distribution/reference)."""
    name = image.partition("@")[0]
    for begins in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(begins)
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def read_containers(spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[Container, ...]:
    """Every container of a pod: those that prepare, those that serve, those that look into it."""
    security = mapping(spec.get("securityContext"), "securityContext")
    whole = mapping(spec.get("resources"), "resources")
    found = []
    for key, statuses, kind in _LISTS:
        said = {str(one.get("name")): one for one in listed(status.get(statuses), statuses)}
        for one in listed(spec.get(key), key):
            sidecar = kind == "init" and one.get("restartPolicy") == "Always"
            told = said.get(str(one.get("name")), {})
            found.append(_container(one, "sidecar" if sidecar else kind, security, whole, told))
    return tuple(found)


def _container(
    given: Mapping[str, Any],
    kind: str,
    pod: Mapping[str, Any],
    whole: Mapping[str, Any],
    told: Mapping[str, Any],
) -> Container:
    own = mapping(given.get("securityContext"), "securityContext")
    capabilities = mapping(own.get("capabilities"), "capabilities")
    state = mapping(told.get("state"), "state")
    seccomp = own.get("seccompProfile") or pod.get("seccompProfile")
    privileged = bool(own.get("privileged"))
    return Container(
        name=str(given.get("name", "")),
        kind=kind,
        image=str(given.get("image", "")),
        digest=str(told.get("imageID", "")),
        running="running" in state,
        ended="terminated" in state,
        requests=_set(given, whole, "requests"),
        limits=_set(given, whole, "limits"),
        privileged=privileged,
        escalates=own.get("allowPrivilegeEscalation") is not False,
        adds=_names(capabilities.get("add")),
        drops=_names(capabilities.get("drop")),
        user=_number(own.get("runAsUser", pod.get("runAsUser"))),
        refuses_root=own.get("runAsNonRoot", pod.get("runAsNonRoot")),
        ran_as=_ran_as(told),
        read_only=bool(own.get("readOnlyRootFilesystem")),
        seccomp=str(mapping(seccomp, "seccompProfile").get("type", "")),
        proc_mount=str(own.get("procMount") or "Default"),
        host_ports=_host_ports(given),
        readiness="readinessProbe" in given,
        liveness="livenessProbe" in given,
    )


def _set(given: Mapping[str, Any], whole: Mapping[str, Any], part: str) -> tuple[str, ...]:
    """The resources that a container has a request or a limit of, its own or its pod's.

    0 is none: the kernel then has no limit (cpu), or nothing is kept free.
    """
    own = mapping(mapping(given.get("resources"), "resources").get(part), part)
    both = {**mapping(whole.get(part), part), **own}
    # A request that is not said is as much as the limit (API reference, ResourceRequirements).
    if part == "requests":
        both = {**mapping(mapping(given.get("resources"), "resources").get("limits"), part), **both}
    return tuple(one for one in RESOURCES if str(both.get(one, "0")) not in ("0", ""))


def _names(value: Any) -> tuple[str, ...]:
    """Capabilities in one spelling: runtimes take them with and without the prefix."""
    return tuple(sorted(str(one).upper().removeprefix("CAP_") for one in value or ()))


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _ran_as(told: Mapping[str, Any]) -> int | None:
    user = mapping(told.get("user"), "user")
    return _number(mapping(user.get("linux"), "linux").get("uid"))


def _host_ports(given: Mapping[str, Any]) -> tuple[int, ...]:
    ports = listed(given.get("ports"), "ports")
    return tuple(port for one in ports if (port := _number(one.get("hostPort"))))
