"""What our pods run, what they leave, what is claimed of it, and mistakes in the matrix."""

import json
import runpy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from readiness.drills import pods
from readiness.drills.policy_trial import Attempt, Tried, answered, script
from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import NotUnderstood
from readiness.site.documents import load_environment
from readiness.systems.kubernetes.traffic import Traffic

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "suites/kubernetes/test_policies.py"))
SITE = load_environment(Path(__file__).parents[2] / "environments/cluster.yaml")
CAMPUS = SITE.clusters[0]
MATRIX: dict[str, Any] = {
    "kubeconfig": "file:trial",
    "image": "tools:1",
    "sources": ({"name": "clerk", "namespace": "clients", "reaches": ("portal",)},),
    "targets": (
        {"name": "portal", "namespace": "portal", "labels": {"app": "portal"}, "port": 8080},
        {"name": "other", "namespace": "portal", "own": True, "port": 8080},
    ),
}


def test_a_matrix_that_says_all() -> None:
    """One source that reaches a target, and one of our own that nobody reaches."""
    assert Traffic(**MATRIX).settle == 10.0


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("sources", (), "at least 1"),
        ("targets", (MATRIX["targets"][0],), "one of the sources must not reach"),
        ("connect", ("nc", "{host}"), "a word with {port}"),
        ("listen", ("nc", "-l"), "a word with {port}"),
        ("lookup", ("nslookup",), "a word with {name}"),
        ("user", 0, "greater than or equal to 1"),
    ],
)
def test_a_matrix_that_shows_nothing(part: str, value: object, said: str) -> None:
    """It is refused, and it is said what is missing."""
    with pytest.raises(ValidationError, match=said.replace("{", r"\{")):
        Traffic(**{**MATRIX, part: value})


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"namespace": "portal", "port": 1}, "labels of the pods"),
        ({"address": "192.0.2.1"}, "a port, but for a name"),
        ({"resolves": "a.example.edu", "port": 53}, "a port, but for a name"),
        ({"address": "192.0.2.1", "resolves": "a.example.edu"}, "one of namespace, address"),
        ({"address": "192.0.2.1", "port": 1, "own": True}, "a namespace beside `own`"),
        ({"address": "192.0.2.1", "port": 1, "labels": {"a": "b"}}, "beside a namespace only"),
        ({"address": "192.0.2.1", "port": 1}, "a target that one of the sources reaches"),
    ],
)
def test_a_target_of_no_kind(target: dict[str, Any], said: str) -> None:
    """Each target is of one kind, and somebody shows that it answers."""
    targets = (*MATRIX["targets"], {"name": "more", **target})
    with pytest.raises(ValidationError, match="expected") as raised:
        Traffic(**{**MATRIX, "targets": targets})
    assert said in str(raised.value)


def test_a_shell_runs_what_our_pods_run(tmp_path: Path) -> None:
    """Two controls and three commands: each leaves its answer, the refused one after its tries."""
    traffic = Traffic(
        **{
            **MATRIX,
            "settle": "0 s",
            "connect": ("test", "{port}", "-gt", "5", "-a", "-n", "{host}"),
            "listen": ("sleep", "{port}"),
        }
    )
    words = tmp_path / "words"
    text = script(traffic, [("true",), ("false",), ("no-such-program-here", "a b")])
    text = text.replace("/dev/termination-log", str(words)).replace("sleep 18097", "true")
    subprocess.run(["/bin/sh", "-c", text], check=True, timeout=30)
    found = answered(words.read_text(), 5, "our pod")
    assert found == [True, False, True, False, False]


