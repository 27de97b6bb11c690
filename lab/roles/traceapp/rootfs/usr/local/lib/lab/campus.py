"""The campus portal, as small as a portal can be: a page whose content is in a database.

Every request is a span of its own, the query below it another, and one line in the log has the id
of the trace. What is wrong with it on purpose stands in CAMPUS_DEFECTS: `no-id-in-log`,
`other-id-in-log`, `error-called-ok`. CAMPUS_DROPS names spans that are not exported, as a filter of
a collector does. CAMPUS_SPANS adds so many internal spans to each request, and CAMPUS_LATE_WORK
goes on in the background after the answer.
"""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import psycopg
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

DEFECTS = os.environ.get("CAMPUS_DEFECTS", "").split()
DROPS = os.environ.get("CAMPUS_DROPS", "").split()
TRACER = trace.get_tracer("campus")
ME = socket.gethostname()
Environ = dict[str, Any]


class Filtered(BatchSpanProcessor):
    """Exports what is not dropped by name."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take the span, or leave it out."""
        if not any(name in span.name for name in DROPS):
            super().on_end(span)


def log(path: str, status: str) -> None:
    """One line about a request, with the id of its trace."""
    found = trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)
    line = {"message": "answered", "path": path, "status": status, "trace_id": found}
    if "no-id-in-log" in DEFECTS:
        del line["trace_id"]
    if "other-id-in-log" in DEFECTS:
        line["trace_id"] = secrets.token_hex(16)
    print(json.dumps(line), flush=True)


def record(who: str) -> tuple[str] | None:
    """What the database has of somebody, found by the address in a header."""
    with TRACER.start_as_current_span("record"):
        for number in range(int(os.environ.get("CAMPUS_SPANS", "0"))):
            with TRACER.start_as_current_span(f"step {number}"):
                time.sleep(0.001)
        with psycopg.connect(os.environ["CAMPUS_DATABASE"]) as connection:
            found = connection.execute("SELECT name FROM students WHERE mail = %s", (who,))
            return found.fetchone()


def later(span: trace.Span) -> None:
    """Go on after the answer, below the request's span."""
    with TRACER.start_as_current_span("late work", context=trace.set_span_in_context(span)):
        time.sleep(1.5)


def portal(environ: Environ, start: Callable[..., object]) -> list[bytes]:
    """Answer one request."""
    path = environ["PATH_INFO"]
    status, body = "200 OK", {"courses": ["Botany", "Law"]}
    if path == "/broken":
        status, body = "500 Internal Server Error", {"error": "broken by design"}
        if "error-called-ok" in DEFECTS:
            # What is said to be well stays so, whatever the instrumentation says after it.
            trace.get_current_span().set_status(trace.StatusCode.OK)
    elif path == "/record":
        found = record(environ.get("HTTP_X_STUDENT", ""))
        body = {"name": found and found[0]}
    if "CAMPUS_LATE_WORK" in os.environ:
        threading.Thread(target=later, args=(trace.get_current_span(),)).start()
    log(path, status)
    start(status, [("Content-Type", "application/json"), ("X-Served-By", ME)])
    return [json.dumps(body).encode()]


def whole(environ: Environ, start: Callable[..., object]) -> list[bytes]:
    """Answer whoever looks after the server without a span, and everybody else with one."""
    if environ["PATH_INFO"] == "/healthz":
        start("200 OK", [("X-Served-By", ME)])
        return [b"ok"]
    return TRACED(environ, start)


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each request."""

    daemon_threads = True
    request_queue_size = 128


class Quiet(WSGIRequestHandler):
    """Says nothing by itself."""

    def log_message(self, *_: object) -> None:
        """Leave the log to the application."""


provider = TracerProvider()
provider.add_span_processor(Filtered(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
capture = os.environ.get("CAMPUS_CAPTURES_PARAMETERS") == "yes"
PsycopgInstrumentor().instrument(capture_parameters=capture)
TRACED = OpenTelemetryMiddleware(portal)
make_server("", 8000, whole, Server, Quiet).serve_forever()
