"""`readiness waive` and the gate as people call them: real keys, real files, a real gate."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from engine import OBJECTIVES, Engine, Site
from signing import Signing, make_key
from test_attest_command import (
    Command,
    command,  # noqa: F401 - a fixture
    spoil_encoding,
    spoil_end,
    spoil_json,
    spoil_link,
    spoil_pipe,
    spoil_signature,
    spoil_size,
    spoil_spelling,
)
from waiving import Waiving

from readiness.evidence.record import now


@pytest.fixture
def site(tmp_path: Path) -> Waiving:
    """A site where a certificate is red and nobody accepted that yet."""
    return Waiving(tmp_path / "site").begin()


def two_scopes(path: Path) -> None:
    """A second scope in the first."""
    path.write_text(path.read_text().replace('portal/edge1/v4",\n "seen', 'edge1, edge2",\n "seen'))


def two_targets(path: Path) -> None:
    """A check and a clause at once."""
    text = path.read_text()
    path.write_text(text.replace('"about": "TLS-003"', '"about": "TLS-003 sec.tls/chain"'))


def nothing_seen(path: Path) -> None:
    """It accepts nothing that anybody saw."""
    said = json.loads(path.read_text()) | {"seen": []}
    path.write_text(json.dumps(said, sort_keys=True, indent=1, ensure_ascii=False) + "\n")


def no_reason(path: Path) -> None:
    """Nobody says why."""
    said = json.loads(path.read_text()) | {"reason": ""}
    path.write_text(json.dumps(said, sort_keys=True, indent=1, ensure_ascii=False) + "\n")


GARBAGE: dict[Callable[[Path], None], str] = {
    spoil_json: ":1:1: is no waiver; expected",
    spoil_end: "until: is no waiver; expected Input should be less than or equal to 2199",
    spoil_spelling: ":1:1: is not spelled as it was written",
    spoil_encoding: "is not UTF-8",
    spoil_size: "is too big; expected at most 262144 bytes",
    spoil_link: "is no regular file",
    spoil_pipe: "is no regular file",
    spoil_signature: "expected as `ssh-keygen -Y sign -n waiver@readiness` writes it",
    two_scopes: "scope: is no waiver",
    two_targets: "about: is no waiver",
    nothing_seen: "seen: is no waiver",
    no_reason: "reason: is no waiver",
}


@pytest.mark.parametrize("spoil", GARBAGE, ids=lambda one: one.__name__)
def test_garbage_in_the_folder(
    command: Command,  # noqa: F811 - the fixture
    site: Waiving,
    spoil: Callable[[Path], None],
) -> None:
    """A gate that would read it says so in one line, with exit 64, before it touches anything."""
    path = site.waive()
    spoil(path)
    env, policy = site.folder / "site.yaml", site.folder / "policy.yaml"
    code, _, line = command("plan", "--env", env, "--policy", policy)
    assert (code, len(line.splitlines())) == (64, 1), line
    assert str(path) in line
    assert GARBAGE[spoil] in line


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"never": ["sec.tls/nothing"]}, "waivers.never[0]: unknown clause"),
        ({"never": ["sec.tls/chain"] * 2}, "each clause once"),
        ({"longest": "5"}, "a duration such as"),
        ({"allways": []}, "unknown key"),
    ],
)
def test_a_policy_that_is_wrong(
    command: Command,  # noqa: F811 - the fixture
    site: Waiving,
    rules: Any,
    said: str,
) -> None:
    """The policy's part is read strictly."""
    site.allowing(**rules)
    env, policy = site.folder / "site.yaml", site.folder / "policy.yaml"
    code, _, line = command("plan", "--env", env, "--policy", policy)
    assert (code, said in line) == (64, True), line


def test_waivers_need_signers(command: Command, site: Waiving) -> None:  # noqa: F811
    """A policy without signers can't have waivers."""
    file = site.folder / "policy.yaml"
    policy = json.loads(file.read_text())
    del policy["attestations"]
    file.write_text(json.dumps(policy))
    code, _, line = command("plan", "--env", site.folder / "site.yaml", "--policy", file)
    assert (code, "`attestations` beside it" in line) == (64, True), line


def of_gate(site: Site, signing: Signing) -> None:
    """The gate's own site, with people who may waive."""
    policy = {
        "schema": 1,
        "name": "small",
        "owner": "tests",
        "required": [OBJECTIVES, "sec.tls/hsts"],
        "blocking_severities": [],
        "waivers": {"folder": "file:waivers"},
        "attestations": {
            "folder": "file:attestations",
            "signers": [
                {"name": "dean", "key": signing.keys["dean"], "may_sign": ["waiver"]},
                {"name": "ciso", "key": signing.keys["ciso"], "may_approve": ["waiver"]},
            ],
        },
    }
    site.policy.write_text(json.dumps(policy))


def test_a_real_gate(engine: Engine, served: Site, tmp_path: Path) -> None:
    """Red, waived, approved: a GO, and exit 3 for whoever is strict; the bundle is judged again."""
    signing = Signing(tmp_path)
    for folder in ("waivers", "attestations"):
        (served.folder / folder).mkdir()
    for name in ("dean", "ciso"):
        signing.keys[name] = make_key(tmp_path, name)
    of_gate(served, signing)
    said = served.environment.read_text()
    contradiction = said.replace("database_recovery_time: 60 s", "database_recovery_time: 2 h")
    served.environment.write_text(contradiction)
    before = engine.gate(served)
    assert before.code == 1, before.text
    day = (now() + timedelta(days=5)).date()
    made = engine.cli(
        served, "waive", served.runs()[-1], "--policy", served.policy, "--env",
        served.environment, "--about", OBJECTIVES, "--scope", "*", "--until", day,
        "--because", "The hospital next door has our second power line until March.",
        "--key", f"file:{tmp_path / 'dean'}",
    )  # fmt: skip
    assert made.code == 0, made.text
    path = made.text.rpartition("WAIVER=")[2].strip()
    signed = engine.gate(served)
    assert (signed.code, "is approved by nobody" in " ".join(signed.text.split())) == (1, True)
    approved = engine.cli(
        served, "waive", "--policy", served.policy, "--approve", path,
        "--key", f"file:{tmp_path / 'ciso'}",
    )  # fmt: skip
    assert approved.code == 0, approved.text
    after = engine.gate(served)
    assert after.code == 0, after.text
    assert "without waivers: NO-GO" in after.text
    strict = engine.cli(served, "judge", served.runs()[-1], "--strict-waivers")
    assert strict.code == 3, strict.text
    assert "VERDICT=GO EXIT=3" in strict.text
    strict = engine.gate(served, "--strict-waivers")
    assert (strict.code, "VERDICT=GO EXIT=3" in strict.text) == (3, True)