@pytest.mark.parametrize(
    "words",
    ["", "0 1", "0 1\n0 1", "0 1\n1 2", "0 1\n2 0", "0 1\n1 0\n2 0", "<html>", "0 1\n1 0 ", "NaN"],
)
def test_other_last_words_are_not_understood(words: str) -> None:
    """Half of them, one twice, and anything else says nothing."""
    with pytest.raises(NotUnderstood):
        answered(words, 2, "our pod on kube1")


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What the check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def tried(*passed: tuple[bool, bool]) -> Found[Tried]:
    """Attempts, each by whether it was wanted and whether it passed."""
    attempts = tuple(
        Attempt("clerk", "kube1", f"target-{number}", "192.0.2.1", *one)
        for number, one in enumerate(passed)
    )
    return Found(Tried(("kube1",), attempts), "campus", 0)


def judge(found: Found[Tried]) -> None:
    """Run the check over it."""
    declared = SimpleNamespace(nodes=("kube1",), least_nodes=None)
    SUITE["test_policies_are_enforced"](SimpleNamespace(declared=declared), lambda _: found)


def test_what_was_declared_is_green(reasons: list[str]) -> None:
    """What must pass does, and what must not is refused."""
    judge(tried((True, True), (False, False)))
    assert len(reasons) == 6


def test_a_leak_is_red(reasons: list[str]) -> None:
    """It says from where to where."""
    with pytest.raises(AssertionError):
        judge(tried((True, True), (False, True)))
    assert reasons[-1].endswith("to be none, found clerk on kube1 to target-1")


def test_what_is_refused_and_declared_is_red(reasons: list[str]) -> None:
    """Nobody could use it."""
    with pytest.raises(AssertionError):
        judge(tried((True, False), (False, False)))
    assert reasons[-1].endswith("are refused to be none, found clerk on kube1 to target-0")


def test_a_node_that_was_not_tried_is_not_green(reasons: list[str]) -> None:
    """Of a declared node nothing is known without an attempt from it."""
    elsewhere = Found(
        Tried(("kube2",), tried((True, True), (False, False)).reading.attempts), "c", 0
    )
    with pytest.raises(AssertionError):
        judge(elsewhere)
    assert "nodes that it was tried from to include kube1, found kube2" in reasons[-1]


def test_nothing_tried_is_not_green(reasons: list[str]) -> None:
    """Without an attempt of each kind nothing is known."""
    with pytest.raises(AssertionError):
        judge(tried((True, True)))
    assert "attempts that must be refused" in reasons[-1]


def test_our_pods_may_do_nothing() -> None:
    """They keep every rule that other pods are judged by, and no scheduler keeps them away."""
    recipe = pods.Recipe("portal", {"app": "x"}, "kube1", "tools:1", 65532, ("sh",), answers_at=80)
    made = pods._manifest("readiness-a-1", recipe, "a")
    spec = made["spec"]
    (container,) = spec["containers"]
    assert made["metadata"]["labels"] == {"app": "x", pods.LABEL: "a"}
    assert spec["nodeName"] == "kube1"
    assert spec["restartPolicy"] == "Never"
    assert spec["automountServiceAccountToken"] is False
    assert 0 < spec["activeDeadlineSeconds"] <= 600
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"].keys() == {"cpu", "memory"}
    json.dumps(made)


class Cluster:
    """An API that lists pods, and forgets those that are removed."""

    name = "campus"

    def __init__(self, *names: str) -> None:
        self.there = dict.fromkeys(names, "a") | {"somebodys": "b"}
        self.asked: list[str] = []

    def list(self, _: str) -> list[Any]:
        """All pods of the namespace."""
        return [
            {"metadata": {"name": name, "uid": name, "labels": {pods.LABEL: mark}}}
            for name, mark in self.there.items()
        ]

    def delete(self, path: str, options: dict[str, Any]) -> None:
        """Only the one that was seen."""
        name = path.rpartition("/")[2]
        assert options["preconditions"]["uid"] == name
        self.asked.append(path)
        del self.there[name]


def test_only_pods_of_the_trial_are_removed() -> None:
    """Twice does no harm, and the pods of others stay."""
    cluster: Any = Cluster("one", "two")
    for _ in range(2):
        assert pods.remove(cluster, "portal", "a") == "no pod of a in portal"
    assert cluster.there == {"somebodys": "b"}
    assert len(cluster.asked) == 2
