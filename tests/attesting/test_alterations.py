"""Whatever is changed in what people signed is found: refused, or no evidence."""

import subprocess
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signing import APPROVAL, Signing, clause, make_key

from readiness.attesting import sshsig
from readiness.attesting.body import APPROVED, SIGNED, Body
from readiness.attesting.folder import gather, read_one
from readiness.attesting.vouching import vouched_now
from readiness.catalogue.clauses import load_clauses
from readiness.evidence.record import now
from readiness.evidence.redact import Redactor
from readiness.model.errors import UsageError

ALTERATIONS: Final = 1000
ENDINGS: Final = ("", ".sig", ".approved.sig")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Signing, Path]:
    """A site with one attestation and its approval."""
    site = Signing(tmp_path_factory.mktemp("altered") / "site").begin()
    path = site.sign(APPROVAL, "ciso")
    site.approve(path, "dean")
    return site, path


def counts(site: Signing) -> bool:
    """Whether the site's one attestation would be evidence now."""
    at = now()
    told = gather(site.policy, Redactor())
    found = vouched_now(site.environment, site.policy, load_clauses(), told, at)
    return any(one.counts for one in found.about(APPROVAL, "campus"))


@settings(
    max_examples=ALTERATIONS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
    derandomize=True,
)
@given(data=st.data())
def test_a_thousand_alterations(signed: tuple[Signing, Path], data: st.DataObject) -> None:
    """A byte changed, put in, left out, doubled or cut off, in any of the three files."""
    site, path = signed
    file = path.with_name(path.name + data.draw(st.sampled_from(ENDINGS)))
    whole = file.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = bytes([data.draw(st.integers(0, 255))])
    how = data.draw(st.sampled_from(["change", "put in", "leave out", "cut", "double"]))
    new = {
        "change": whole[:place] + byte + whole[place + 1 :],
        "put in": whole[:place] + byte + whole[place:],
        "leave out": whole[:place] + whole[place + 1 :],
        "cut": whole[:place],
        "double": whole[:place] + whole[place : place + 9] * 2 + whole[place + 9 :],
    }[how]
    if new == whole:
        return
    file.write_bytes(new)
    try:
        unseen = counts(site)
    except UsageError as error:
        unseen = "\n" in str(error)
    finally:
        file.write_bytes(whole)
    assert not unseen, (file.name, how, place, byte)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(data=st.data())
def test_alterations_of_a_record(signed: tuple[Signing, Path], data: st.DataObject) -> None:
    """Anybody can write a record: what its events say otherwise than signed is no evidence."""
    site, _ = signed
    (told,) = gather(site.policy, Redactor())
    places = [("body", key) for key in told["body"] if key != "schema"] + [
        (part, key) for part in ("signature", "approval") for key in ("key", "value")
    ]
    part, key = data.draw(st.sampled_from(places))
    junk = st.none() | st.integers() | st.text(max_size=70) | st.lists(st.text(max_size=3))
    other = data.draw(junk | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2))
    changed = told | {part: told[part] | {key: other}}
    found = vouched_now(site.environment, site.policy, load_clauses(), [changed], now())
    assert not any(one.counts for one in found.statements)


@pytest.mark.parametrize("told", [None, [], {}, {"body": 1}, {"body": {}, "file": "x"}, "text"])
def test_events_that_say_nothing(signed: tuple[Signing, Path], told: object) -> None:
    """What is no attestation in a record is about nothing, and breaks nothing."""
    site, _ = signed
    found = vouched_now(site.environment, site.policy, load_clauses(), [told], now())  # type: ignore[list-item]
    assert found.statements == ()


def test_whole_it_counts(signed: tuple[Signing, Path]) -> None:
    """The alterations above are of something that is evidence."""
    assert counts(signed[0])


def test_a_signature_for_another_purpose(tmp_path: Path) -> None:
    """A signature that was made for mail, or as an approval, is none here."""
    make_key(tmp_path, "ciso")
    message = tmp_path / "body.json"
    message.write_text("{}\n")
    for namespace in ("file", APPROVED):
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(tmp_path / "ciso")]
        subprocess.run([*command, str(message)], check=True, capture_output=True)
        signature = tmp_path / "body.json.sig"
        with pytest.raises(ValueError, match="namespace attestation@readiness"):
            sshsig.parse(signature.read_text(), SIGNED)
        signature.unlink()


def test_the_approval_of_a_file_is_not_its_signature(signed: tuple[Signing, Path]) -> None:
    """One signature can't be moved to where the other one belongs."""
    _, path = signed
    first, second = (path.with_name(path.name + ending) for ending in ENDINGS[1:])
    with pytest.raises(UsageError, match="approval@readiness"):
        _moved(first, second, path)
    with pytest.raises(UsageError, match="attestation@readiness"):
        _moved(second, first, path)


def _moved(source: Path, target: Path, path: Path) -> None:
    kept = target.read_bytes()
    target.write_bytes(source.read_bytes())
    try:
        read_one(path, Body)
    finally:
        target.write_bytes(kept)


def test_a_key_with_a_passphrase(tmp_path: Path) -> None:
    """The passphrase is asked for where a key has one, and nowhere else; a wrong one is refused."""
    path = tmp_path / "locked"
    command = ["openssl", "genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:horse"]
    subprocess.run([*command, "-out", str(path)], check=True)
    path.chmod(0o600)
    key = sshsig.private_key(path, lambda: "horse")
    assert sshsig.sign(b"x", SIGNED, key).made(b"x", SIGNED)
    with pytest.raises(UsageError, match="not of that passphrase"):
        sshsig.private_key(path, lambda: "wrong")


def test_a_key_that_only_openssh_opens(tmp_path: Path) -> None:
    """What it is enciphered with is in no package of ours, so OpenSSH itself has to sign."""
    make_key(tmp_path, "locked", "correct horse")
    with pytest.raises(UsageError, match="is enciphered as only OpenSSH reads it"):
        sshsig.private_key(tmp_path / "locked", lambda: "correct horse")


def test_keys_that_do_not_sign(tmp_path: Path) -> None:
    """What others can read, what is of another kind, and what is no key."""
    make_key(tmp_path, "open")
    (tmp_path / "open").chmod(0o644)
    command = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "ecdsa")]
    subprocess.run(command, check=True)
    (tmp_path / "none").touch(0o600)
    for name, said in (
        ("open", "others can read this key"),
        ("ecdsa", "is another kind of key"),
        ("none", "is no private key"),
        (".", "is no file"),
        ("gone", "can't be read"),
    ):
        with pytest.raises(UsageError, match=said):
            sshsig.private_key(tmp_path / name, str)


def test_clause_of_a_site(signed: tuple[Signing, Path]) -> None:
    """The site of these tests lacks every other signature, so it is no GO."""
    verdict = signed[0].verdict()
    assert clause(verdict, APPROVAL).status == "held"
    assert verdict.exit_code == 2
