"""A central log in the environment file: what is wrong is refused in one line."""

import re
from pathlib import Path

import pytest
from wrong_files import ENVIRONMENTS

from readiness.model.errors import NotRun, UsageError
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.site.needs import missing
from readiness.systems.logs.declared import nodes, ports, sources

LOGGED = (ENVIRONMENTS / "logged.yaml").read_text()


def loaded(folder: Path, text: str) -> Environment:
    """The environment that a text describes."""
    (folder / "site.yaml").write_text(text)
    return load_environment(folder / "site.yaml")


def test_each_node_and_address_is_a_subject(tmp_path: Path) -> None:
    """One node at two addresses, and three machines that ship."""
    site = loaded(tmp_path, LOGGED)
    assert [one.id for one in nodes(site)] == ["central/log1"]
    assert [one.id for one in ports(site)] == [
        "central/log1 at 198.18.46.10",
        "central/log1 at 2001:2:0:46::10",
    ]
    assert [one.id for one in sources(site)] == [
        "central of log1",
        "central of web1",
        "central of web2",
    ]


def test_a_machine_that_ships_nowhere_is_a_question(tmp_path: Path) -> None:
    """It is a subject, nothing can be asked about it, and the plan says which key is missing."""
    site = loaded(tmp_path, LOGGED.replace("ships: [log1, web1, web2]", "ships: [log1, web1]"))
    bare = sources(site)[-1]
    assert bare.id == "no central log of web2"
    gap = missing(site, ("central log", "log lines"), bare)
    assert gap is not None
    assert gap.declare == "`ships` of a central log, with web2"
    with pytest.raises(NotRun, match="no central log of web2"):
        assert bare.logs


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "    silent: 15 min",
            "    silent: 15 min\n    began: {web9: 2026-11-20}",
            "logs[0].began.web9: wrong value; expected one of `ships`",
        ),
        (
            "    silent: 15 min",
            "    silent: 15 min\n    began: {web2: some day}",
            "logs[0].began.web2: wrong value; expected",
        ),
        ("kind: opensearch", "kind: splunk", "logs[0].kind: wrong value; expected 'opensearch'"),
        ("members: [log1]", "members: [log9]", "logs[0].members[0]: wrong value; expected a dec"),
        ("members: [log1]", "members: []", "logs[0].members: wrong value; expected at least 1"),
        ("ships: [log1, web1, web2]", "ships: [web1, web1]", "expected each machine once"),
        ("ships: [log1, web1, web2]", "ships: [web7]", "logs[0].ships[0]: wrong value; expected"),
        ("authority: hall", "authority: hell", "logs[0].authority: wrong value; expected a decl"),
        ("indices: logs-*", "indices: ../x", "logs[0].indices: wrong value; expected a pattern"),
        ("indices: logs-*", "indices: '*?q=x'", "logs[0].indices: wrong value; expected a pattern"),
        ("level: severity", "level: 'a b'", "logs[0].fields.level: wrong value; expected the na"),
        ("user: shipper", "user: observer", "expected another user than the one that reads"),
        ("least: 10 d", "least: 20 d", "retention.most: wrong value; expected at least as long"),
        ("least: 10 d", "least: 1 h", "retention.least: wrong value; expected at least 1 d"),
        ("lines: 500", "lines: 10", "logs[0].drill.lines: wrong value; expected at least 20"),
        ("lines: 500", "lines: 20000", "logs[0].drill.lines: wrong value; expected at most 10000"),
        (
            "canary-student@example.test",
            "short",
            "logs[0].never[0]: wrong value; expected 8 to 200 characters",
        ),
        ("    silent: 15 min\n", "", "logs[0].silent: is missing"),
        ("    searchable:", "    serchable:", "unknown key, did you mean 'searchable'?"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With the line, the key, what was expected and what was found."""
    assert old in LOGGED
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, LOGGED.replace(old, new, 1))
    told = "\n".join(caught.value.lines)
    assert said in told, told
    assert re.match(rf"{re.escape(str(tmp_path))}/site\.yaml:\d+:\d+: logs", told)


def test_a_drill_writes_no_more_than_one_search_finds(tmp_path: Path) -> None:
    """Copies count, too."""
    text = LOGGED.replace("    silent:", "    copies: 3\n    silent:").replace(
        "lines: 500", "lines: 4000"
    )
    with pytest.raises(UsageError, match=r"logs\[0\]\.drill\.lines: .*expected at most 3333"):
        loaded(tmp_path, text)
