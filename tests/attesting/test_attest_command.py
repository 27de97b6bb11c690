"""`readiness attest` and the gate as people call them: real keys, real files, a real gate."""

import json
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from engine import OBJECTIVES, Engine, Site
from signing import COMPLETE, CURRENT, PROCEDURES, RISK, Signing, clause, make_key

from readiness.attesting.body import SIGNED
from readiness.commands.cli import main
from readiness.evidence.record import now

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Calls `readiness ARGV…`: exit code, what it says, what it complains of."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))

    def call(*argv: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["readiness", *map(str, argv)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out, said.err.strip()

    return call


@pytest.fixture
def site(tmp_path: Path) -> Signing:
    """A site with keys and rules where nobody has signed yet."""
    return Signing(tmp_path / "site").begin()


def arguments(site: Signing, who: str, *more: object) -> list[object]:
    """What every call has."""
    key = f"file:{site.folder / who}"
    return ["attest", "--policy", site.folder / "policy.yaml", "--key", key, *more]


def about(site: Signing, identity: str, *more: object) -> list[object]:
    """What a first signature needs."""
    day = (now() + timedelta(days=30)).date()
    return [
        "--env", site.folder / "site.yaml", "--clause", identity, "--until", day,
        "--seen", site.folder / "report.txt", *more,
    ]  # fmt: skip


def test_signed_and_approved(command: Command, site: Signing) -> None:
    """Two people, two commands; the key stays where it is."""
    code, said, _ = command(*arguments(site, "dean", *about(site, RISK, "--keep")))
    assert code == 0
    path = Path(said.strip().removeprefix("ATTESTATION="))
    (seen,) = json.loads(path.read_text())["seen"]
    assert (path.parent / seen["path"]).read_text() == (site.folder / "report.txt").read_text()
    code, said, _ = command(*arguments(site, "trainer", "--approve", path))
    assert (code, said.strip()) == (0, f"ATTESTATION={path}.approved.sig")
    assert b"PRIVATE" not in b"".join(p.read_bytes() for p in path.parent.rglob("*.*"))


REFUSED = {
    "a clause with a check": (
        "ciso",
        "sec.tls/chain",
        "--clause: no signature can prove it; expected one of",
    ),
    "an unknown clause": ("ciso", "gov.signoff/all-is-well", "--clause: unknown clause"),
    "a computed clause": ("ciso", COMPLETE, "--clause: no signature can prove it"),
    "not allowed": ("ciso", RISK, "attestations.signers.may_sign: ciso may not sign it"),
    "not named": ("stranger", RISK, "--key: is a key that the policy does not name"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_may_sign(command: Command, site: Signing, case: str) -> None:
    """One line, exit 64, and nothing is written."""
    who, identity, said = REFUSED[case]
    code, _, line = command(*arguments(site, who, *about(site, identity)))
    assert code == 64
    assert said in line
    assert len(line.splitlines()) == 1
    assert list(site.attestations.iterdir()) == []


def test_own_approval_is_refused(command: Command, site: Signing) -> None:
    """Nobody approves what he signed, whatever the policy lets him approve."""
    site.trusting(dean={"may_approve": ["risk-acceptance"]})
    path = site.sign(RISK, "dean")
    code, _, line = command(*arguments(site, "dean", "--approve", path))
    assert (code, "is signed by who approves it" in line) == (64, True)


@pytest.mark.parametrize(
    ("day", "said"),
    [("2020-01-01", "ends out of time"), ("2999-01-01", "ends out of time"), ("soon", "is no day")],
)
def test_ends_out_of_time(command: Command, site: Signing, day: str, said: str) -> None:
    """The end lies ahead, and no further than the class allows."""
    given = about(site, RISK)
    given[given.index("--until") + 1] = day
    code, _, line = command(*arguments(site, "dean", *given))
    assert (code, said in line) == (64, True)


def test_a_name_that_the_record_would_hide(command: Command, site: Signing) -> None:
    """What is signed has to stand in the record as it was signed."""
    given = about(site, RISK, "--says", "Told by ana.lopez@example.edu, who has read it.")
    code, _, line = command(*arguments(site, "dean", *given))
    assert code == 64
    assert "says: would be hidden in the record" in line
    assert "lopez" not in line


def spoil_json(path: Path) -> None:
    """Not JSON."""
    path.write_text("{")


def spoil_key(path: Path) -> None:
    """A key that nobody knows."""
    path.write_text(path.read_text().replace('"says"', '"sayz"'))


def spoil_date(path: Path) -> None:
    """A day that there is not."""
    said = json.loads(path.read_text())["until"]
    path.write_text(path.read_text().replace(f'"until": "{said}"', '"until": "2026-02-30"'))


def spoil_end(path: Path) -> None:
    """A day at the end of every calendar."""
    said = json.loads(path.read_text())["until"]
    path.write_text(path.read_text().replace(f'"until": "{said}"', '"until": "9999-12-31"'))


def spoil_seen(path: Path) -> None:
    """More was seen than anybody reads on each run."""
    text = path.read_text()
    size = json.loads(text)["seen"][0]["size"]
    path.write_text(text.replace(f'"size": {size}', f'"size": {10**12}'))


def spoil_spelling(path: Path) -> None:
    """The same words, spelled otherwise."""
    path.write_text(json.dumps(json.loads(path.read_text())))


def spoil_encoding(path: Path) -> None:
    """UTF-16."""
    path.write_bytes(path.read_text().encode("utf-16"))


def spoil_mark(path: Path) -> None:
    """A byte order mark."""
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def spoil_size(path: Path) -> None:
    """One gigabyte, of which nobody reads more than a little."""
    os.truncate(path, 10**9)


def spoil_link(path: Path) -> None:
    """A link to somebody else's file."""
    path.rename(path.parent.parent / "moved")
    path.symlink_to("../moved")


def spoil_pipe(path: Path) -> None:
    """A pipe, at which a reader would wait for ever."""
    path.unlink()
    os.mkfifo(path)


def spoil_signature(path: Path) -> None:
    """A signature in which a letter is another."""
    target = path.with_name(path.name + ".sig")
    target.write_text(target.read_text().replace("U1NIU0lH", "U1NIU0lG"))


GARBAGE: dict[Callable[[Path], None], str] = {
    spoil_json: ":1:1: is no attestation; expected",
    spoil_key: "is no attestation; expected Field required",
    spoil_date: ":1: until: is no attestation; expected Input should be a valid date",
    spoil_end: "until: is no attestation; expected Input should be less than or equal to 2199",
    spoil_seen: "what was seen is too big together; expected at most 4294967296 bytes",
    spoil_spelling: ":1:1: is not spelled as it was written",
    spoil_encoding: "is not UTF-8",
    spoil_mark: "begins with a byte order mark",
    spoil_size: "is too big; expected at most 262144 bytes",
    spoil_link: "is no regular file",
    spoil_pipe: "is no regular file",
    spoil_signature: ".json.sig:1:1: is no signature that counts here; expected as `ssh-keygen",
}


@pytest.mark.parametrize("spoil", GARBAGE, ids=lambda one: one.__name__)
def test_garbage_in_the_folder(
    command: Command, site: Signing, spoil: Callable[[Path], None]
) -> None:
    """A gate that would read it says so in one line, with exit 64, before it touches anything."""
    path = site.sign(RISK, "dean")
    spoil(path)
    env, policy = site.folder / "site.yaml", site.folder / "policy.yaml"
    code, _, line = command("plan", "--env", env, "--policy", policy)
    assert (code, len(line.splitlines())) == (64, 1), line
    assert str(path if spoil is not spoil_seen else path.parent) in line
    assert GARBAGE[spoil] in line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ssh-ed25519 AAAA", "ssh-rsa AAAA", "key: wrong value; expected a public key such as"),
        ('"training"', '"trainign"', "may_sign[0]: wrong value; expected a clause, or one of"),
        ('"name": "dean"', '"name": "ciso"', "expected each name once, found 'ciso' twice"),
        ('"people": ["ana", "ben"]', '"people": ["ana", "ana"]', "each person once"),
        ('"folder": ', '"floder": ', "unknown key"),
        ('["risk-acceptance"]}', '["risk-acceptance"], "until": "soon"}', "a date such as"),
    ],
)
def test_a_policy_that_is_wrong(
    command: Command, site: Signing, old: str, new: str, said: str
) -> None:
    """Signers are read strictly; each mistake has its line."""
    file = site.folder / "policy.yaml"
    assert old in file.read_text()
    file.write_text(json.dumps(json.loads(file.read_text().replace(old, new, 1)), indent=1))
    code, _, line = command("plan", "--env", site.folder / "site.yaml", "--policy", file)
    assert (code, said in line) == (64, True), line


def test_sign_with_another_tool(command: Command, site: Signing) -> None:
    """Who has the key in an agent or in hardware signs the file with ssh-keygen."""
    given = ["attest", "--policy", site.folder / "policy.yaml", "--as", "dean", *about(site, RISK)]
    code, said, _ = command(*given)
    assert code == 0
    path = Path(said.rpartition("ATTESTATION=")[2].strip())
    assert f"Nobody signed it yet: ssh-keygen -Y sign -n {SIGNED} -f KEY {path}" in said
    assert "is not signed" in clause(site.verdict(), RISK).reason
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", SIGNED, "-f", str(site.folder / "dean")]
    subprocess.run([*sign, str(path)], check=True, capture_output=True)
    site.approve(path, "trainer")
    assert clause(site.verdict(), RISK).status == "held"


def test_the_plan_says_who_may_sign(command: Command, site: Signing) -> None:
    """What is unsigned stands in the way, with who may sign it, and by which command."""
    env, policy = site.folder / "site.yaml", site.folder / "policy.yaml"
    code, said, _ = command("plan", "--env", env, "--policy", policy)
    assert code == 0
    assert "once it is signed: risk-acceptance for campus by dean, approved by trainer" in said
    assert "once it is signed: training for ana, ben by trainer" in said
    assert f"They sign with: readiness attest --env {env} --policy {policy} --clause" in said
    site.sign_everything()
    _, said, _ = command("plan", "--env", env, "--policy", policy)
    assert "once it is signed" not in said


def test_who_may_sign_for_ssh_keygen(command: Command, site: Signing) -> None:
    """The policy's signers are printed as ssh-keygen reads them."""
    _, said, _ = command("attest", "--policy", site.folder / "policy.yaml", "--signers")
    assert said.splitlines()[0] == (
        'ciso namespaces="attestation@readiness,approval@readiness,waiver@readiness,'
        f'waiver-approval@readiness" {site.keys["ciso"]}'
    )


def of_gate(site: Site, signing: Signing, *required: str) -> None:
    """The gate's own site, with people who may sign."""
    policy = {
        "schema": 1,
        "name": "small",
        "owner": "tests",
        "required": [OBJECTIVES, *required],
        "blocking_severities": [],
        "attestations": {
            "folder": "file:attestations",
            "signers": [
                {"name": "ciso", "key": signing.keys["ciso"], "may_sign": [PROCEDURES]},
            ],
        },
    }
    site.policy.write_text(json.dumps(policy))


def test_a_real_gate(engine: Engine, served: Site, command: Command, tmp_path: Path) -> None:
    """Unsigned it is no GO, signed it is; the bundle is verified after the key was revoked."""
    signing = Signing(tmp_path)
    (tmp_path / "attestations").mkdir()
    signing.keys["ciso"] = make_key(tmp_path, "ciso")
    (tmp_path / "report.txt").write_text("Who calls whom, and when.\n")
    of_gate(served, signing, PROCEDURES, COMPLETE, CURRENT)
    before = engine.gate(served)
    assert before.code == 2, before.text
    assert "UNSIGNED" in before.text
    assert f"{PROCEDURES}: mini: nobody signed it" in before.text
    given = about(signing, PROCEDURES)
    given[1] = served.environment
    code, _, line = command(*arguments(signing, "ciso", *given))
    assert code == 0, line
    after = engine.gate(served)
    assert after.code == 0, after.text
    run = served.runs()[-1]
    said = json.loads((run / "verdict.json").read_text())
    (criterion,) = (one for one in said["criteria"] if one["id"] == "gov.signoff")
    held = {one["id"]: one for one in criterion["clauses"] if one["status"] == "held"}
    assert set(held) == {PROCEDURES, COMPLETE, CURRENT}
    assert held[PROCEDURES]["attested"][0]["signer"] == "ciso"
    (tmp_path / "report.txt").write_text("Nobody calls anybody.\n")
    assert "was changed" in engine.gate(served).text
    bundle = tmp_path / "bundle"
    audit = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(tmp_path / "audit")]
    subprocess.run(audit, check=True)
    (tmp_path / "audit").chmod(0o600)
    public = ["openssl", "pkey", "-in", str(tmp_path / "audit"), "-pubout"]
    subprocess.run([*public, "-out", str(tmp_path / "audit.pub")], check=True)
    ended = engine.cli(
        served, "export", run, "--out", bundle, "--key", f"file:{tmp_path / 'audit'}"
    )
    assert "VERDICT=GO" in ended.text
    ended = engine.cli(served, "verify", bundle, "--trust", tmp_path / "audit.pub")
    assert ended.code == 0, ended.text
    policy = json.loads(served.policy.read_text())
    policy["attestations"]["signers"][0]["revoked"] = "2026-01-01"
    served.policy.write_text(json.dumps(policy))
    ended = engine.cli(served, "judge", run, "--policy", served.policy)
    assert ended.code == 2
    assert "whose key is revoked" in " ".join(ended.text.split())
