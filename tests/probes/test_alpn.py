"""The probe that asks as browsers do, against real servers of HTTP/2 on loopback."""

import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import RequestReceived
from http_2_server import Answer, agreeing, page, speaking
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import NAME, Hierarchy, hierarchy
from servers import closed_port, say, serve

from readiness.model.errors import NotUnderstood, ProbeError, TimedOut
from readiness.systems.http.asking import alpn as probe
from readiness.systems.http.asking.pages import Question
from readiness.systems.http.reading import BODY_LIMIT, Exchange, wrong_with

LOOPBACK = "127.0.0.1"
HTTP_1 = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Type: text/html\r\n\r\nCourses"
SETTINGS = bytes.fromhex("000000040000000000")
Ask = Callable[..., Exchange]


@pytest.fixture
def ask(pki: Hierarchy) -> Ask:
    """Asks a port as a browser that trusts the declared authority."""

    def asked(port: int, timeout: float = 5.0) -> Exchange:
        question = Question(
            LOOPBACK,
            port,
            NAME,
            path="/courses?x=1",
            authority_pem=pki.root.pem,
            timeout=timeout,
            contains="Courses",
        )
        return probe.ask_question(question)

    return asked


def asked_of(ask: Ask, identity: Path, answer: Answer, **more: float) -> Exchange:
    """What the probe makes of a server that agrees on HTTP/2 and answers so."""
    with serve(agreeing(identity, ["h2", "http/1.1"], speaking(answer))) as port:
        return ask(port, **more)


def raw(ask: Ask, identity: Path, data: bytes, **more: float) -> Exchange:
    """What the probe makes of a server that agrees on HTTP/2, sends these bytes and closes."""
    with serve(agreeing(identity, ["h2"], say(data))) as port:
        return ask(port, **more)


def test_a_page_over_http_2(ask: Ask, healthy_file: Path) -> None:
    """Asked as it was declared, and read with status, fields and body."""
    asked = []

    def note(connection: ssl.SSLSocket, http: H2Connection, request: RequestReceived) -> None:
        asked.extend(request.headers)
        page(b"Courses", "200", ("strict-transport-security", "max-age=63072000"))(
            connection, http, request
        )

    found = asked_of(ask, healthy_file, note)
    assert (found.protocol, found.status, found.body_length, found.problem) == ("h2", 200, 7, "")
    assert found.contains
    assert found.hsts.max_age == 63_072_000
    assert wrong_with(found, 200) == ""
    sent = {bytes(name).decode(): bytes(value).decode() for name, value in asked}
    assert sent[":method"] == "GET"
    assert sent[":path"] == "/courses?x=1"
    assert sent[":authority"].startswith(f"{NAME}:")


@pytest.mark.parametrize(("knows", "agreed"), [(["http/1.1"], "http/1.1"), ([], ""), (["x"], "")])
def test_negative_control_a_server_without_http_2(
    ask: Ask, healthy_file: Path, knows: list[str], agreed: str
) -> None:
    """One that agrees on HTTP/1.1, on nothing, or does not know ALPN is asked over HTTP/1.1."""
    with serve(agreeing(healthy_file, knows, say(HTTP_1))) as port:
        found = ask(port)
    assert (found.protocol, found.status, wrong_with(found, 200)) == (agreed, 200, "")


def test_a_page_of_another_status(ask: Ask, healthy_file: Path) -> None:
    """A status is what it is."""
    found = asked_of(ask, healthy_file, page(b"Back soon.", "503"))
    assert wrong_with(found, 200) == "HTTP 503"


@pytest.mark.parametrize("data", [HTTP_1, b"HTTP/1.1 400 Bad request\r\n\r\n"])
def test_agreed_and_answered_in_http_1(ask: Ask, healthy_file: Path, data: bytes) -> None:
    """HAProxy with `alpn h2` and `proto h1` answers so."""
    found = raw(ask, healthy_file, data)
    assert wrong_with(found, 200) == "the server agreed on HTTP/2 and answered in HTTP/1"


def test_agreed_and_answered_in_something_else(ask: Ask, healthy_file: Path) -> None:
    """What is no frame is told as what it is."""
    found = raw(ask, healthy_file, b"\xff" * 100)
    assert found.problem.startswith("the server agreed on HTTP/2 and answered in something else")


@pytest.mark.parametrize("data", [b"", SETTINGS])
def test_agreed_and_closed(ask: Ask, healthy_file: Path, data: bytes) -> None:
    """Closed twice without an answer: a browser shows an error."""
    found = raw(ask, healthy_file, data)
    problem = "the server agreed on HTTP/2 and closed the connection without an answer"
    assert (found.answers, found.problem) == (False, problem)


