"""Bundles of a real run: whole ones verify, and whatever is changed in one is found and named."""

import base64
import json
import random
import shutil
import subprocess
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
from stories import RED, Story

from readiness.bundle.export import export
from readiness.bundle.statement import FILE, MANIFEST, entry_of, sign
from readiness.bundle.verify import verify
from readiness.model.errors import UsageError
from readiness.model.words import Json
from readiness.running.finish import judge_runs

ROUNDS = 1000
SEED = 7


def make_key(folder: Path, name: str) -> tuple[Path, Path]:
    """A key pair: private and public file."""
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key pair and the bundle of one run, which nobody changes."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "run").mkdir()
    story = Story(folder / "run")
    story.write()
    private, _ = make_key(folder, "auditor")
    export(judge_runs([folder / "run"], story.policy), folder / "whole", private)
    return folder


@pytest.fixture
def bundle(home: Path, tmp_path: Path) -> Path:
    """A copy of the bundle to change."""
    return Path(shutil.copytree(home / "whole", tmp_path / "copy"))


def test_a_whole_bundle_verifies(home: Path) -> None:
    """Nothing is altered, and its records give the same verdict again."""
    found = verify(home / "whole", home / "auditor.pub")
    assert (found.problems, found.doubts, found.exit_code) == ((), (), 0)
    assert found.statement["predicate"]["environment"] == "campus"


