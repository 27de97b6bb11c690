"""What a kubeconfig says of one way to a cluster: where it is, how it proves itself, who we are.

Read here and not by a client library, which would run a plug-in without a limit and ask again in
silence. What is not understood is refused by name: a way that we would take differently from
kubectl is none. Paths count from the file, as kubectl counts them.
"""

import base64
import binascii
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, UsageError

# Cloud clusters' plug-ins fetch a token over the network; 30 s is a slow day.
PLUGIN_LIMIT: Final = 30.0
_LARGEST: Final = 1024 * 1024  # bytes
_SERVER_KEYS: Final = {
    "server", "certificate-authority", "certificate-authority-data", "tls-server-name",
    "extensions", "disable-compression",
}  # fmt: skip
_USER_KEYS: Final = {
    "token", "tokenFile", "client-certificate", "client-certificate-data", "client-key",
    "client-key-data", "exec", "extensions",
}  # fmt: skip


@dataclass(frozen=True)
class Way:
    """Where the API server is, and what we show it; no part of it is ever told."""

    server: str
    authority: Path | None
    server_name: str | None
    token: str | None
    certificate: tuple[Path, Path] | None
    # What was written for the TLS library, which reads files only; gone with it.
    folder: tempfile.TemporaryDirectory[str]


def read(path: Path, context: str | None) -> Way:
    """The way that a context of the file describes.

    Raises:
        UsageError: the file is missing, or not a kubeconfig that we understand.
        ProbeError: a plug-in gave no credential.
    """
    return _Reader(path, _document(path)).way(context)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            found = yaml.safe_load(file.read(_LARGEST))
    except OSError as error:
        raise UsageError(f"can't be read ({error.strerror})", file=str(path)) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise UsageError("is no YAML", file=str(path), line=line) from error
    if not isinstance(found, Mapping):
        raise UsageError("is no kubeconfig", file=str(path), expected="a mapping with clusters")
    return found


@dataclass(frozen=True)
class _Reader:
    path: Path
    document: Mapping[str, Any]

    def way(self, context: str | None) -> Way:
        name = context or self.document.get("current-context")
        chosen = self._named("contexts", "context", name)
        cluster = self._named("clusters", "cluster", chosen.get("cluster"))
        user = self._named("users", "user", chosen.get("user"))
        self._only(cluster, _SERVER_KEYS, f"clusters.{chosen.get('cluster')}")
        self._only(user, _USER_KEYS, f"users.{chosen.get('user')}")
        server = str(cluster.get("server", ""))
        if urlsplit(server).scheme != "https":
            raise self._wrong("server", "an address that begins with https://", server)
        given = {**user, **self._plugged(user, server)}
        folder = tempfile.TemporaryDirectory(prefix="readiness-")
        try:
            return Way(
                server.rstrip("/"),
                self._file(cluster, "certificate-authority", folder),
                cluster.get("tls-server-name"),
                self._token(given),
                self._pair(given, folder),
                folder,
            )
        except BaseException:
            folder.cleanup()
            raise

    def _named(self, section: str, kind: str, name: object) -> Mapping[str, Any]:
        """The entry of a list that has this name."""
        entries = self.document.get(section)
        listed = entries if isinstance(entries, list) else []
        found = [one for one in listed if isinstance(one, Mapping) and one.get("name") == name]
        if not isinstance(name, str) or len(found) != 1:
            raise self._wrong(section, f"one {kind} called {name}", f"{len(found)}")
        inner = found[0].get(kind)
        if not isinstance(inner, Mapping):
            raise self._wrong(f"{section}.{name}", f"a mapping `{kind}`", "another")
        return inner

    def _only(self, entry: Mapping[str, Any], keys: set[str], where: str) -> None:
        """Refuse what would have us go another way than kubectl does, or trust anybody."""
        for key in entry.keys() - keys:
            if entry[key]:
                raise self._wrong(f"{where}.{key}", "a key that this reader knows", "it")

    def _file(
        self, entry: Mapping[str, Any], key: str, folder: "tempfile.TemporaryDirectory[str]"
    ) -> Path | None:
        """The file behind a key, or one that holds what stands under `KEY-data`."""
        if data := entry.get(f"{key}-data"):
            place = Path(folder.name) / key
            try:
                content = base64.b64decode(str(data), validate=True)
            except (binascii.Error, ValueError) as error:
                raise self._wrong(f"{key}-data", "base64", "something else") from error
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(content)
            return place
        given = entry.get(key)
        return (self.path.parent / str(given)).absolute() if given else None

    def _token(self, user: Mapping[str, Any]) -> str | None:
        """A file comes first, as in client-go: its token is renewed."""
        if given := user.get("tokenFile"):
            place = (self.path.parent / str(given)).absolute()
            try:
                return place.read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise UsageError("can't be read", file=str(place), key="tokenFile") from error
        return str(user["token"]) if user.get("token") else None

    def _pair(
        self, user: Mapping[str, Any], folder: "tempfile.TemporaryDirectory[str]"
    ) -> tuple[Path, Path] | None:
        certificate = self._file(user, "client-certificate", folder)
        key = self._file(user, "client-key", folder)
        if (certificate is None) != (key is None):
            raise self._wrong("client-certificate", "it and client-key together", "one of them")
        return (certificate, key) if certificate and key else None

    def _plugged(self, user: Mapping[str, Any], server: str) -> Mapping[str, Any]:
        plugin = user.get("exec")
        if not plugin:
            return {}
        if not isinstance(plugin, Mapping) or not isinstance(plugin.get("command"), str):
            raise self._wrong("exec", "a mapping with a command", "another")
        return credential(plugin, self.path.parent, server)

    def _wrong(self, key: str, expected: str, found: str) -> UsageError:
        return UsageError("is wrong", str(self.path), key=key, expected=expected, found=found)