def test_negative_control_closed_once(ask: Ask, healthy_file: Path) -> None:
    """A server that is being reloaded closes the connection; a browser makes another one."""
    seen = []

    def behave(connection: ssl.SSLSocket) -> None:
        seen.append(1)
        if len(seen) > 1:
            speaking(page())(connection)

    with serve(agreeing(healthy_file, ["h2"], behave)) as port:
        assert wrong_with(ask(port), 200) == ""
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (ErrorCodes.ENHANCE_YOUR_CALM, "ended the connection: ENHANCE_YOUR_CALM"),
        (ErrorCodes.PROTOCOL_ERROR, "ended the connection: PROTOCOL_ERROR"),
        (0x7F, "ended the connection: code 127"),
    ],
)
def test_goaway(ask: Ask, healthy_file: Path, code: int, told: str) -> None:
    """An end with an error is told by its name."""

    def answer(_: ssl.SSLSocket, http: H2Connection, __: RequestReceived) -> None:
        http.close_connection(code)

    found = asked_of(ask, healthy_file, answer)
    assert found.problem == f"the server agreed on HTTP/2 and {told}"


def announced(last: int) -> Answer:
    """Announce the end (GOAWAY without an error) before the answer, as nginx does."""
    goaway = bytes.fromhex("000008070000000000") + last.to_bytes(4) + bytes(4)

    def answer(connection: ssl.SSLSocket, http: H2Connection, request: RequestReceived) -> None:
        connection.sendall(http.data_to_send() + goaway)
        page()(connection, http, request)

    return answer


@pytest.mark.parametrize("last", [1, 2**31 - 1])
def test_negative_control_an_announced_end(ask: Ask, healthy_file: Path, last: int) -> None:
    """The last request of a connection is still answered (nginx: `keepalive_requests 1`)."""
    assert wrong_with(asked_of(ask, healthy_file, announced(last)), 200) == ""


def test_an_end_before_our_request(ask: Ask, healthy_file: Path) -> None:
    """Whoever refuses the request on two connections serves nobody."""
    found = asked_of(ask, healthy_file, announced(0))
    assert found.problem.endswith("ended the connection: NO_ERROR")


@pytest.mark.parametrize("code", [one for one in ErrorCodes if one != ErrorCodes.HTTP_1_1_REQUIRED])
def test_reset(ask: Ask, healthy_file: Path, code: ErrorCodes) -> None:
    """A request that is reset each time gets no page, whatever the reason; its name is told."""

    def answer(_: ssl.SSLSocket, http: H2Connection, request: RequestReceived) -> None:
        http.reset_stream(request.stream_id, code)

    found = asked_of(ask, healthy_file, answer)
    assert found.problem == f"the server agreed on HTTP/2 and reset the request: {code.name}"


def test_negative_control_http_1_1_required(ask: Ask, healthy_file: Path) -> None:
    """A browser comes back with HTTP/1.1 where the server demands it (RFC 9113, 7)."""

    def behave(connection: ssl.SSLSocket) -> None:
        if connection.selected_alpn_protocol() != "h2":
            say(HTTP_1)(connection)
            return

        def answer(_: ssl.SSLSocket, http: H2Connection, request: RequestReceived) -> None:
            http.reset_stream(request.stream_id, ErrorCodes.HTTP_1_1_REQUIRED)

        speaking(answer)(connection)

    with serve(agreeing(healthy_file, ["h2", "http/1.1"], behave)) as port:
        found = ask(port)
    assert (found.protocol, wrong_with(found, 200)) == ("http/1.1", "")


def test_never_answers(ask: Ask, healthy_file: Path) -> None:
    """It could not be found out, and says over what."""
    with pytest.raises(TimedOut, match="agreed on HTTP/2, and no whole page within"):
        asked_of(ask, healthy_file, lambda *_: None, timeout=0.5)


def test_a_page_that_is_cut_off(ask: Ask, healthy_file: Path) -> None:
    """What was begun and not ended is a page that is cut off."""

    def answer(connection: ssl.SSLSocket, http: H2Connection, request: RequestReceived) -> None:
        http.send_headers(request.stream_id, [(":status", "200")])
        http.send_data(request.stream_id, b"Courses")
        connection.sendall(http.data_to_send())
        connection.close()

    assert wrong_with(asked_of(ask, healthy_file, answer), 200) == "the page is cut off"


@pytest.mark.parametrize("size", [200_000, BODY_LIMIT, 3 * BODY_LIMIT])
def test_a_long_page(ask: Ask, healthy_file: Path, size: int) -> None:
    """More than a window comes whole; of more than is read the beginning counts."""
    found = asked_of(ask, healthy_file, page(b"Courses" + b"." * (size - 7)))
    assert found.body_length == min(size, BODY_LIMIT)
    assert found.body_complete is (size <= BODY_LIMIT)
    assert wrong_with(found, 200) == ""


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (("upgrade", "h2,h2c"), "sent the header field upgrade"),
        (("X-Name", "value"), "sent the header field X-Name"),
    ],
)
def test_fields_that_make_an_answer_malformed(
    ask: Ask, healthy_file: Path, field: tuple[str, str], told: str
) -> None:
    """Apache's `Upgrade` behind a proxy: some browsers show an error (RFC 9113, 8.2)."""
    found = asked_of(ask, healthy_file, page(b"Courses", "200", field))
    assert told in found.problem