def test_sha256sum_checks_the_manifest(home: Path) -> None:
    """Whoever has no readiness at hand checks the files with coreutils."""
    done = subprocess.run(
        ["sha256sum", "--strict", "--quiet", "-c", MANIFEST],
        cwd=home / "whole",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def alter(bundle: Path, chance: random.Random) -> str:
    """Change one thing at random; says what was done."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    path = chance.choice(files)
    content = bytearray(path.read_bytes())
    how = chance.choice(["flip", "cut", "swap lines", "append", "delete", "add", "rename", "link"])
    if how == "flip":
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
    elif how == "cut":
        path.write_bytes(content[: chance.randrange(len(content))])
    elif how == "swap lines":
        lines = content.split(b"\n")
        lines[0], lines[-2] = lines[-2], lines[0]
        changed = b"\n".join(lines)
        path.write_bytes(changed if changed != bytes(content) else content + b" ")
    elif how == "append":
        path.write_bytes(content + b"\n")
    elif how == "delete":
        path.unlink()
    elif how == "add":
        (path.parent / f"more-{chance.randrange(1000)}").write_text("more")
    elif how == "rename":
        path.rename(path.with_name(f"{path.name}.old"))
    else:
        target = path.with_name(f"{path.name}.kept")
        path.rename(target)
        path.symlink_to(target)
    return f"{how} {path.relative_to(bundle)}"


def test_every_random_alteration_is_found(home: Path, tmp_path: Path) -> None:
    """Flipped, cut, swapped, added, deleted, renamed, linked: in any file, nothing passes."""
    chance = random.Random(SEED)  # noqa: S311 - alterations, not secrets
    unseen = []
    for number in range(ROUNDS):
        bundle = Path(shutil.copytree(home / "whole", tmp_path / str(number)))
        done = alter(bundle, chance)
        try:
            found = verify(bundle, home / "auditor.pub").exit_code
        except UsageError:
            found = 64
        if found not in {1, 64}:
            unseen.append(done)
        shutil.rmtree(bundle)
    assert unseen == []


def _edit(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))


def _cut(bundle: Path) -> None:
    record = bundle / "records" / "campus-12.jsonl"
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:-3]))


NAMED: dict[str, tuple[Callable[[Path], object], str]] = {
    "altered": (
        lambda b: _edit(b / "verdict.json", b"campus", b"canvas"),
        "verdict.json: was altered",
    ),
    "added": (lambda b: (b / "note.txt").write_text("x"), "note.txt: was added"),
    "missing": (lambda b: (b / "junit.xml").unlink(), "junit.xml: is missing"),
    "cut off": (_cut, "records/campus-12.jsonl: was cut off after"),
    "empty folder": (lambda b: (b / "x").mkdir(), "x: was added (empty folder)"),
    "signature": (lambda b: _edit(b / FILE, b"payloadType", b"payloadtype"), f"{FILE}: is no DSSE"),
}


@pytest.mark.parametrize("how", NAMED)
def test_what_was_done_is_named(home: Path, bundle: Path, how: str) -> None:
    """The file and what happened to it."""
    change, says = NAMED[how]
    change(bundle)
    found = verify(bundle, home / "auditor.pub")
    assert found.exit_code == 1
    assert any(problem.startswith(says) for problem in found.problems), found.problems


def signed_again(home: Path, bundle: Path, change: Callable[[Json], object]) -> None:
    """Change what the statement says, and sign it with the trusted key."""
    envelope = json.loads((bundle / FILE).read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    content = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    (bundle / FILE).write_bytes(sign(content, home / "auditor.key"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("verdict", "INCONCLUSIVE!"), ("environment", "other"), ("release", "other")),
        *(("clauses", {"required": 9, "proven": 9}), ("validUntil", "2999-01-01T00:00:00.000Z")),
        *(("judgedAt", "2026-11-01T00:00:00"), ("policySha256", "0" * 64), ("runs", [])),
    ],
)
def test_a_statement_that_says_more_than_its_records(
    home: Path, bundle: Path, key: str, value: object
) -> None:
    """What is printed of a bundle is what judging its records again gives, not what was signed."""
    signed_again(home, bundle, lambda one: one["predicate"].update({key: value}))
    found = verify(bundle, home / "auditor.pub")
    assert (found.problems, found.exit_code) == ((), 2)
    assert "again" in found.doubts[0]


def test_a_record_that_was_left_out_of_the_verdict(home: Path, bundle: Path) -> None:
    """A red run that is in the bundle and that the statement says nothing of is judged as well."""
    folder = bundle.parent / "red"
    folder.mkdir()
    Story(folder, bad=RED, number=13).write()
    name = "records/campus-13.jsonl"
    shutil.copy(folder / "record.jsonl", bundle / name)
    entry = entry_of(bundle, name)

    def add(statement: Json) -> None:
        statement["subject"].append({"name": name, "digest": {"sha256": entry.sha256}})
        statement["predicate"]["sizes"][name] = entry.size

    signed_again(home, bundle, add)
    found = verify(bundle, home / "auditor.pub")
    assert (found.problems, found.exit_code) == ((), 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one["predicate"].pop("runs"),
        lambda one: one["predicate"].pop("sizes"),
        lambda one: one["predicate"].pop("clauses"),
        lambda one: one.update(predicate=[]),
        lambda one: one["subject"].append(one["subject"][0]),
        lambda one: one["subject"].append("a name"),
    ],
    ids=["runs", "sizes", "clauses", "predicate", "twice", "subject"],
)
def test_a_statement_without_its_parts(
    home: Path, bundle: Path, change: Callable[[Json], object]
) -> None:
    """Signed, and not what this project signs: one line that says so."""
    signed_again(home, bundle, change)
    found = verify(bundle, home / "auditor.pub")
    assert found.exit_code == 1
    assert found.problems[0].startswith(f"{FILE}: is a statement that")


def test_a_foreign_key_is_refused(home: Path, bundle: Path, tmp_path: Path) -> None:
    """Signed by somebody else, however whole: not evidence for whoever trusts another key."""
    _, other = make_key(tmp_path, "other")
    with pytest.raises(UsageError, match="was not signed by the key that you trust"):
        verify(bundle, other)


def test_a_key_of_the_bundle_itself_proves_nothing(home: Path, bundle: Path) -> None:
    """A key that came with the evidence is refused, through a link as well."""
    inside = bundle / "auditor.pub"
    shutil.copy(home / "auditor.pub", inside)
    link = bundle.parent / "mine.pub"
    link.symlink_to(inside)
    for key in (inside, link):
        with pytest.raises(UsageError, match="own key proves nothing"):
            verify(bundle, key)


def test_nothing_is_left_when_it_can_not_be_signed(home: Path, tmp_path: Path) -> None:
    """An existing folder, no key, no private key, a key for all to read: one line, no bundle."""
    verdict = judge_runs([home / "run"], None)
    loose = tmp_path / "loose.key"
    shutil.copy(home / "auditor.key", loose)
    loose.chmod(0o644)
    public = tmp_path / "public.key"
    shutil.copy(home / "auditor.pub", public)
    public.chmod(0o600)
    before = set(tmp_path.iterdir())
    for out, key, says in (
        (home / "whole", home / "auditor.key", "exists already"),
        (tmp_path / "a", tmp_path / "none", "No such file"),
        (tmp_path / "a", loose, "others can read this key"),
        (tmp_path / "a", public, "is no private key"),
    ):
        with pytest.raises(UsageError, match=says):
            export(verdict, out, key)
    assert set(tmp_path.iterdir()) == before


def test_no_bundle_and_no_key(home: Path, bundle: Path, tmp_path: Path) -> None:
    """Garbage in the place of a bundle or a key is one clear line."""
    (tmp_path / "noise").write_bytes(b"\x00\x01")
    with pytest.raises(UsageError, match="no bundle here"):
        verify(tmp_path, home / "auditor.pub")
    with pytest.raises(UsageError, match="is no public key"):
        verify(bundle, tmp_path / "noise")
