"""Tests that references to missing or too open files are named without stopping at the first."""

from pathlib import Path

import pytest
from wrong_files import LAB

from readiness.site.documents import check_references, load_environment
from readiness.site.environment import Environment
from readiness.site.references import references


@pytest.fixture
def site(tmp_path: Path) -> Environment:
    """The lab's environment with every referenced file in place, secrets at 0600."""
    (tmp_path / "site.yaml").write_text(LAB.replace("file:/var/lib/readiness-lab/", "file:"))
    environment = load_environment(tmp_path / "site.yaml")
    for reference in references(environment):
        path = environment.path(reference.text)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("something")
        path.chmod(0o600 if reference.secret else 0o644)
    return environment


def test_every_reference_is_found(site: Environment) -> None:
    """Optional parts, lists and free mappings included; only passwords and keys are secrets."""
    found = {reference.key: reference.secret for reference in references(site)}
    assert len(found) == LAB.count(" file:/var/lib/readiness-lab/") + LAB.count(" file:../")
    assert found["authorities.public"] is False
    assert found["ssh.disrupt.key"] is True
    assert found["listeners[4].client_certificate.key"] is True
    assert found["databases[0].logins.touch.password"] is True


def test_good_references_have_no_problems(site: Environment) -> None:
    """Nothing is said about what is in order."""
    assert check_references(site) == []


def test_each_problem_is_one_line(site: Environment, tmp_path: Path) -> None:
    """Missing, empty, a folder and too open are told apart, all in one call."""
    secrets = tmp_path / "secrets"
    (secrets / "identity.json").unlink()
    (secrets / "known_hosts").write_text("")
    (secrets / "ca/lab-ca.pem").unlink()
    (secrets / "ca/lab-ca.pem").mkdir()
    (secrets / "pg/observe.password").chmod(0o640)
    (secrets / "ssh/driller").chmod(0o604)
    problems = check_references(site)
    assert [problem.split(": ")[0] for problem in problems] == [
        "identity",
        "ssh.known_hosts",
        "ssh.disrupt.key",
        "authorities.internal",
        "databases[0].logins.observe.password",
        "audit.trail.reader.password",
    ]
    words = ("does not exist", "is empty", "mode 0604", "is not a file", "chmod 600", "chmod 600")
    assert all(word in problem for word, problem in zip(words, problems, strict=True))
    assert "something" not in "".join(problems)


def test_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is told, never a value."""
    path = "file:/var/lib/readiness-lab/secrets/pg/touch.password"
    (tmp_path / "site.yaml").write_text(LAB.replace(path, "env:READINESS_TEST_TOUCH"))
    environment = load_environment(tmp_path / "site.yaml")
    line = "databases[0].logins.touch.password: the variable READINESS_TEST_TOUCH is not set"
    assert line in check_references(environment)
    monkeypatch.setenv("READINESS_TEST_TOUCH", "hunter2")
    assert line not in check_references(environment)
