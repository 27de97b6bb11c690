"""Wrong access to a real site: one line each and the run goes on; a wrong system stops it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.lab]

Gate = Callable[..., subprocess.CompletedProcess[str]]


def outcomes(folder: Path, check: str) -> dict[str, dict[str, Any]]:
    """The newest verdict's cases of a check, by subject."""
    document = json.loads((folder / "reports/latest/verdict.json").read_text())
    return {one["subject"]: one for one in document["cases"] if one["check"] == check}


def altered(file: Path, old: str, new: str) -> Path:
    """The environment file with one change."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return file


def test_guess_is_said_and_the_run_goes_on(
    readiness: Gate, environment_file: Path, tmp_path: Path
) -> None:
    """PostgreSQL refuses us: its cases are inconclusive and name member and user, others pass."""
    wrong = tmp_path / "wrong.password"
    wrong.write_text("not-the-password")
    wrong.chmod(0o600)
    home = environment_file.read_text().partition("known_hosts: file:")[2].partition("/secrets/")[0]
    altered(environment_file, f"file:{home}/secrets/pg/observe.password", f"file:{wrong}")
    done = readiness(
        "gate", "--env", str(environment_file), "--only", "PG-010", "--only", "OBJ-002"
    )
    assert done.returncode == 2
    for case in outcomes(tmp_path, "PG-010").values():
        assert case["outcome"] == "inconclusive"
        assert "readiness_observe" in case["reason"]
        assert "not-the-password" not in done.stdout + done.stderr + json.dumps(case)
    assert [one["outcome"] for one in outcomes(tmp_path, "OBJ-002").values()] == ["passed"]


def test_unreachable_machine_is_said_and_the_run_goes_on(
    readiness: Gate, environment_file: Path, tmp_path: Path
) -> None:
    """A machine that is not there is inconclusive by name; the others are still judged."""
    altered(environment_file, "[198.18.2.12,", "[198.18.2.99,")
    readiness("gate", "--env", str(environment_file), "--only", "HOST-001")
    found = outcomes(tmp_path, "HOST-001")
    assert found["app2"]["outcome"] == "inconclusive"
    assert "198.18.2.99" in found["app2"]["reason"]
    assert found["app1"]["outcome"] == "passed"


def test_unaccepted_key_is_said_and_the_run_goes_on(
    readiness: Gate, environment_file: Path, tmp_path: Path
) -> None:
    """A key that no machine accepts makes the host cases inconclusive, naming machine and user."""
    key = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    home = environment_file.read_text().partition("known_hosts: file:")[2].partition("/secrets/")[0]
    altered(environment_file, f"file:{home}/secrets/ssh/observer", f"file:{key}")
    readiness("gate", "--env", str(environment_file), "--only", "HOST-002", "--only", "OBJ-002")
    for case in outcomes(tmp_path, "HOST-002").values():
        assert case["outcome"] == "inconclusive"
        assert "observer" in case["reason"]
    assert [one["outcome"] for one in outcomes(tmp_path, "OBJ-002").values()] == ["passed"]


def test_another_system_behind_the_address_stops_the_run(
    readiness: Gate, environment_file: Path, tmp_path: Path
) -> None:
    """A system identifier other than the pinned one: exit 2, no case is started."""
    text = environment_file.read_text()
    identity = Path(text.partition("identity: file:")[2].partition("\n")[0])
    pins = json.loads(identity.read_text())
    pins["postgresql"]["paws360-db"] = "7000000000000000001"
    other = tmp_path / "identity.json"
    other.write_text(json.dumps(pins))
    altered(environment_file, f"file:{identity}", f"file:{other}")
    done = readiness("gate", "--env", str(environment_file), "--only", "HOST-001")
    assert done.returncode == 2
    assert "7000000000000000001" in done.stdout
    assert {one["outcome"] for one in outcomes(tmp_path, "HOST-001").values()} == {"not-run"}