def test_another_length_than_announced(ask: Ask, healthy_file: Path) -> None:
    """A malformed answer is told by the library's reason (RFC 9113, 8.1.1)."""
    found = asked_of(ask, healthy_file, page(b"Courses", "200", ("content-length", "99")))
    assert "the server agreed on HTTP/2 and broke its rules" in found.problem


def test_negative_control_what_other_libraries_refuse(ask: Ask, healthy_file: Path) -> None:
    """A field with a space around its value is shown by every browser."""
    found = asked_of(ask, healthy_file, page(b"Courses", "200", ("x-name", " value ")))
    assert wrong_with(found, 200) == ""


@pytest.mark.parametrize(
    "fields", [[("x-name", "v" * 70_000)], [(f"x-{n}", "v") for n in range(120)]]
)
def test_more_fields_than_are_read(
    ask: Ask, healthy_file: Path, fields: list[tuple[str, str]]
) -> None:
    """It could not be found out; nothing is kept of them."""
    with pytest.raises(NotUnderstood):
        asked_of(ask, healthy_file, page(b"Courses", "200", *fields))


@pytest.mark.parametrize("frame", [SETTINGS, bytes.fromhex("000008060000000000") + bytes(8)])
def test_a_flood(ask: Ask, healthy_file: Path, frame: bytes) -> None:
    """Settings or pings without end come to an end here."""
    chunk = frame * 1000

    def flood(connection: ssl.SSLSocket) -> None:
        end = time.monotonic() + 4
        while time.monotonic() < end:
            connection.sendall(chunk)

    with serve(agreeing(healthy_file, ["h2"], flood)) as port, pytest.raises(ProbeError):
        ask(port, timeout=1.0)


def test_a_flood_of_empty_frames_ends_at_the_limit(
    ask: Ask, healthy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much time there is, no more than the limit is read."""
    monkeypatch.setattr(probe, "WIRE_LIMIT", 50_000)
    with pytest.raises(NotUnderstood, match="no whole page over HTTP/2 within 50000 bytes"):
        raw(ask, healthy_file, SETTINGS * 10_000)


def test_informational_answers_come_before_the_page(ask: Ask, healthy_file: Path) -> None:
    """103 (RFC 8297) is none of the page's, and trailers are neither."""

    def answer(connection: ssl.SSLSocket, http: H2Connection, request: RequestReceived) -> None:
        http.send_headers(request.stream_id, [(":status", "103"), ("link", "</a.css>")])
        http.send_headers(request.stream_id, [(":status", "200")])
        http.send_data(request.stream_id, b"Courses")
        http.send_headers(request.stream_id, [("x-sum", "1")], end_stream=True)

    found = asked_of(ask, healthy_file, answer)
    assert (wrong_with(found, 200), found.headers) == ("", ())


def test_what_is_not_trusted_is_a_finding(ask: Ask, tmp_path: Path) -> None:
    """As over HTTP/1.1."""
    stranger = hierarchy().leaf()
    file = stranger.write(tmp_path / "stranger.pem", *stranger.above)
    found = asked_of(ask, file, page())
    assert not found.answers
    assert found.problem.startswith("certificate not trusted")


def test_a_refused_connection_is_a_finding(ask: Ask) -> None:
    """As over HTTP/1.1."""
    assert ask(closed_port()).problem == "connection refused"


def test_a_server_that_refuses_every_offer(ask: Ask, healthy_file: Path) -> None:
    """OpenSSL answers with an alert (RFC 7301, 3.2), and every browser gives up."""
    port = closed_port()
    words = ("openssl", "s_server", "-accept", str(port), "-cert", str(healthy_file), "-quiet")
    with subprocess.Popen([*words, "-alpn", "spdy/1"], stdin=subprocess.PIPE) as server:
        try:
            end = time.monotonic() + 10
            while (found := ask(port)).problem == "connection refused" and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            server.terminate()
    assert found.problem == "the server knows none of the protocols that were offered"


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 12), st.integers(0, 255), st.integers(0, 3), st.binary(max_size=60)
        )
    )
)
def test_whatever_frames_come_end_in_a_reason(frames: list[tuple[int, int, int, bytes]]) -> None:
    """Random frames of every type are an answer, a problem or not understood: never a crash."""
    data = SETTINGS + b"".join(
        len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body
        for kind, flags, stream, body in frames
    )

    class Line:
        """A line on which these bytes come, and then its end."""

        def __init__(self) -> None:
            self.left = [data, b""]

        def send(self, _: bytes) -> None:
            """Take everything."""

        def receive(self) -> bytes:
            """Give what is left."""
            return self.left.pop(0)

    question = Question(LOOPBACK, 443, NAME, authority_pem=b"")
    try:
        ended = probe._Talk(Line(), question).run()  # type: ignore[arg-type]
    except NotUnderstood:
        return
    assert ended.heard.problem or ended.heard.status
