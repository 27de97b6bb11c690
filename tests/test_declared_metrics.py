"""What a file may say of metrics and alerts, and how what is wrong is refused."""

import re
from pathlib import Path

import pytest
from wrong_files import ENVIRONMENTS

from readiness.model.errors import UsageError
from readiness.site.documents import load_environment
from readiness.systems.prometheus.declared import expected

WATCHED = (ENVIRONMENTS / "watched.yaml").read_text(encoding="utf-8")
NODE = "{job: node, metric: node_time_seconds}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("- {machine: prom1}\n", "- {machine: prom9}\n", "metrics.servers[0].machine: wrong value"),
        ("- {machine: prom2}\n", "- {machine: prom1}\n", "expected each server once"),
        ("{machine: prom1}", "{machine: prom1, port: 0}", "expected at least 1, found 0"),
        ("{machine: prom1}", "{machine: prom1, authority: x}", "expected a declared authority"),
        (
            "{machine: prom1}",
            "{machine: prom1, token: 'env:A', login: {user: a, password: 'env:B'}}",
            "expected a login or a token, not both",
        ),
        ("{machine: prom1}", "{machine: prom1, token: abc}", "expected a reference"),
        (NODE, "{job: node, metric: node-time}", "metrics.jobs[0].metric"),
        (NODE, "{job: node}", "metrics.jobs[0].metric: is missing"),
        (NODE, NODE.replace("}", ", off: [web9]}"), "expected a declared machine"),
        (NODE, NODE.replace("}", ", machines: [web1], off: [web1]}"), "'web1' in `machines`, too"),
        ("retention: 35 d", "retention: 35", "a duration such as '30 s'"),
        ("wrong: http", "wrong: file", "metrics.probes.wrong"),
        ("    expression: min(", "    step: 10 s\n    expression: min(", "at most 11000 steps"),
        ("receivers: [pager]", "receivers: [pagers]", "did you mean 'pager'?"),
        ("receivers: [pager]", "receivers: []", "expected at least 1 entry"),
        ("alert: Watchdog, receiver: deadman", "alert: W, receiver: dead", "a declared receiver"),
        ("expects: [MachineDown]", "expects: [MachineUp]", "expected a declared alert"),
        ("unit: prometheus-node-exporter", "unit: 'a; reboot'", "the name of a systemd unit"),
        ("trials: 1", "trials: 0", "expected at least 1, found 0"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With file, line, key, what was expected and what was found."""
    assert old in WATCHED
    file = tmp_path / "site.yaml"
    file.write_text(WATCHED.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load_environment(file)
    told = "\n".join(caught.value.lines)
    assert said in told, told
    assert re.match(rf"{re.escape(str(file))}:\d+:\d+: (metrics|alerting)", told), told


def test_alerts_need_what_raises_them(tmp_path: Path) -> None:
    """A file with `alerting` alone is refused."""
    file = tmp_path / "site.yaml"
    file.write_text(re.sub(r"(?ms)^metrics:.*?(?=^alerting:)", "", WATCHED))
    with pytest.raises(UsageError, match="metrics"):
        load_environment(file)


def test_every_machine_is_scraped_unless_it_is_said(tmp_path: Path) -> None:
    """Without `machines` a job has all of them, but for those that are off."""
    file = tmp_path / "site.yaml"
    file.write_text(WATCHED.replace(NODE, NODE.replace("}", ", off: [pager]}")))
    site = load_environment(file)
    assert site.metrics is not None
    node, prometheus, _ = site.metrics.jobs
    assert [one.name for one in expected(site, node)] == ["web1", "prom1", "prom2"]
    assert [one.name for one in expected(site, prometheus)] == ["prom1", "prom2"]
