"""Tests that the example pair for a real site loads and never overwrites anything."""

import re
from pathlib import Path

import pytest

from readiness.catalogue.clauses import load_clauses
from readiness.evidence.record import now
from readiness.model.errors import UsageError
from readiness.site.documents import load_environment, load_policy, validate_policy
from readiness.site.examples import write_examples

_COMMENTED_KEY = re.compile(r"^( *)# ( *(?:- )?[a-z_]+:(?: .*)?)$", re.MULTILINE)


def test_examples_load(tmp_path: Path) -> None:
    """What a new site starts from is valid, only observes, and names clauses that exist."""
    environment_file, policy_file = write_examples(tmp_path / "new")
    environment, policy = load_environment(environment_file), load_policy(policy_file)
    clauses = {clause.id for one in load_clauses() for clause in one.clauses}
    validate_policy(policy, clauses, at=now())
    assert list(environment.permissions.tiers) == ["observe"]


def test_commented_parts_are_valid_too(tmp_path: Path) -> None:
    """Whoever takes a comment sign away gets what the comment promised."""
    environment_file, _ = write_examples(tmp_path)
    text = environment_file.read_text(encoding="utf-8")
    environment_file.write_text(_COMMENTED_KEY.sub(r"\1\2", text), encoding="utf-8")
    environment = load_environment(environment_file)
    assert environment.ssh is not None
    assert environment.ssh.disrupt is not None
    assert environment.databases[0].failover is not None
    assert environment.backups[0].restore is not None
    assert environment.not_applicable[0].clause == "sec.tls/hsts"


@pytest.mark.parametrize("name", ["environment.yaml", "policy.yaml"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    """Where one of the two is there already, neither is written."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match="already there"):
        write_examples(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    """A file where a folder should be gets one line."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be"):
        write_examples(tmp_path / "file" / "below")
