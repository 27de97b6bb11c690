"""Bad inputs that only the order of things makes bad: each is one clear line and exit 64."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from engine import ENVIRONMENT as MINI
from stories import ENVIRONMENT, POLICY, Story

from readiness.commands.cli import main
from readiness.evidence.record import RecordWriter, read_record
from readiness.evidence.redact import Redactor
from readiness.site.policy import Policy

DRILL = "test.failover/database-in-time"
Command = Callable[..., tuple[int, str]]
Written = Callable[..., Path]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Calls `readiness ARGV…`: its exit code, and the only line that it complains with."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    for name in ("root.pem", "a student.pem"):
        (tmp_path / name).write_text("nothing of the site chains to it\n")

    def call(*argv: object) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["readiness", *map(str, argv)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        lines = said.err.splitlines()
        assert len(lines) <= 1, said.err
        code = ended.value.code
        assert isinstance(code, int)
        return code, "".join(lines)

    return call


@pytest.fixture
def ran(tmp_path: Path) -> Written:
    """Writes a run of an environment with a number into a folder of its own."""

    def write(
        number: int = 1, policy: dict[str, object] | None = None, **described: object
    ) -> Path:
        environment = ENVIRONMENT | described
        folder = tmp_path / f"{environment['name']}-{number}"
        folder.mkdir()
        chosen = Policy.model_validate_json(json.dumps(POLICY | (policy or {})))
        Story(folder, environment=environment, number=number, policy=chosen).write()
        return folder

    return write


def accepting(tmp_path: Path) -> Path:
    """A policy that lets one clause be shown on staging."""
    path = tmp_path / "policy.yaml"
    path.write_text(json.dumps(POLICY | {"evidence_from": {DRILL: ["staging"]}}))
    return path


def test_a_run_of_a_system_that_is_no_source(
    command: Command, ran: Written, tmp_path: Path
) -> None:
    """What the policy names as no source is refused, and the runs at odds are named."""
    here, there = ran(name="production"), ran(name="sandbox")
    code, line = command("judge", here, there, "--policy", accepting(tmp_path))
    assert code == 64
    assert line == (
        f"readiness: {here}/record.jsonl, {there}/record.jsonl: RUN: these runs are not about one "
        "environment; expected one environment, and runs of others that the policy names in "
        "evidence_from, found production, sandbox"
    )


def test_a_run_of_another_release(command: Command, ran: Written, tmp_path: Path) -> None:
    """What was seen of another release says nothing about this one."""
    here, there = ran(name="production"), ran(name="staging", release="2026.1")
    code, line = command("judge", here, there, "--policy", accepting(tmp_path))
    assert code == 64
    assert line == (
        f"readiness: {there}/record.jsonl: release: is of another release; expected '2026.2', "
        "found '2026.1'"
    )


def test_runs_under_two_policies(command: Command, ran: Written) -> None:
    """The order in which runs are given never chooses the policy that they are judged under."""
    lax, strict = ran(1, {"required": [DRILL]}), ran(2)
    for first, second in ((lax, strict), (strict, lax)):
        code, line = command("judge", first, second)
        assert code == 64
        assert line == (
            f"readiness: {second}: --policy: was made under another policy than {first}; expected "
            "the policy to judge them under, found none"
        )


def test_a_recorded_policy_that_asks_for_an_unknown_clause(command: Command, ran: Written) -> None:
    """A clause that this version does not know is never left out of what a GO needs."""
    run = ran(1, {"required": ["sec.tls/chain", "sec.tls/from-the-future"]})
    code, line = command("judge", run)
    assert code == 64
    assert line.startswith(f"readiness: {run}/record.jsonl:1:1: required[1]: unknown clause")
    assert line.endswith("found 'sec.tls/from-the-future'")


@pytest.mark.parametrize("key", ["waivings", "attested"])
def test_a_policy_with_a_key_of_another_version(
    command: Command, ran: Written, tmp_path: Path, key: str
) -> None:
    """What may be waived in a later version, or is misspelt, is refused here, not ignored."""
    path = tmp_path / "policy.yaml"
    path.write_text(json.dumps(POLICY, indent=1)[:-2] + f',\n "{key}": []\n}}\n')
    line_number = path.read_text().splitlines().index(f' "{key}": []') + 1
    code, line = command("judge", ran(), "--policy", path)
    assert code == 64
    assert line.startswith(f"readiness: {path}:{line_number}:2: {key}: unknown key")


def test_a_bundle_with_a_foreign_key(command: Command, ran: Written, tmp_path: Path) -> None:
    """Signed by one key, checked with another: no evidence for whoever trusts that one."""
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    private, foreign = tmp_path / "our.key", tmp_path / "foreign.pub"
    private.touch(mode=0o600)
    private.write_bytes(keys[0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    foreign.write_bytes(
        keys[1].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    bundle = tmp_path / "bundle"
    assert command("export", ran(), "--out", bundle, "--key", f"file:{private}") == (0, "")
    code, line = command("verify", bundle, "--trust", foreign)
    assert code == 64
    assert line.startswith(
        f"readiness: {bundle}/statement.dsse.json: was not signed by the key that you trust; "
        "expected key "
    )
    assert ", found " in line


def test_a_baseline_of_another_environment(command: Command, ran: Written, tmp_path: Path) -> None:
    """Two systems are never compared."""
    file = tmp_path / "environment.yaml"
    file.write_text(MINI)
    code, line = command("drift", "--env", file, "--baseline", ran())
    assert code == 64
    assert line == (
        f"readiness: {tmp_path}/campus-1/record.jsonl: environment: is of another environment; "
        "expected mini, found campus"
    )


OPENING: dict[str, object] = {"schema": 1, "release": "", "earlier": []}


@pytest.mark.parametrize("words", ["judge", "report", "accept", "export", "drift"])
@pytest.mark.parametrize(
    "opening",
    [
        {},
        {"run": "x", "number": "../../x", "environment": ENVIRONMENT},
        {"run": "../x", "number": 1, "environment": ENVIRONMENT},
        {"run": "x", "number": 1, "environment": {"name": "campus", "schema": 1}},
        {"run": "x", "number": 1, "environment": None},
    ],
    ids=["empty", "number", "run", "environment", "no environment"],
)
def test_a_record_that_is_whole_and_none(
    command: Command, tmp_path: Path, words: str, opening: dict[str, object]
) -> None:
    """Its chain holds and what it says is no run: one line that names it, whatever is asked."""
    run, key = tmp_path / "run", tmp_path / "key"
    run.mkdir()
    with RecordWriter(run / "record.jsonl", Redactor()) as writer:
        writer.write("run-opened", **(OPENING | opening))
    file = tmp_path / "environment.yaml"
    file.write_text(MINI.replace("name: mini", "name: campus"))
    more = {
        "accept": ("--by", "J", "--because", "x"),
        "export": ("--out", tmp_path / "bundle", "--key", f"file:{key}"),
    }
    argv = ("--env", file, "--baseline", run) if words == "drift" else (run, *more.get(words, ()))
    code, line = command(words, *argv)
    assert code == 64, line
    assert str(run) in line
    assert not (tmp_path / "bundle").exists()


def test_reports_where_none_can_be_kept(command: Command, tmp_path: Path) -> None:
    """A file in the place of a folder is one line, and takes no number."""
    file = tmp_path / "environment.yaml"
    file.write_text(MINI)
    code, line = command("gate", "--env", file, "--reports", file)
    assert (code, line) == (
        64,
        f"readiness: {file}: --reports: can't hold runs (File exists); expected a folder",
    )
    assert not list((tmp_path / "state").rglob("runs.jsonl"))
    run = tmp_path / "run"
    run.mkdir()
    Story(run).write()
    code, line = command("judge", run, "--out", file)
    assert (code, line.startswith(f"readiness: {file}: --out: can't hold reports")) == (64, True)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("kind: rehearsal", "kind: rehearsal\nrelease: Xk9fQ2vZp0LrT7aBcD3eF5gH", "release"),
        ("name: box", "name: i-x7k2q9v4z8m1p5w3r6t0y2b4", "machines[0].name"),
    ],
)
def test_a_name_that_the_record_would_hide(
    command: Command, tmp_path: Path, old: str, new: str, key: str
) -> None:
    """Two releases that are both hidden would be taken for the same."""
    file = tmp_path / "environment.yaml"
    file.write_text(MINI.replace(old, new))
    code, line = command("gate", "--env", file, "--reports", tmp_path / "reports")
    assert code == 64
    assert line == (
        f"readiness: {file}: {key}: would be hidden in the record, as it looks like a secret or "
        "like personal data; expected another name"
    )
    assert not list((tmp_path / "state").rglob("runs.jsonl"))


def test_a_key_called_like_a_person_is_recorded(command: Command, tmp_path: Path) -> None:
    """An authority called `student` is one; the run is recorded whole and can be judged again."""
    file, reports = tmp_path / "environment.yaml", tmp_path / "reports"
    named = MINI.replace("{own:", '{student: "file:a student.pem", own:').replace("box", "student")
    more = MINI.partition("machines:\n")[2].partition("objectives")[0].replace("box", "db2")
    file.write_text(named.replace("objectives:", more.replace("127.0.0.1", "::1") + "objectives:"))
    argv = ("--env", file, "--reports", reports, "--only", "OBJ-001")
    assert command("gate", *argv) == (2, "")
    recorded = read_record(reports / "latest").opening["environment"]
    assert recorded["authorities"]["student"] == "file:a student.pem"
    assert [one["name"] for one in recorded["machines"]] == ["student", "db2"]
    assert command("judge", reports / "latest") == (2, "")


def test_nothing_to_recover_on_a_machine_that_never_ran(command: Command, tmp_path: Path) -> None:
    """No state folder is nothing to undo."""
    shutil.rmtree(tmp_path / "state", ignore_errors=True)
    assert command("recover") == (0, "")


@pytest.fixture
def with_key(tmp_path: Path) -> Path:
    """A site with SSH, whose keys and known hosts are in order."""
    file = tmp_path / "environment.yaml"
    ssh = (
        "ssh:\n  known_hosts: file:known_hosts\n  observe: {user: a, key: file:observer}\n"
        "  disrupt: {user: b, key: file:driller}\n"
    )
    file.write_text(MINI.replace("machines:", ssh + "machines:", 1))
    for name in ("known_hosts", "observer", "driller"):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text("something")
    return file


def gate(command: Command, file: Path, *more: object) -> tuple[int, str]:
    """A gate that has just the objectives to look at."""
    reports = file.parent / "reports"
    return command("gate", "--env", file, "--reports", reports, "--only", "OBJ-001", *more)


def line_of(file: Path, text: str) -> int:
    """The line that has the text."""
    return next(n for n, one in enumerate(file.read_text().splitlines(), 1) if text in one)


@pytest.mark.parametrize("name", ["observer", "driller"])
def test_c6_a_key_that_others_may_read_is_not_used(
    command: Command, with_key: Path, name: str
) -> None:
    """What doctor tells of is refused by the gate, whoever would use the key."""
    assert gate(command, with_key)[0] == 2
    (with_key.parent / name).chmod(0o644)
    log = next((with_key.parent / "state").rglob("runs.jsonl"))
    before = log.read_bytes()
    code, line = gate(command, with_key)
    assert code == 64
    assert line.startswith(f"readiness: {with_key}:{line_of(with_key, name)}:")
    assert f"{name} is a secret that others may use (mode 0644); chmod 600 " in line
    assert log.read_bytes() == before


def test_c6_a_file_that_no_run_of_this_reach_uses_may_be_missing(
    command: Command, with_key: Path
) -> None:
    """Whoever only observes needs no key that breaks things; whoever breaks things does."""
    (with_key.parent / "driller").unlink()
    assert gate(command, with_key)[0] == 2
    with_key.write_text(with_key.read_text() + "permissions: {tiers: [disrupt]}\n")
    assert gate(command, with_key)[0] == 2
    code, line = gate(command, with_key, "--tier", "disrupt")
    assert (code, line.endswith("driller does not exist")) == (64, True)


def test_c6_a_file_that_is_not_there_is_refused(command: Command, with_key: Path) -> None:
    """Nothing is asked of anybody while something is missing that it takes."""
    (with_key.parent / "known_hosts").unlink()
    code, line = gate(command, with_key)
    assert (code, "ssh.known_hosts: " in line) == (64, True)


@pytest.mark.parametrize(
    ("written", "words", "key", "expected"),
    [
        ("", ("--tier", "disrupt"), "permissions.tiers", "expected disrupt, found observe"),
        ("{tiers: [observe, load]}", ("--tier", "touch"), "permissions.tiers", "observe, load"),
        ("{tiers: []}", ("--tier", "load"), "permissions.tiers", "expected load, found none"),
        ("{tiers: [disrupt]}", ("--scan",), "permissions.scan", "expected true, found false"),
        ("", ("--tier", "Disrupt"), "--tier", "expected observe, touch, load, disrupt"),
    ],
)
def test_c8_what_the_file_does_not_allow_is_refused(
    command: Command, tmp_path: Path, written: str, words: tuple[str, ...], key: str, expected: str
) -> None:
    """Also where the selection would have left nothing that disturbs: its record would say it."""
    file = tmp_path / "environment.yaml"
    file.write_text(MINI + (f"permissions: {written}\n" if written else ""))
    code, line = gate(command, file, *words)
    assert code == 64, line
    assert f"{key}: " in line
    assert expected in line
    if written:
        assert line.startswith(f"readiness: {file}:{line_of(file, 'permissions')}:")
    assert not list((tmp_path / "state").rglob("runs.jsonl"))


def test_c8_what_the_file_allows_runs(command: Command, tmp_path: Path) -> None:
    """A tier that is allowed is not refused because one below it isn't."""
    file = tmp_path / "environment.yaml"
    file.write_text(MINI + "permissions: {tiers: [disrupt], scan: true}\n")
    assert gate(command, file, "--tier", "disrupt", "--scan")[0] == 2
    assert gate(command, file)[0] == 2
