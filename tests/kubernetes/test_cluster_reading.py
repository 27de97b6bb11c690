"""Nodes, pods, budgets and services, read from what a real cluster answered."""

from datetime import date
from typing import Any

import pytest
from clusterlists import lists, pod

from readiness.model.errors import NotUnderstood
from readiness.systems.kubernetes.reading.containers import familiar
from readiness.systems.kubernetes.reading.nodes import read_nodes
from readiness.systems.kubernetes.reading.parts import moment, selects
from readiness.systems.kubernetes.reading.pods import Pod, read_pods
from readiness.systems.kubernetes.reading.versions import ends, minor, read_identity
from readiness.systems.kubernetes.reading.workloads import (
    read_budgets,
    read_controllers,
    read_services,
)


def read(given: dict[str, Any]) -> Pod:
    """One pod, with the recorded ReplicaSets behind it."""
    return read_pods([given], lists()["replicasets"], [])[0]


def test_three_nodes_are_ready_and_their_leases_young() -> None:
    """By the server's clock; the same lists ten minutes later are ten minutes old."""
    given = lists()
    renewed = max(moment(one["spec"]["renewTime"]) or 0.0 for one in given["leases"])
    now = read_nodes(given["nodes"], given["leases"], renewed + 1)
    assert [one.name for one in now.nodes] == ["kube1", "kube2", "kube3"]
    assert all(one.is_ready and not one.pressures for one in now.nodes)
    assert all(one.lease_age is not None and one.lease_age < 40 for one in now.nodes)
    later = read_nodes(given["nodes"], given["leases"], renewed + 600)
    assert all(one.lease_age is not None and one.lease_age >= 600 for one in later.nodes)


def test_a_node_without_a_lease_has_no_age() -> None:
    """Nothing observed makes no claim true."""
    found = read_nodes(lists()["nodes"], [], 0.0)
    assert {one.lease_age for one in found.nodes} == {None}


def test_what_is_not_said_to_be_without_pressure_has_it() -> None:
    """Unknown is what a node has that is not heard of any more."""
    given = lists()["nodes"][:1]
    for one in given[0]["status"]["conditions"]:
        one["status"] = "Unknown"
    node = read_nodes(given, [], 0.0).nodes[0]
    assert (node.ready, "DiskPressure" in node.pressures) == ("Unknown", True)


def test_pods_are_their_deployments() -> None:
    """Not their ReplicaSets', which change with each release."""
    given = lists()
    found = read_pods(given["pods"], given["replicasets"], [])
    owners = {one.owner for one in found if not one.over}
    assert {("Deployment", "portal"), ("Deployment", "importer")} <= owners


def test_settings_of_the_pod_hold_for_containers_that_have_none() -> None:
    """And a container's own stand above them."""
    given = pod()
    container = read(given).containers[0]
    assert (container.user, container.refuses_root, container.seccomp) == (
        10001, True, "RuntimeDefault",
    )  # fmt: skip
    given["spec"]["containers"][0]["securityContext"] = {"runAsUser": 0}
    assert read(given).containers[0].user == 0


def test_who_it_runs_as_is_what_the_runtime_says() -> None:
    """Before anything that was set."""
    given = pod()
    given["status"]["containerStatuses"][0]["user"] = {"linux": {"uid": 0}}
    assert read(given).containers[0].is_root is True


def test_nothing_tells_as_whom_an_image_runs() -> None:
    """Neither true nor false."""
    given = pod(securityContext={})
    assert read(given).containers[0].is_root is None


