"""What Prometheus and Alertmanager answer, and what other servers do in their place."""

import gc
import http.server
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from wrong_files import ENVIRONMENTS

from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError
from readiness.probes.rest import RestTarget
from readiness.site.declared.interface import Interface
from readiness.site.documents import load_environment
from readiness.systems.alertmanager.routes import matchers, reached, read_route
from readiness.systems.answer import RestAnswer
from readiness.systems.interface import get, target
from readiness.systems.prometheus.durations import kept_for, seconds
from readiness.systems.prometheus.expressions import asked_of, metrics_of
from readiness.systems.prometheus.reading import Range, kept, moment, read_series, read_targets

INTERFACE = Interface(machine="prom1", port=9090)
Answering = Callable[[http.server.BaseHTTPRequestHandler], None]


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """A connection that was broken off is collected in its own test (docs/next.md), in no other."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextmanager
def server(answer: Answering) -> Iterator[RestTarget]:
    """A server on loopback that answers every GET so."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            answer(self)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield RestTarget("prom1", "prom1", "127.0.0.1", one.server_address[1], None)
        one.shutdown()


def saying(status: int, body: bytes, **headers: str) -> Answering:
    """An answer with that status and body."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def endless(handler: http.server.BaseHTTPRequestHandler) -> None:
    """200 MB, or until nobody listens any more."""
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b" " * 1_000_000)
    except OSError:
        return


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (saying(401, b"who are you"), AccessDenied),
        (saying(200, b"<html>Sign in</html>"), NotUnderstood),
        (saying(302, b"", Location="http://127.0.0.1/login"), NotUnderstood),
        (saying(503, b'{"status":"error","error":"query timed out"}'), NotUnderstood),
        (endless, NotUnderstood),
    ],
    ids=["login", "page", "redirect", "error", "200 MB"],
)
def test_what_is_no_answer_is_inconclusive(answer: Answering, error: type[ProbeError]) -> None:
    """It ends soon, in one line, and is never a reading."""
    begun = time.monotonic()
    with server(answer) as at, pytest.raises(error) as caught:
        get(at, INTERFACE, "/api/v1/targets")
    assert time.monotonic() - begun < 12
    assert "\n" not in str(caught.value)


def test_a_token_is_sent_and_shown_nowhere(tmp_path: Path) -> None:
    """It stands in the header alone, with the path's prefix before the path."""
    seen = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        seen.append((handler.path, handler.headers["Authorization"]))
        saying(200, b"{}")(handler)

    text = (ENVIRONMENTS / "watched.yaml").read_text()
    (tmp_path / "token").write_text("canary-of-a-token\n")
    (tmp_path / "site.yaml").write_text(
        text.replace("{machine: prom1}", "{machine: prom1, prefix: /p/, token: 'file:token'}", 1)
    )
    site = load_environment(tmp_path / "site.yaml")
    assert site.metrics is not None
    declared = site.metrics.servers[0]
    with server(answer) as there:
        machine = site.machine("prom1").model_copy(update={"addresses": ("127.0.0.1",)})
        asked = declared.model_copy(update={"port": there.port})
        at = target(site, machine, asked)
        get(at, asked, "/x", {"query": "a b"})
    assert seen == [("/p/x?query=a+b", "Bearer canary-of-a-token")]
    assert "canary" not in repr(at) + str(at)


def test_no_number_is_no_value() -> None:
    """A NaN is kept out of what a range holds, and an answer without data is none."""
    points = (((0.0, 1.0), (10.0, float("nan")), (20.0, 0.0)),)
    found = kept(points, Range("x", 0.0, 40.0, 10.0), "digest")
    assert (found.points, found.mean, found.longest_hole) == (2, 0.5, 20.0)
    with pytest.raises(NotUnderstood):
        read_series(RestAnswer(200, {"status": "error"}), "prom1")


