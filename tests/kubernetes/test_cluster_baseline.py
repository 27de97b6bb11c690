"""The baseline of containers: what breaks each rule, and what does not."""

from typing import Any

import pytest
from clusterlists import lists, pod

from readiness.systems.kubernetes.reading.baseline import (
    PRIVILEGED,
    ROWS,
    as_root,
    broken,
    unlimited,
)
from readiness.systems.kubernetes.reading.pods import Pod, read_pods


def read(given: dict[str, Any]) -> Pod:
    """One pod."""
    return read_pods([given], lists()["replicasets"], [])[0]


def with_container(**changed: Any) -> dict[str, Any]:
    """The pod with its one container's security changed; None takes a key away."""
    given = pod()
    own = given["spec"]["containers"][0]["securityContext"] | changed
    given["spec"]["containers"][0]["securityContext"] = {
        key: value for key, value in own.items() if value is not None
    }
    return given


def beside(kind: str, **more: Any) -> dict[str, Any]:
    """The pod with another container beside its own: a list of the spec, and what it has."""
    given = pod()
    given["spec"][kind] = [{"name": "beside", "image": "lab.test/portal:1", **more}]
    return given


def test_a_workload_that_keeps_everything_breaks_nothing() -> None:
    """As it really runs."""
    good = read(pod())
    assert broken((PRIVILEGED, *ROWS), [good]) == []
    assert as_root([good]) == ([], [])
    assert unlimited([good], ("cpu", "memory")) == []


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (with_container(capabilities={"add": ["NET_ADMIN"], "drop": ["ALL"]}), "capabilities"),
        (with_container(capabilities=None), "capabilities"),
        (with_container(allowPrivilegeEscalation=None), "escalation"),
        (with_container(readOnlyRootFilesystem=None), "writable-root"),
        (with_container(seccompProfile={"type": "Unconfined"}), "seccomp"),
        (with_container(procMount="Unmasked"), "proc-mount"),
        (pod(hostNetwork=True), "host-namespaces"),
        (pod(hostPID=True), "host-namespaces"),
        (pod(volumes=[{"name": "node", "hostPath": {"path": "/"}}]), "host-path"),
        (pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}), "sysctls"),
        (beside("ephemeralContainers"), "debug-container"),
        (beside("initContainers", ports=[{"hostPort": 80}]), "host-port"),
        (beside("initContainers", image="portal"), "latest"),
        (beside("initContainers", image="registry:5000/portal"), "latest"),
        (beside("initContainers", image="portal:latest"), "latest"),
    ],
)
def test_each_rule(given: dict[str, Any], rule: str) -> None:
    """Broken by a container or by its pod, and found nowhere once it is excepted."""
    assert any(one.startswith(f"{rule}: ") for one in broken(ROWS, [read(given)]))
    assert not any(one.startswith(f"{rule}: ") for one in broken(ROWS, [read(given)], [rule]))


@pytest.mark.parametrize("kind", ["initContainers", "ephemeralContainers"])
def test_who_prepares_or_looks_in_counts(kind: str) -> None:
    """Privileged is privileged, for how short a time it may be."""
    given = beside(kind, securityContext={"privileged": True})
    assert len(broken((PRIVILEGED,), [read(given)])) == 1
    assert len(unlimited([read(given)], ("memory",))) == 1


def test_who_looked_in_and_is_gone_does_not() -> None:
    """Nothing removes it from the pod but the pod's end."""
    given = beside("ephemeralContainers", securityContext={"privileged": True})
    ended = {"name": "beside", "state": {"terminated": {"exitCode": 0}}}
    given["status"]["ephemeralContainerStatuses"] = [ended]
    assert broken((PRIVILEGED, *ROWS), [read(given)]) == []


@pytest.mark.parametrize("name", ["SYS_ADMIN", "CAP_SYS_ADMIN", "ALL", "cap_sys_ptrace"])
def test_a_capability_that_leads_out_is_as_good_as_privileged(name: str) -> None:
    """Written as runtimes take it."""
    given = with_container(capabilities={"add": [name], "drop": ["ALL"]})
    assert len(broken((PRIVILEGED,), [read(given)])) == 1


@pytest.mark.parametrize(
    "given",
    [
        with_container(capabilities={"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}),
        with_container(seccompProfile={"type": "Localhost", "localhostProfile": "own.json"}),
        beside(
            "initContainers",
            image="portal@sha256:00",
            securityContext=with_container()["spec"]["containers"][0]["securityContext"],
        ),
    ],
)
def test_what_is_legitimate(given: dict[str, Any]) -> None:
    """A low port, a profile of one's own, an image by its digest."""
    assert broken((PRIVILEGED, *ROWS), [read(given)]) == []


def test_root_and_who_it_is_that_nothing_tells() -> None:
    """Root is found, the unknown is not called root; users of a pod's own are nobody's root."""
    root, unknown = as_root([read(pod(securityContext={"runAsUser": 0}))])
    assert (len(root), unknown) == (1, [])
    root, unknown = as_root([read(pod(securityContext={}))])
    assert (root, len(unknown)) == ([], 1)
    own = pod(securityContext={"runAsUser": 0}, hostUsers=False)
    assert as_root([read(own)]) == ([], [])
