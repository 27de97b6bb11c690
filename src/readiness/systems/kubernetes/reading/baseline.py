"""The hardening baseline of containers, as rows: each rule, where it is from, and what breaks it.

Pod Security Standards of Kubernetes 1.34, profile Restricted (kubernetes.io/docs/concepts/security/
pod-security-standards), and of the CIS Kubernetes Benchmark 1.11 what that leaves open.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from readiness.systems.kubernetes.reading.containers import Container
from readiness.systems.kubernetes.reading.pods import Pod

# What is as good as privileged: each of these leads out of the container (capabilities(7)).
LEADS_OUT: Final = frozenset(
    {"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "DAC_READ_SEARCH", "BPF"}
)
_MAY_ADD: Final = frozenset({"NET_BIND_SERVICE"})
_SECCOMP: Final = ("RuntimeDefault", "Localhost")
# Those that the kernel keeps apart for each pod (Pod Security Standards, Baseline).
_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    }
)  # fmt: skip
PSS: Final = "PSS 1.34"
CIS: Final = "CIS 1.11"
OfPod = Callable[[Pod], str]
OfContainer = Callable[[Container], str]


@dataclass(frozen=True)
class Row:
    """One rule: where it is from, and what is found where a pod or a container breaks it."""

    rule: str
    source: str
    pod: OfPod | None = None
    container: OfContainer | None = None


def _privileged(one: Container) -> str:
    if one.privileged:
        return "privileged"
    return ", ".join(sorted(LEADS_OUT & set(one.adds)))


def _capabilities(one: Container) -> str:
    more = sorted(set(one.adds) - _MAY_ADD)
    if more:
        return f"adds {', '.join(more)}"
    return "" if "ALL" in one.drops else "does not drop ALL"


def _namespaces(pod: Pod) -> str:
    shared = {"network": pod.host_network, "processes": pod.host_pid, "IPC": pod.host_ipc}
    return ", ".join(f"the host's {name}" for name, is_so in shared.items() if is_so)


def _latest(one: Container) -> str:
    """A name without a tag means `latest` (distribution/reference)."""
    if "@" in one.image:
        return ""
    tag = one.image.rpartition("/")[2].partition(":")[2] or "latest"
    return one.image if tag == "latest" else ""


PRIVILEGED: Final = Row("privileged", PSS, container=_privileged)
ROWS: Final = (
    Row("capabilities", PSS, container=_capabilities),
    Row(
        "escalation",
        PSS,
        container=lambda one: "may gain more rights than it began with" if one.escalates else "",
    ),
    Row("host-namespaces", PSS, pod=_namespaces),
    Row("host-path", PSS, pod=lambda pod: ", ".join(pod.host_paths)),
    Row("host-port", PSS, container=lambda one: ", ".join(map(str, one.host_ports))),
    Row(
        "seccomp",
        PSS,
        container=lambda one: "" if one.seccomp in _SECCOMP else one.seccomp or "no profile",
    ),
    Row(
        "proc-mount",
        PSS,
        container=lambda one: "" if one.proc_mount == "Default" else one.proc_mount,
    ),
    Row("sysctls", PSS, pod=lambda pod: ", ".join(sorted(set(pod.sysctls) - _SYSCTLS))),
    Row(
        "writable-root",
        f"{CIS}, 5.7.3",
        container=lambda one: "" if one.read_only or one.kind == "ephemeral" else "writable root",
    ),
    Row("token", f"{CIS}, 5.1.6", pod=lambda pod: ", ".join(pod.tokens)),
    Row("latest", f"{CIS}, 5.5.1", container=_latest),
    Row(
        "debug-container",
        "kubernetes.io, Ephemeral Containers",
        container=lambda one: "still there" if one.kind == "ephemeral" else "",
    ),
)


def broken(rows: Iterable[Row], pods: Iterable[Pod], excepted: Iterable[str] = ()) -> list[str]:
    """What breaks a rule, each with its pod and container; rules that are excepted are left out."""
    left = [row for row in rows if row.rule not in set(excepted)]
    return [
        f"{row.rule}: {place} ({said})"
        for pod in pods
        for row in left
        for place, said in _found(row, pod)
    ]


def there(pod: Pod) -> Iterator[Container]:
    """Its containers but those that looked into it and are gone."""
    return (one for one in pod.containers if not one.over)


def _found(row: Row, pod: Pod) -> Iterator[tuple[str, str]]:
    if row.pod and (said := row.pod(pod)):
        yield pod.name, said
    for one in there(pod) if row.container else ():
        if row.container and (said := row.container(one)):
            yield f"{pod.name}/{one.name}", said


def as_root(pods: Iterable[Pod]) -> tuple[list[str], list[str]]:
    """The containers that run as root, and those of which nothing tells.

    Root of a pod that has users of its own (`hostUsers: false`) is nobody on its node, as Pod
    Security Standards have it.
    """
    root: list[str] = []
    unknown: list[str] = []
    for pod in pods:
        for one in there(pod) if pod.host_users else ():
            if one.is_root is not False:
                (root if one.is_root else unknown).append(f"{pod.name}/{one.name}")
    return root, unknown


def unlimited(pods: Iterable[Pod], limits: Iterable[str]) -> list[str]:
    """The containers without a request of processor and memory, or without one of the limits."""
    wanted = set(limits)
    found = []
    for pod in pods:
        for one in there(pod):
            lacks = [
                f"a request of {name}" for name in ("cpu", "memory") if name not in one.requests
            ]
            lacks += [f"a limit of {name}" for name in sorted(wanted - set(one.limits))]
            if lacks:
                found.append(f"{pod.name}/{one.name} ({', '.join(lacks)})")
    return found