def test_targets_are_read_with_their_ages() -> None:
    """One that was never scraped has none; the host is that which is asked."""
    body = {
        "status": "success",
        "data": {
            "activeTargets": [
                {
                    "labels": {"job": "node", "instance": "web1:9100"},
                    "scrapeUrl": "http://web1.example.edu:9100/metrics?module=x",
                    "health": "up",
                    "lastError": "",
                    "lastScrape": "1970-01-01T00:01:40.123456789Z",
                    "scrapeInterval": "1m30s",
                },
                {
                    "labels": {"job": "node", "instance": "web2:9100"},
                    "scrapeUrl": "http://[2001:db8::1]:9100/metrics",
                    "health": "unknown",
                    "lastScrape": "0001-01-01T00:00:00Z",
                },
            ]
        },
    }
    found = read_targets(RestAnswer(200, body), 109.0, 111.0, 110.0, "prom1")
    one, other = found.targets
    assert (one.host, one.port, one.interval) == ("web1.example.edu", 9100, 90.0)
    assert one.age == pytest.approx(9.876544)
    assert one.parameters == {"module": ["x"]}
    assert (other.host, other.age, other.interval) == ("2001:db8::1", None, None)
    assert found.ahead == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("expression", "asked", "named"),
    [
        ('up{job="node"} == 0', [['up{job="node"}']], ["up"]),
        ('absent(node_time_seconds{job="node"})', [], ["node_time_seconds"]),
        ("vector(1)", [], []),
        ('rate(a[5m]) > 0 or rate(b{code=~"5.."}[5m]) > 0', [["a"], ["b"]], ["a", "b"]),
        ("(newer or older) < 3", [["newer", "older"]], ["newer", "older"]),
        (
            'sum by (job, code) (rate(http{code="500"}[5m])) / on (job) group_left () total > 0.1',
            [["http"], ["total"]],
            ["http", "total"],
        ),
        ("up offset 5m == bool 0 unless on (instance) maintained == 1", [["up"]], None),
        ("topk(3, foo) > +Inf", [["foo"]], ["foo"]),
        ("foo @ start() > 1", [["foo"]], ["foo"]),
        ('ALERTS{alertname="x"} == 1 and bar{a="}("} > 0', [["bar"]], ["ALERTS", "bar"]),
    ],
)
def test_what_an_expression_asks_for(
    expression: str, asked: list[list[str]], named: list[str] | None
) -> None:
    """The series without which it gives nothing, of a choice any."""
    assert [list(group) for group in asked_of(expression)] == asked
    assert named is None or list(metrics_of(expression)) == named


ROUTES = read_route(
    {
        "receiver": "nobody",
        "routes": [
            {"receiver": "log", "continue": True},
            {"receiver": "pager", "matchers": ['severity =~ "page|critical"'], "routes": [
                {"match": {"team": "web"}, "receiver": "web"},
            ]},
            {"receiver": "late", "match_re": {"severity": "page"}},
        ],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "ends"),
    [
        ({"severity": "page"}, ["log", "pager"]),
        ({"severity": "critical", "team": "web"}, ["log", "web"]),
        ({"severity": "paged"}, ["log"]),
        ({}, ["log"]),
    ],
)
def test_where_routes_lead(labels: dict[str, str], ends: list[str]) -> None:
    """The first that takes it, and those behind one that goes on."""
    assert [one.receiver for one in reached(ROUTES, labels)] == ends


def test_matchers_as_they_are_written() -> None:
    """With and without quotes, of all four relations; what is none is refused."""
    one, two, three = matchers(['a="b\\"c"', "d != e", "f!~g.*"])
    assert (one.value, two.relation, three.relation) == ('b"c', "!=", "!~")
    assert three.holds({"f": "x"})
    assert not three.holds({"f": "gh"})
    with pytest.raises(ValueError, match="matcher"):
        list(matchers(["no matcher"]))


def test_durations_and_moments() -> None:
    """As Prometheus and Go write them; anything else is none."""
    assert [seconds(one) for one in ("1m30s", "5w", "2y", "x", 3)] == [
        90.0, 3024000.0, 63072000.0, None, None,
    ]  # fmt: skip
    assert [kept_for(one) for one in ("35d or 10GiB", "512MB", "1d")] == [3024000.0, None, 86400.0]
    assert moment("1970-01-01T00:00:01.5+00:00") == pytest.approx(1.5)
    assert moment("soon") is None