def credential(plugin: Mapping[str, Any], folder: Path, server: str) -> Mapping[str, Any]:
    """What a credential plug-in answers (client.authentication.k8s.io ExecCredential).

    Raises:
        ProbeError: it can't be run, fails, takes too long, or answers something else.
    """
    command = str(plugin["command"])
    if "/" in command:
        command = str((folder / command).absolute())
    words = [command, *(str(one) for one in plugin.get("args") or ())]
    more = {str(one["name"]): str(one["value"]) for one in plugin.get("env") or ()}
    version = str(plugin.get("apiVersion", "client.authentication.k8s.io/v1"))
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = {"server": server}
    asked = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    environment = {**os.environ, **more, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
    return _credential(Path(command).name, _run(words, environment))


def _run(words: list[str], environment: Mapping[str, str]) -> bytes:
    """What a plug-in prints; what it complains about may hold secrets and is not repeated."""
    name = Path(words[0]).name
    try:
        done = subprocess.run(
            words,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PLUGIN_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = f"the credential plug-in {name} gave none within {PLUGIN_LIMIT:g} s"
        raise TimedOut(said) from error
    except OSError as error:
        raise ProbeError(f"the credential plug-in {name}: {error.strerror}") from error
    if done.returncode:
        raise AccessDenied(f"the credential plug-in {name} ended with {done.returncode}")
    return done.stdout[:_LARGEST]


def _credential(name: str, printed: bytes) -> Mapping[str, Any]:
    try:
        status = json.loads(printed)["status"]
        fields = {
            "token": status.get("token"),
            "client-certificate-data": status.get("clientCertificateData"),
            "client-key-data": status.get("clientKeyData"),
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"the credential plug-in {name} printed no ExecCredential"
        raise NotUnderstood(said) from error
    found = {key: value for key, value in fields.items() if isinstance(value, str) and value}
    for key in ("client-certificate-data", "client-key-data"):
        if key in found:
            found[key] = base64.b64encode(found[key].encode()).decode()
    return found