def test_a_refusal_of_root_counts_once_the_container_was_started() -> None:
    """The kubelet does not start it otherwise; one that waits has shown nothing."""
    given = pod(securityContext={"runAsNonRoot": True})
    assert read(given).containers[0].is_root is False
    given["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    assert read(given).containers[0].is_root is None


def test_no_value_of_the_environment_is_read() -> None:
    """It may be a secret."""
    given = pod()
    given["spec"]["containers"][0]["env"] = [{"name": "PASSWORD", "value": "hunter2-hunter2"}]
    assert "hunter2" not in str(read(given))


@pytest.mark.parametrize(
    ("resources", "whole", "requests", "limits"),
    [
        ({}, None, (), ()),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, None, ("cpu", "memory"), ("cpu", "memory")),
        ({"limits": {"cpu": "0", "memory": "1Gi"}}, None, ("memory",), ("memory",)),
        ({"requests": {"cpu": "5m"}}, None, ("cpu",), ()),
        ({}, {"limits": {"memory": "1Gi"}, "requests": {"cpu": "1"}}, ("cpu",), ("memory",)),
    ],
)
def test_requests_and_limits(
    resources: Any, whole: Any, requests: tuple[str, ...], limits: tuple[str, ...]
) -> None:
    """Its own or its pod's; 0 is none; a limit is a request where none is said."""
    given = pod(resources=whole)
    given["spec"]["containers"][0]["resources"] = resources
    container = read(given).containers[0]
    assert (container.requests, container.limits) == (requests, limits)


def test_a_token_for_another_audience_is_none_for_the_api() -> None:
    """It opens nothing there."""
    own = {"name": "own", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    other = {"serviceAccountToken": {"path": "token", "audience": "vault"}}
    volumes = [own, {"name": "vault", "projected": {"sources": [other]}}]
    assert read(pod(volumes=volumes)).tokens == ("own",)


def test_controllers_budgets_and_services() -> None:
    """As the healthy cluster has them."""
    given = lists()
    portal = next(
        one for one in read_controllers("Deployment", given["deployments"]) if one.name == "portal"
    )
    assert (portal.wanted, portal.ready, portal.updated) == (3, 3, 3)
    assert portal.observed >= portal.generation
    budget = read_budgets(given["pdb"])[0]
    assert (budget.rule, budget.allowed, budget.fresh) == ("maxUnavailable 1", 1, True)
    service = read_services(given["services"], given["endpointslices"])[0]
    assert len(service.serving) == 3


def test_an_endpoint_that_does_not_say_counts_as_ready() -> None:
    """So proxies take it; one that says no does not."""
    given = lists()
    ends = given["endpointslices"][0]["endpoints"]
    ends[0]["conditions"] = {}
    ends[1]["conditions"] = {"ready": False}
    assert len(read_services(given["services"], given["endpointslices"])[0].serving) == 2


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "portal"}}, True),
        ({"matchLabels": {"app": "portals"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["portal"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["portal"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_selectors(selector: Any, *, fits: bool) -> None:
    """An empty one fits everything, none at all nothing."""
    assert selects(selector, {"app": "portal"}) is fits


def test_an_operator_that_is_not_known_is_not_understood() -> None:
    """It is nobody's finding."""
    selector = {"matchExpressions": [{"key": "app", "operator": "Like"}]}
    with pytest.raises(NotUnderstood, match="Like"):
        selects(selector, {"app": "portal"})


def test_versions() -> None:
    """Of vendors too; one that is older than the table has ended, a newer one is not known."""
    assert minor("v1.34.4-eks-113cf36") == 34
    assert ends("v1.34.4") == date(2026, 10, 27)
    assert ends("v1.24.0") == date.min
    assert ends("v1.99.0") is None
    with pytest.raises(NotUnderstood):
        minor("v2.0")


def test_an_identity_that_is_none_is_not_understood() -> None:
    """A proxy's page is no cluster."""
    with pytest.raises(NotUnderstood):
        read_identity({}, {"metadata": {"name": "kube-system"}}, None)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("nginx", "nginx:latest"),
        ("docker.io/library/nginx:1.25", "nginx:1.25"),
        ("registry.example.edu:5000/portal", "registry.example.edu:5000/portal:latest"),
        ("lab.test/portal:1@sha256:00", "lab.test/portal:1"),
    ],
)
def test_names_of_images(image: str, name: str) -> None:
    """One image has one name, however it was written."""
    assert familiar(image) == name


@pytest.mark.parametrize("noise", [[1], {"items": 1}, "text"])
def test_lists_of_something_else_are_not_understood(noise: Any) -> None:
    """A pod whose containers are none is refused, not passed over."""
    with pytest.raises(NotUnderstood):
        read(pod(containers=noise))
