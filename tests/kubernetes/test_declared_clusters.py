"""What people write about clusters, and how mistakes in it are refused: line, key, expected."""

from pathlib import Path

import pytest

from readiness.model.errors import UsageError
from readiness.site.documents import load_environment
from readiness.site.kinds import subjects

COMMITTED = Path(__file__).parents[2] / "environments/cluster.yaml"
TEXT = COMMITTED.read_text()


def refused(folder: Path, old: str, new: str) -> str:
    """How the committed file with one mistake is refused."""
    assert old in TEXT
    path = folder / "environment.yaml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(UsageError) as raised:
        load_environment(path)
    assert raised.value.line
    return raised.value.lines[0].partition("environment.yaml")[2]


def test_subjects_are_named_by_what_they_are() -> None:
    """Cluster, namespace, kind and name."""
    site = load_environment(COMMITTED)
    assert list(subjects(site, "kubernetes_cluster")) == ["campus"]
    assert list(subjects(site, "workload")) == [
        "campus/portal/deployment/portal",
        "campus/portal/deployment/importer",
        "campus/agents/daemonset/agent",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    nodes: [kube1, kube2, kube3]\n", "", "expected either nodes by name or least_nodes"),
        ("[kube1, kube2, kube3]", "[kube1, kube1]", "nodes[1]: wrong value; expected each node"),
        ("namespaces: [portal, agents]", "namespaces: [portal]", "one of the judged `namespaces`"),
        ("namespaces: [portal, agents]", "namespaces: []", "expected at least 1 entry"),
        ("replicas: 3", "replicas: 0", "expected at least 1, found 0"),
        ("replicas: 3", "replicas: three", "expected a whole number, found 'three'"),
        ("replicas: 3", "replicas: 3\n        single: so", "no `single` beside several replicas"),
        ("kind: DaemonSet", "kind: DaemonSet\n        replicas: 2", "a DaemonSet without it"),
        ("kind: DaemonSet", "kind: Pod", "found 'Pod'"),
        (
            "          root: It",
            "          roots: It",
            "roots: wrong key; expected 'privil",
        ),
        ("subject: User:", "subject: user:", "grants[0].subject"),
        ("may: [nodes-proxy, exec]", "may: [all]", "found 'all'"),
        ("until: 2027-12-31", "until: soon", "support.until"),
        ("values: [room-kube1, room-kube2, room-kube3]", "values: [one]", "expected at least 2"),
        ("kubeconfig: file:", "kubeconfig: env:", "expected a reference"),
        ("name: importer", "name: portal", "expected each workload once"),
        ("clusters:\n  - name: campus", "clusters:\n  - name: Campus", "clusters[0].name"),
    ],
)
def test_mistakes(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each is one line that says where, what was expected and what was found."""
    assert said in refused(tmp_path, old, new)
