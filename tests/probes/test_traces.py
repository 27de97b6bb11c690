"""What Jaeger answers, and what other servers do in its place."""

import gc
import http.server
import json
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from wrong_files import ENVIRONMENTS

from readiness.drills.trace_logs import opened
from readiness.drills.trace_trial import context
from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, Unreachable
from readiness.probes.commands import NotPermitted, is_allowed
from readiness.site.documents import load_environment
from readiness.systems.traces.asking import by_ids, matching
from readiness.systems.traces.declared import HopLog, StoreOfTraces, TraceStore
from readiness.systems.traces.reading import read_traces

SITE = load_environment(ENVIRONMENTS / "traced.yaml")
TRACING = SITE.tracing[0]
RECORDED = (Path(__file__).parents[1] / "recorded/traces/one_trace.json").read_text()
ID = "0123456789abcdef" * 2
Answer = Callable[[str], tuple[int, bytes]]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """A connection that was broken off is collected in its own test (docs/next.md), in no other."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def store(answer: Answer) -> Iterator[tuple[Any, StoreOfTraces]]:
    """A store on loopback that answers so, and the connections that reach it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            status, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as one:
        thread = threading.Thread(target=one.serve_forever, daemon=True)
        thread.start()
        machine = SITE.machine("trace1").model_copy(update={"addresses": ("127.0.0.1",)})
        at = TraceStore(machine="trace1", port=one.server_address[1])
        yield SimpleNamespace(site=SITE), StoreOfTraces(TRACING, at, machine)
        one.shutdown()
        thread.join()


def test_a_trace_of_jaeger_is_read() -> None:
    """From the edge to the query: ids, parents, times, kinds, machines and status."""
    spans = {one.operation: one for one in read_traces(json.loads(RECORDED), where="trace1")}
    assert [*spans] == ["ReverseProxy", "GET", "SELECT", "record", "GET /record"]
    query, record, server = spans["SELECT"], spans["record"], spans["GET /record"]
    assert query.parent == record.id
    assert record.parent == server.id
    assert server.parent == spans["ReverseProxy"].id
    assert (query.kind, server.kind) == ("client", "server")
    assert (server.service, spans["GET"].service) == ("portal", "edge")
    assert query.tags["db.system"] == "postgresql"
    assert server.tags["host.name"].startswith("app")
    assert server.start <= record.start <= query.start <= query.end <= record.end
    assert not any(one.failed for one in spans.values())
    assert len(query.trace) == 32


def test_only_what_was_asked_for_is_believed() -> None:
    """A store that answers with another trace has not found ours; and one that is not there is."""
    with store(lambda _: (200, RECORDED.encode())) as (connections, one):
        assert by_ids(connections, one, [ID]) == []
        assert len(matching(connections, one, "portal", {"a": "b"}, 0.0, 5)) == 5
    none = {"data": [], "errors": [{"msg": "trace not found"}]}
    with store(lambda _: (200, json.dumps(none).encode())) as (connections, one):
        assert by_ids(connections, one, [ID]) == []
    with store(lambda _: (404, json.dumps(none | {"data": None}).encode())) as (connections, one):
        assert by_ids(connections, one, [ID]) == []


def altered(**other: Any) -> bytes:
    """The recorded answer with its first span changed."""
    body = json.loads(RECORDED)
    body["data"][0]["spans"][0] |= other
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"<html>Sign in</html>", NotUnderstood),
        (200, b'{"data": [{"spans"', NotUnderstood),
        (200, b'{"data": {}}', NotUnderstood),
        (200, b'{"data": [1]}', NotUnderstood),
        (200, b'{"data": [{"spans": {}, "processes": {}}]}', NotUnderstood),
        (200, altered(startTime="now"), NotUnderstood),
        (200, altered(startTime=float("nan")), NotUnderstood),
        (200, altered(processID="p9"), NotUnderstood),
        (200, altered(references=[{}]), NotUnderstood),
        (200, altered(tags=[{"key": 1}]), NotUnderstood),
        (302, b"", NotUnderstood),
        (503, b"{}", NotUnderstood),
        (401, b"who are you", AccessDenied),
        (200, b" " * 5_000_000, NotUnderstood),
    ],
)
def test_what_is_no_answer_is_inconclusive(
    status: int, body: bytes, error: type[ProbeError]
) -> None:
    """In one line, and never a reading."""
    with (
        store(lambda _: (status, body)) as (connections, one),
        pytest.raises(error) as caught,
    ):
        by_ids(connections, one, [ID])
    assert "\n" not in str(caught.value)


def test_a_store_that_is_gone_is_inconclusive() -> None:
    """Nobody listens there any more."""
    with store(lambda _: (200, b"{}")) as (connections, one):
        pass
    with pytest.raises(Unreachable):
        by_ids(connections, one, [ID])


def test_the_context_is_as_its_standard_has_it() -> None:
    """W3C Trace Context, 3.2, and B3 in one header."""
    assert context(TRACING, ID, "f" * 16) == {"traceparent": f"00-{ID}-{'f' * 16}-01"}
    b3 = TRACING.model_copy(update={"propagation": "b3"})
    assert context(b3, ID, "f" * 16) == {"b3": f"{ID}-{'f' * 16}-1"}


class Link:
    """A connection that answers nothing, and remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def run(self, command: str, **_: object) -> str:
        """Remember it."""
        self.sent.append(command)
        return ""


FILE = HopLog(file="/var/log/traefik/access.log")
UNIT = HopLog(unit="campus")
GREP = f"grep --count --fixed-strings --regexp={ID} -- /var/log/traefik/access.log"
JOURNAL = f"journalctl --no-pager --output=cat --lines=50 --since=@1796143188 --grep={ID} --unit="


@pytest.mark.parametrize(("log", "command"), [(FILE, GREP), (UNIT, f"{JOURNAL}campus")])
def test_a_log_is_asked_for_ids_alone(log: HopLog, command: str) -> None:
    """The declared log and nothing else, on that connection and no other."""
    link: Any = Link()
    session = opened(SimpleNamespace(_link=link), log)  # type: ignore[arg-type]
    session.run(command, remember=False)
    assert link.sent == [command]
    assert not is_allowed(command)
    for other in (
        command.replace(ID, "."),
        command.replace(ID, f"{ID[:-1]}."),
        f"{command} /etc/shadow",
        f"{command}; id",
        f"{JOURNAL}ssh",
        GREP.replace("access", "other"),
    ):
        with pytest.raises(NotPermitted):
            session.run(other, remember=False)
