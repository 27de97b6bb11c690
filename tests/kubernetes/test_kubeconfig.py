"""What a kubeconfig says: what is understood, what is refused, and plug-ins that misbehave."""

import base64
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, UsageError
from readiness.systems.kubernetes.asking import kubeconfig
from readiness.systems.kubernetes.asking.kubeconfig import Way

SERVER = "https://cluster.example.edu:6443"
SECRET = "very-secret-token"


def read(path: Path, context: str | None) -> Way:
    """The way, whose files are gone."""
    way = kubeconfig.read(path, context)
    way.folder.cleanup()
    return way


def written(
    folder: Path, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None
) -> Path:
    """A kubeconfig of one way."""
    document = {
        "clusters": [{"name": "here", "cluster": {"server": SERVER} | (cluster or {})}],
        "users": [{"name": "me", "user": {"token": SECRET} if user is None else user}],
        "contexts": [{"name": "now", "context": {"cluster": "here", "user": "me"}}],
        "current-context": "now",
    }
    path = folder / "kubeconfig"
    with path.open("w") as file:
        YAML().dump(document, file)
    return path


def plugin(folder: Path, script: str) -> dict[str, Any]:
    """A user whose credential a script prints, with its folder beside the file."""
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return {"exec": {"command": "./plugin", "apiVersion": "client.authentication.k8s.io/v1"}}


def test_a_token(tmp_path: Path) -> None:
    """As it stands there."""
    way = read(written(tmp_path), None)
    assert (way.server, way.token, way.authority) == (SERVER, SECRET, None)


def test_a_file_with_a_token_comes_first_and_counts_from_the_kubeconfig(tmp_path: Path) -> None:
    """As client-go has it: the file is renewed."""
    (tmp_path / "token").write_text("newer\n")
    way = read(written(tmp_path, {"token": SECRET, "tokenFile": "token"}), None)
    assert way.token == "newer"


def test_what_stands_in_the_file_is_written_for_us_alone(tmp_path: Path) -> None:
    """And is gone with the way."""
    data = base64.b64encode(b"pem").decode()
    user = {"client-certificate-data": data, "client-key-data": data}
    path = written(tmp_path, user, {"certificate-authority-data": data})
    way = kubeconfig.read(path, None)
    assert way.certificate is not None
    assert way.authority is not None
    key = way.certificate[1]
    assert (key.read_bytes(), key.stat().st_mode & 0o777) == (b"pem", 0o600)
    way.folder.cleanup()
    assert not key.exists()


@pytest.mark.parametrize(
    ("user", "cluster", "said"),
    [
        (None, {"insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
        (None, {"proxy-url": "http://proxy:3128"}, "proxy-url"),
        ({"username": "me", "password": SECRET}, None, "users.me"),
        ({"auth-provider": {"name": "gcp"}}, None, "auth-provider"),
        (None, {"server": "http://cluster.example.edu"}, "begins with https://"),
        (None, {"certificate-authority-data": "%%"}, "base64"),
        ({"client-certificate": "own.pem"}, None, "client-key together"),
        ({"tokenFile": "missing"}, None, "tokenFile"),
        ({"exec": "aws"}, None, "a mapping with a command"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_key(
    tmp_path: Path, user: Any, cluster: Any, said: str
) -> None:
    """A way that we would take differently is none; no secret stands in the refusal."""
    with pytest.raises(UsageError) as refused:
        read(written(tmp_path, user, cluster), None)
    assert said in str(refused.value)
    assert str(tmp_path) in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("text", ["- [", "just text\n", "\x00", "clusters: 1\n", ""])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    """One line says which."""
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(UsageError, match="kubeconfig"):
        read(path, None)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    """It says so."""
    with pytest.raises(UsageError, match="can't be read"):
        read(tmp_path / "none", None)


def test_a_context_that_there_is_not(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(UsageError, match="one context called other"):
        read(written(tmp_path), "other")


def test_a_plugin_gives_a_token(tmp_path: Path) -> None:
    """It is told that nobody sits at a terminal."""
    script = (
        'case "$KUBERNETES_EXEC_INFO" in *\'"interactive": false\'*) '
        'echo \'{"status": {"token": "given"}}\';; esac'
    )
    assert read(written(tmp_path, plugin(tmp_path, script)), None).token == "given"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (f"echo {SECRET} >&2; exit 1", AccessDenied),
        (f"echo {SECRET}", NotUnderstood),
        ("echo '[]'", NotUnderstood),
        ("echo '{\"status\": null}'", NotUnderstood),
    ],
)
def test_a_plugin_that_gives_none(tmp_path: Path, script: str, kind: type[ProbeError]) -> None:
    """It is inconclusive, and what the plug-in complained about is repeated nowhere."""
    with pytest.raises(kind) as refused:
        read(written(tmp_path, plugin(tmp_path, script)), None)
    assert SECRET not in str(refused.value)


def test_a_plugin_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that asks somebody for a password."""
    monkeypatch.setattr(kubeconfig, "PLUGIN_LIMIT", 0.2)
    with pytest.raises(TimedOut, match="plugin"):
        read(written(tmp_path, plugin(tmp_path, "exec sleep 30")), None)


def test_a_plugin_that_is_not_there(tmp_path: Path) -> None:
    """It says which."""
    with pytest.raises(ProbeError, match="no-such-plugin"):
        read(written(tmp_path, {"exec": {"command": "no-such-plugin"}}), None)
