"""Tracing in the environment file: what is wrong is refused in one line."""

from pathlib import Path

import pytest
from wrong_files import ENVIRONMENTS

from readiness.model.errors import UsageError
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.systems.traces.declared import edges, logs, paths, stores

TRACED = (ENVIRONMENTS / "traced.yaml").read_text()


def loaded(folder: Path, text: str) -> Environment:
    """The environment that a text describes."""
    (folder / "site.yaml").write_text(text)
    return load_environment(folder / "site.yaml")


def test_each_way_of_a_request_is_a_subject(tmp_path: Path) -> None:
    """Two edges with two servers each, and the log of each of the four."""
    site = loaded(tmp_path, TRACED)
    assert [one.id for one in paths(site)] == [
        f"portal through {edge} to {server}"
        for edge in ("edge1", "edge2")
        for server in ("app1", "app2")
    ]
    assert [one.id for one in edges(site)] == ["portal from edge1", "portal from edge2"]
    assert [one.id for one in stores(site)] == ["portal/trace1"]
    assert [one.id for one in logs(site)] == [
        "portal log of edge on edge1",
        "portal log of edge on edge2",
        "portal log of portal on app1",
        "portal log of portal on app2",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    stores:", "    kind: zipkin\n    stores:", "tracing[0].kind: wrong value; expected"),
        ("machine: trace1", "machine: trace9", "tracing[0].stores[0].machine: wrong value"),
        ("listener: portal", "listener: other", "tracing[0].listener: wrong value; expected a dec"),
        (
            "machines: [edge1, edge2]\n        kind: server",
            "machines: [edge1]\n        kind: server",
            "tracing[0].hops[0].machines: wrong value; expected the machines of the listener",
        ),
        ("served_by: X-Served-By", "spans: true", "expected `served_by` in exactly one step"),
        ("machines: [app1, app2]", "machines: [app1, app1]", "expected each machine once"),
        ("{unit: campus}", "{unit: campus, file: /var/log/x}", "expected either file or unit"),
        ("/var/log/traefik/access.log", "/var/log/*.log", "expected the absolute path of a file"),
        ("/var/log/traefik/access.log", "/var/log/../x", "expected the absolute path of a file"),
        ("attribute: db.system", "attribute: 'db system'", "hops[2].attribute: wrong value"),
        ("X-Student: canary", "traceparent: canary", "expected another header than those"),
        ("share: 0.5", "share: 1.5", "sampling.share: wrong value; expected at most 1"),
        ("share: 0.5", "share: 0.01", "sampling.requests: wrong value; expected at least 917"),
        ("requests: 60", "requests: 2000", "sampling.requests: wrong value; expected at most 800"),
        ("canary-student@example.test\n      - Canary", "short\n      - Canary", "never[0]: wrong"),
        ("    deadline: 10 s\n", "", "tracing[0].deadline: is missing"),
        ("    deadline:", "    dedline:", "unknown key, did you mean 'deadline'?"),
        ("      path: /record", "      path: record", "tracing[0].canary.path: wrong value"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With the line, the key, what was expected and what was found."""
    assert old in TRACED
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, TRACED.replace(old, new, 1))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_last_step_has_a_span(tmp_path: Path) -> None:
    """A trace that may end anywhere proves nothing of the database."""
    text = TRACED.replace("        attribute: db.system", "        spans: false")
    with pytest.raises(UsageError, match="a span of the step with `served_by`, and of the last"):
        loaded(tmp_path, text)
