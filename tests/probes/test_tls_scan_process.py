"""The scan itself, by sslyze against servers on loopback; and what is said when it says nothing."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from ssl import TLSVersion

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from local_servers import free_port
from pki import NAME, NOW, Hierarchy
from servers import serve, server_context, tls

from readiness.model.errors import NotRun, NotUnderstood, TimedOut, Unreachable
from readiness.systems.tls import limits
from readiness.systems.tls.asking import scan
from readiness.systems.tls.asking.scan_process import Scanning, Target, install_command
from readiness.systems.tls.reading.scan import Scan

PROFILE = "intermediate"


def target(name: str, port: int, client: tuple[str, str] | None = None) -> Target:
    """A listener on loopback."""
    return Target(name, "127.0.0.1", port, NAME, None, client)


@pytest.fixture(scope="module")
def scanning(pki: Hierarchy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanning]:
    """One scan of a modern, a careful, a weak and an absent server."""
    folder = tmp_path_factory.mktemp("scan")
    leaf, key = pki.leaf(), rsa.generate_private_key(65537, 2048)
    file = leaf.write(folder / "leaf.pem", *leaf.above)
    weak = pki.leaf(key=key).write(folder / "rsa.pem", pki.intermediate)
    behaviours = {
        "modern": server_context(file, lowest=TLSVersion.TLSv1_3),
        "careful": server_context(file, ciphers="ECDHE+AESGCM", clients_of=pki.root.pem),
        "weak": server_context(weak, ciphers="AES128-GCM-SHA256:@SECLEVEL=0"),
    }
    with ExitStack() as stack:
        ports = {
            name: stack.enter_context(serve(tls(context))) for name, context in behaviours.items()
        }
        client = (str(file), str(file))
        targets = [
            target("modern", ports["modern"]),
            target("careful", ports["careful"], client),
            target("weak", ports["weak"]),
            target("absent", free_port()),
            target("no such certificate", ports["careful"], ("/no/such", "/no/such")),
        ]
        found = Scanning(targets, [PROFILE])
        stack.callback(found.close)
        yield found


def read(scanning: Scanning, name: str, pki: Hierarchy) -> Scan:
    """What the scan says of a server."""
    line = scanning.line(name)
    return scan.read(("127.0.0.1", 1), "sslyze", line, pki.root.pem, NOW)


def test_a_server_of_tls_1_3_only(scanning: Scanning, pki: Hierarchy) -> None:
    """It has no renegotiation and no compression, and that is told as such."""
    found = read(scanning, "modern", pki)
    assert {version for version, suites in found.suites.items() if suites} == {"TLSv1.3"}
    flaws = (found.compression, found.client_renegotiation, found.heartbleed, found.robot)
    assert flaws == (False,) * 4
    assert found.secure_renegotiation
    assert not found.unknown


def test_a_server_that_asks_for_a_certificate(scanning: Scanning, pki: Hierarchy) -> None:
    """Given the declared one, everything is found out."""
    found = read(scanning, "careful", pki)
    assert "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" in found.accepted
    assert not found.unknown
    assert found.secure_renegotiation


def test_a_suite_without_forward_secrecy(scanning: Scanning, pki: Hierarchy) -> None:
    """It is named."""
    found = read(scanning, "weak", pki)
    assert found.suites["TLSv1.2"] == ("TLS_RSA_WITH_AES_128_GCM_SHA256",)


def test_the_profile_comes_with_the_answers(scanning: Scanning) -> None:
    """So nobody keeps a copy of it."""
    (said,) = scanning.header()["profiles"]
    profile = scan.read_profile(said)
    assert profile.name == PROFILE
    assert "TLS_RSA_WITH_AES_128_GCM_SHA256" not in profile.suites


def test_nobody_there_is_no_answer(scanning: Scanning) -> None:
    """Nobody goes by sslyze's exit code, which is 0 all the same."""
    with pytest.raises(Unreachable, match="rejected the connection"):
        scanning.line("absent")


def test_a_client_certificate_that_can_not_be_loaded(scanning: Scanning) -> None:
    """It is told, and no other listener suffers."""
    with pytest.raises(Unreachable, match="sslyze: "):
        scanning.line("no such certificate")


def test_without_sslyze_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told in place of a result; the lock that it names is there."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    with pytest.raises(NotRun, match="sslyze is not installed") as refused:
        Scanning([target("any", 1)], [PROFILE])
    assert str(refused.value).endswith(install_command())
    lock = Path(install_command().rpartition("-r ")[2])
    assert "sslyze==" in lock.read_text()
    assert f"{tmp_path}/venv-tls-scan" in install_command()


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in the place of sslyze's Python."""
    monkeypatch.setattr(sys, "prefix", str(folder / "venv"))
    program = folder / "venv-tls-scan/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)


def test_a_scan_that_breaks_off_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither half a line nor an exit code is an answer, and its last words are told."""
    stand_in(tmp_path, "printf '{\"target\": '; echo 'out of memory' >&2", monkeypatch)
    scanning = Scanning([target("any", 1)], [PROFILE])
    with pytest.raises(NotUnderstood, match="last words: out of memory"):
        scanning.line("any")
    with pytest.raises(NotUnderstood):
        scanning.header()
    scanning.close()


def test_a_scan_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said before counts, the rest timed out."""
    stand_in(tmp_path, 'printf \'{"target": "a", "problem": ""}\\n\'; exec sleep 60', monkeypatch)
    monkeypatch.setattr(limits, "SCAN_LEAST", 1.0)
    monkeypatch.setattr(limits, "SCAN_FOR_EACH", 0.0)
    scanning = Scanning([target("a", 1), target("b", 2)], [PROFILE])
    assert scanning.line("a")["target"] == "a"
    with pytest.raises(TimedOut, match="sslyze did not end within 1 s"):
        scanning.line("b")
    scanning.close()
