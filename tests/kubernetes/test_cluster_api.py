"""Questions to an API server on loopback over TLS: pages, refusals, and answers that are none."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from clusterlists import rule
from pki import NAME, Hierarchy

from readiness.model.errors import AccessDenied, NotUnderstood, OverPrivileged, Unreachable
from readiness.systems.kubernetes.asking.api import Api
from readiness.systems.kubernetes.asking.kubeconfig import read
from readiness.systems.kubernetes.asking.rights import require_harmless

Answer = Callable[[str, str], tuple[int, bytes]]
Asked = list[str]
LOOKS = [rule("list", "pods")]


@contextmanager
def serving(folder: Path, authority: Hierarchy, answer: Answer) -> Iterator[tuple[Api, Asked]]:
    """An API server that gives these answers to method and path; and what it was asked."""
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked.append(f"{self.command} {self.path} {self.headers.get('Authorization')}")
            status, body = answer(self.command, self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "1")
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    leaf = authority.leaf()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.write(folder / "server.pem", *leaf.above))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    api = Api("campus", read(_kubeconfig(folder, authority, server.server_address[1]), None))
    try:
        yield api, asked
    finally:
        api.close()
        server.shutdown()
        thread.join()
        server.server_close()


def _kubeconfig(folder: Path, authority: Hierarchy, port: int) -> Path:
    (folder / "ca.pem").write_bytes(authority.root.pem)
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority": "ca.pem",
        "tls-server-name": NAME,
    }
    document = {
        "clusters": [{"name": "a", "cluster": cluster}],
        "users": [{"name": "a", "user": {"token": "t"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "current-context": "a",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(document))
    return path


def always(status: int, body: object) -> Answer:
    """The same to everything."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda *_: (status, content)


def test_a_list_comes_in_pages(tmp_path: Path, authority: Hierarchy) -> None:
    """Each goes on where the one before ended, as our account."""
    pages = {
        "/api/v1/nodes?limit=500": {"items": [1], "metadata": {"continue": "next"}},
        "/api/v1/nodes?limit=500&continue=next": {"items": [2], "metadata": {}},
    }
    with serving(tmp_path, authority, lambda _, path: (200, json.dumps(pages[path]).encode())) as (
        api,
        asked,
    ):
        assert api.list("/api/v1/nodes") == [1, 2]
    assert [one.split()[2:] for one in asked] == [["Bearer", "t"]] * 2


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>sign in</html>", NotUnderstood),
        (200, {"kind": "Status"}, NotUnderstood),
        (302, b"", NotUnderstood),
        (401, {}, AccessDenied),
        (403, {}, AccessDenied),
        (410, {}, NotUnderstood),
        (429, {}, NotUnderstood),
        (503, b"no backend", NotUnderstood),
    ],
)
def test_what_is_no_list(
    tmp_path: Path, authority: Hierarchy, status: int, body: object, kind: type[Exception]
) -> None:
    """It is inconclusive at the first answer: nobody is asked twice, no redirect is followed."""
    with serving(tmp_path, authority, always(status, body)) as (api, asked):
        with pytest.raises(kind):
            api.list("/api/v1/nodes")
        assert len(asked) == 1


def test_nobody_answers(tmp_path: Path, authority: Hierarchy) -> None:
    """It is unreachable, not without nodes."""
    api = Api("campus", read(_kubeconfig(tmp_path, authority, 1), None))
    with pytest.raises(Unreachable):
        api.list("/api/v1/nodes")
    api.close()


def rights(rules: object, *, incomplete: bool = False, allowed: bool = False) -> Answer:
    """Answers to reviews of what we may do ourselves."""

    def answer(_: str, path: str) -> tuple[int, bytes]:
        if path.endswith("rulesreviews"):
            status = {"resourceRules": rules, "incomplete": incomplete}
            return 201, json.dumps({"status": status}).encode()
        return 201, json.dumps({"status": {"allowed": allowed}}).encode()

    return answer


def test_an_account_that_only_looks_is_used(tmp_path: Path, authority: Hierarchy) -> None:
    """It is asked about in kube-system and in each judged namespace."""
    with serving(tmp_path, authority, rights(LOOKS)) as (api, asked):
        require_harmless(api, ["portal"])
    assert len(asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        rights([rule("get", "secrets")]),
        rights([rule("create", "pods")]),
        rights([rule("*", "*", "*")]),
        rights(LOOKS, incomplete=True, allowed=True),
    ],
)
def test_an_account_that_may_do_more_is_refused(
    tmp_path: Path, authority: Hierarchy, answer: Answer
) -> None:
    """Also where the server can't list what it may and is asked one by one."""
    with (
        serving(tmp_path, authority, answer) as (api, _),
        pytest.raises(OverPrivileged, match="may do more than look in kube-system"),
    ):
        require_harmless(api, ["portal"])


def test_where_the_list_is_not_whole_each_is_asked(tmp_path: Path, authority: Hierarchy) -> None:
    """And an account that may do none of it is used."""
    with serving(tmp_path, authority, rights(LOOKS, incomplete=True)) as (api, asked):
        require_harmless(api, ["portal"])
    assert len(asked) > 20


@pytest.mark.parametrize("rules", [None, "all", 1])
def test_rights_that_are_not_told_are_not_understood(
    tmp_path: Path, authority: Hierarchy, rules: Any
) -> None:
    """Silence is no permission."""
    with serving(tmp_path, authority, rights(rules)) as (api, _), pytest.raises(NotUnderstood):
        require_harmless(api, [])


def test_what_is_not_there_needs_no_removing(tmp_path: Path, authority: Hierarchy) -> None:
    """A pod that ended by itself is gone; whatever else is answered is told."""
    with serving(tmp_path, authority, always(404, {})) as (api, asked):
        api.delete("/api/v1/namespaces/portal/pods/a", {"gracePeriodSeconds": 0})
        assert asked == ["DELETE /api/v1/namespaces/portal/pods/a Bearer t"]
        with pytest.raises(NotUnderstood, match="HTTP 404"):
            api.get("/api/v1/namespaces/portal/pods/a")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, {}, AccessDenied),
        (409, {}, NotUnderstood),
        (500, b"<html>", NotUnderstood),
        (201, b'{"kind": "Po', NotUnderstood),
    ],
)
def test_a_pod_that_is_refused(
    tmp_path: Path,
    authority: Hierarchy,
    status: int,
    body: object,
    kind: type[Exception],
) -> None:
    """It is nobody's fault that the trial is about: nothing was found out."""
    with serving(tmp_path, authority, always(status, body)) as (api, _), pytest.raises(kind):
        api.create("/api/v1/namespaces/portal/pods", {"kind": "Pod"})
