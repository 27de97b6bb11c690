"""Who may do more than look, from what RBAC grants."""

from typing import Any

import pytest
from clusterlists import binding, lists, role, rule

from readiness.systems.kubernetes.reading.powers import RBAC, is_own, read_grants
from readiness.systems.kubernetes.reading.rights import beyond_looking

WHO = "User:somebody"


def powers(*rules: dict[str, Any], namespace: str = "") -> set[str]:
    """What somebody holds by a role of these rules, bound there."""
    found = read_grants([role("some", *rules)], [binding("some", WHO, namespace)])
    return {one.power for one in found.held}


def test_a_real_cluster_grants_nothing_but_to_itself() -> None:
    """All that Kubernetes makes by itself; beside it the lab's API server, as kubelets know it."""
    given = lists()
    found = read_grants(given["roles"], given["bindings"])
    assert {one.subject for one in found.held} == {"User:kube1.lab.test"}
    assert found.own > 40


@pytest.mark.parametrize(
    ("given", "power"),
    [
        (rule("*", "*", "*"), "everything"),
        (rule("get", "secrets"), "secrets"),
        (rule("watch", "*"), "secrets"),
        (rule("get", "pods/exec"), "exec"),
        (rule("create", "pods/attach"), "exec"),
        (rule("patch", "pods/ephemeralcontainers"), "exec"),
        (rule("impersonate", "users"), "impersonate"),
        (rule("escalate", "clusterroles", RBAC), "escalate"),
        (rule("bind", "*", RBAC), "bind"),
        (rule("create", "pods"), "pods-in-system"),
        (rule("patch", "daemonsets", "apps"), "pods-in-system"),
        (rule("create", "serviceaccounts/token"), "tokens"),
        (rule("get", "nodes/proxy"), "nodes-proxy"),
        (rule("create", "*/proxy"), "nodes-proxy"),
        (
            rule("update", "certificatesigningrequests/approval", "certificates.k8s.io"),
            "approve-certificates",
        ),
        (
            rule("create", "mutatingwebhookconfigurations", "admissionregistration.k8s.io"),
            "webhooks",
        ),
    ],
)
def test_each_power(given: dict[str, Any], power: str) -> None:
    """By one rule that has it."""
    assert power in powers(given)


@pytest.mark.parametrize(
    "given",
    [
        rule("get list watch", "pods services nodes"),
        rule("get", "secrets", names="own"),
        rule("create", "secrets"),
        rule("get list", "secrets", "vault.example.edu"),
        rule("create", "selfsubjectaccessreviews", "authorization.k8s.io"),
    ],
)
def test_what_is_none(given: dict[str, Any]) -> None:
    """Looking, one's own secret by its name, and another group's resource of that name."""
    assert powers(given) == set()


def test_pods_of_an_own_namespace_are_everybodys() -> None:
    """Whoever deploys makes pods; in kube-system they run beside the system's own."""
    assert powers(rule("create", "pods"), namespace="portal") == set()
    assert powers(rule("create", "pods"), namespace="kube-system") == {"pods-in-system"}


def test_all_secrets_of_one_namespace_are_told_with_it() -> None:
    """And by which way."""
    found = read_grants(
        [role("some", rule("list", "secrets"))], [binding("some", "Group:devs", "portal")]
    )
    said = "Group:devs may secrets in portal by RoleBinding bound to ClusterRole some"
    assert [str(one) for one in found.held] == [said]


def test_an_aggregated_role_has_the_rules_of_others() -> None:
    """The way says so, since nobody finds the rule where the role was written."""
    view = role("view", rule("get", "secrets"), aggregationRule={"clusterRoleSelectors": []})
    found = read_grants([view], [binding("view", WHO)])
    assert str(found.held[0]).endswith("to ClusterRole view (aggregated)")


def test_a_role_that_is_not_there_grants_nothing() -> None:
    """As the API server has it."""
    assert read_grants([], [binding("gone", WHO)]).held == ()


def test_a_role_of_another_namespace_is_another_role() -> None:
    """Of the same name."""
    there = role("some", rule("get", "secrets"), namespace="other")
    assert read_grants([there], [binding("some", WHO, "portal", "Role")]).held == ()


@pytest.mark.parametrize(
    ("name", "subject", "own"),
    [
        ("cluster-admin", "Group:system:masters", True),
        ("cluster-admin", "User:system:helpdesk", False),
        ("cluster-admin", "Group:system:authenticated", False),
        ("system:kube-scheduler", "User:system:kube-scheduler", True),
        ("system:controller:job-controller", "ServiceAccount:kube-system/job-controller", True),
        ("system:controller:job-controller", "ServiceAccount:portal/job-controller", False),
        ("admin", "User:admin", False),
    ],
)
def test_only_kubernetes_own_accounts_are_left_out(name: str, subject: str, *, own: bool) -> None:
    """A name that begins with `system:` is none of them by that."""
    assert is_own(name, subject) is own


def test_both_names_of_a_service_account_are_one() -> None:
    """As the user that it is to the API server."""
    by_user = binding("some", "User:system:serviceaccount:portal:default")
    found = read_grants([role("some", rule("get", "secrets"))], [by_user])
    assert found.held[0].subject == "ServiceAccount:portal/default"


@pytest.mark.parametrize(
    ("given", "harmless"),
    [
        (rule("get list watch", "pods"), True),
        (rule("create", "selfsubjectreviews", "authentication.k8s.io"), True),
        (rule("get", "*", "metrics.k8s.io"), True),
        (rule("", "secrets"), True),
        (rule("get", "secrets"), False),
        (rule("get", "*"), False),
        (rule("get", "pods/exec"), False),
        (rule("get", "*/proxy"), False),
        (rule("patch", "nodes"), False),
        (rule("*", "pods"), False),
    ],
)
def test_what_our_own_account_may_do(given: dict[str, Any], *, harmless: bool) -> None:
    """To look is all; a GET of some resources is more than that."""
    assert (beyond_looking([given]) == []) is harmless
