"""The HTTP probe against real servers on loopback, and its pure readers on their own."""

import hashlib
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pki import NAME, Hierarchy, hierarchy, issue
from servers import Behaviour, closed_port, say, serve, server_context, silence, slam

from readiness.model.errors import AccessDenied, NotUnderstood, TimedOut, Unreachable, UsageError
from readiness.systems.http import reading as probe
from readiness.systems.http.asking import pages as probe_pages

PAGE = "/health/ready?x=1&y=%2F"
LOOPBACK = "127.0.0.1"


def answer(status: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    """Return a whole answer as it goes over the wire."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {size}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def over_tls(identity: Path, behave: Behaviour, clients_of: bytes | None = None) -> Behaviour:
    """Do the same behind TLS."""
    context = server_context(identity, clients_of=clients_of)

    def secure(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            behave(wrapped)

    return secure


def echo(connection: socket.socket) -> None:
    """Answer with the request itself."""
    connection.sendall(answer("200 OK", "Content-Type: text/plain", body=connection.recv(4096)))


@pytest.mark.parametrize("address", [LOOPBACK, "::1"])
def test_what_goes_over_the_wire(address: str) -> None:
    """The path goes out with its query as given, under the host's name and not the address."""
    asked = []

    def note(connection: socket.socket) -> None:
        asked.append(connection.recv(4096))
        connection.sendall(answer("200 OK", body=b"hello"))

    with serve(note, address) as port:
        found = probe_pages.ask(address, port, host=NAME, path=PAGE)
    head = asked[0].decode().split("\r\n")
    assert head[0] == f"GET {PAGE} HTTP/1.1"
    assert f"Host: {NAME}:{port}" in head
    assert found.url == f"http://{NAME}:{port}{PAGE}"
    assert (found.status, found.answers, found.problem) == (200, True, "")
    assert found.family == ("v6" if ":" in address else "v4")
    assert (found.body_length, found.body_complete) == (5, True)
    assert found.body_digest == hashlib.sha256(b"hello").hexdigest()


def test_proxy_variables_are_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address asked is the one given, whatever the surroundings say."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    with serve(echo) as port:
        assert probe_pages.ask(LOOPBACK, port, host=NAME).status == 200


def test_a_page_over_tls(pki: Hierarchy, healthy_file: Path) -> None:
    """With an authority the page is asked for over TLS, under the name in the certificate."""
    policy = "Strict-Transport-Security: max-age=31536000; includeSubDomains"
    with serve(over_tls(healthy_file, say(answer("200 OK", policy)))) as port:
        found = probe_pages.ask(LOOPBACK, port, host=NAME, authority_pem=pki.root.pem)
    assert found.status == 200
    assert found.url.startswith("https://")
    assert found.hsts == probe.Hsts(1, 31_536_000, include_subdomains=True)


def test_tls_that_is_not_trusted_is_no_answer(pki: Hierarchy, healthy_file: Path) -> None:
    """Wrong authority and wrong name are findings: the page is not read."""
    with serve(over_tls(healthy_file, echo)) as port:
        other = probe_pages.ask(
            LOOPBACK, port, host=NAME, authority_pem=hierarchy("Other").root.pem
        )
        wrong = probe_pages.ask(LOOPBACK, port, host="x.example.org", authority_pem=pki.root.pem)
    assert (other.answers, wrong.answers) == (False, False)
    assert "not trusted: unable to get local issuer" in other.problem
    assert "Hostname mismatch" in wrong.problem


def test_the_common_name_counts_for_nothing(pki: Hierarchy, tmp_path: Path) -> None:
    """A certificate that carries the name only in its subject is not trusted."""
    old = issue(NAME, pki.intermediate).write(tmp_path / "old.pem", pki.intermediate)
    with serve(over_tls(old, echo)) as port:
        found = probe_pages.ask(LOOPBACK, port, host=NAME, authority_pem=pki.root.pem)
    assert not found.answers


def test_a_client_certificate(pki: Hierarchy, healthy_file: Path, tmp_path: Path) -> None:
    """With its client certificate the page is read; without, access is what is missing."""
    client = str(pki.leaf("client").write(tmp_path / "client.pem", pki.intermediate))
    with serve(over_tls(healthy_file, echo, pki.root.pem)) as port:
        found = probe_pages.ask(
            LOOPBACK,
            port,
            host=NAME,
            authority_pem=pki.root.pem,
            client_certificate=(client, client),
        )
        with pytest.raises(AccessDenied, match=f"{port}: .*certificate_required"):
            probe_pages.ask(LOOPBACK, port, host=NAME, authority_pem=pki.root.pem)
    assert found.status == 200


def test_cookies_lose_their_values() -> None:
    """A session's cookie never reaches a reading."""
    with serve(say(answer("200 OK", "Set-Cookie: sid=hunter2; Secure", "X-Kept: yes"))) as port:
        found = probe_pages.ask(LOOPBACK, port, host=NAME)
    assert found.header("set-cookie") == ("",)
    assert found.header("X-Kept") == ("yes",)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"state": "running"}', {"state": "running"}),
        (b"[1, 2]", [1, 2]),
        (b"<html>", None),
        (b"[" * 60_000, None),
        (b'"' + b"x" * probe_pages.JSON_LIMIT + b'"', None),
    ],
)
def test_json_is_read_up_to_a_limit(body: bytes, read: object) -> None:
    """A small JSON body is read; noise, deep nesting and large bodies are not."""
    with serve(say(answer("503 Service Unavailable", body=body))) as port:
        found = probe_pages.ask(LOOPBACK, port, host=NAME)
    assert (found.status, found.json) == (503, read)
    assert found.body_length == len(body)


def test_bodies_that_are_not_whole() -> None:
    """A body cut off and a body beyond the limit are read in part and marked."""
    with serve(say(answer("200 OK", body=b"1234", length=8))) as port:
        cut = probe_pages.ask(LOOPBACK, port, host=NAME)
    with serve(say(answer("200 OK", body=b"x" * (probe.BODY_LIMIT + 9)))) as port:
        large = probe_pages.ask(LOOPBACK, port, host=NAME)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n9\r\nwor"
    with serve(say(chunked)) as port:
        torn = probe_pages.ask(LOOPBACK, port, host=NAME)
    assert cut.json is None
    assert [one.body_complete for one in (cut, large, torn)] == [False] * 3
    assert [one.body_length for one in (cut, large, torn)] == [4, probe.BODY_LIMIT, 5]


@pytest.mark.parametrize("address", [LOOPBACK, "::1"])
def test_a_refused_connection_is_a_finding(address: str) -> None:
    """Where nobody listens the reading says so."""
    found = probe_pages.ask(address, closed_port(address), host=NAME)
    assert (found.answers, found.problem, found.status) == (False, "connection refused", 0)


def test_silence_is_a_time_out() -> None:
    """A server that never answers is left at the deadline."""
    with serve(silence) as port, pytest.raises(TimedOut, match=f"{port}: no answer within 0.3 s"):
        probe_pages.ask(LOOPBACK, port, host=NAME, timeout=0.3)


def test_dripping_headers_are_a_time_out() -> None:
    """A server that sends a byte now and then cannot stretch the deadline."""

    def drip(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        connection.settimeout(0.05)
        while True:
            connection.sendall(b"x")
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    with serve(drip) as port, pytest.raises(TimedOut):
        probe_pages.ask(LOOPBACK, port, host=NAME, timeout=0.5)


@pytest.mark.parametrize(
    "noise", [b"SSH-2.0-x\r\n", b"\x15\x03\x01\0\x02\x02\x46", b"HTTP/x\r\n\r\n"]
)
def test_noise_is_not_understood(noise: bytes) -> None:
    """An answer in another protocol names the address."""
    with serve(say(noise)) as port, pytest.raises(NotUnderstood, match=f"{LOOPBACK}:{port}"):
        probe_pages.ask(LOOPBACK, port, host=NAME)


def test_a_server_that_closes_at_once() -> None:
    """Closing instead of answering is not understood."""
    with serve(slam) as port, pytest.raises(NotUnderstood, match="without an answer"):
        probe_pages.ask(LOOPBACK, port, host=NAME)


def test_plain_http_behind_a_tls_question(pki: Hierarchy) -> None:
    """A plain server asked over TLS is not understood."""
    with serve(say(answer("400 Bad Request"))) as port, pytest.raises(NotUnderstood, match="TLS"):
        probe_pages.ask(LOOPBACK, port, host=NAME, authority_pem=pki.root.pem)


def test_no_route() -> None:
    """An address that takes no connections is unreachable."""
    with pytest.raises(Unreachable, match=r"224\.0\.0\.1:80"):
        probe_pages.ask("224.0.0.1", 80, host=NAME, timeout=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "health"},
        {"path": "/ HTTP/1.1\r\nX: y"},
        {"path": "/#x"},
        {"host": "a\r\nX: y"},
        {"host": ""},
        {"host_header": "a b"},
    ],
)
def test_what_cannot_be_sent_is_refused(wrong: dict[str, str]) -> None:
    """A request that would smuggle something is refused before anything is sent."""
    with pytest.raises(UsageError, match="cannot be sent"):
        probe_pages.ask_question(probe_pages.Question(LOOPBACK, 1, **{"host": NAME, **wrong}))  # type: ignore[arg-type]


def test_many_at_once_keep_their_order() -> None:
    """Exchanges and errors stand in the order of the questions."""
    with serve(echo) as good, serve(slam) as bad:
        ports = [good, bad, good, closed_port()]
        found = probe_pages.ask_many([probe_pages.Question(LOOPBACK, port, NAME) for port in ports])
    assert [getattr(one, "answers", None) for one in found] == [True, None, True, False]
    assert isinstance(found[1], NotUnderstood)


@pytest.mark.parametrize(
    ("policies", "max_age", "subdomains"),
    [
        (["max-age=31536000"], 31_536_000, False),
        (["max-age=31536000; includeSubDomains; preload"], 31_536_000, True),
        (['MAX-AGE="60" ; INCLUDESUBDOMAINS'], 60, True),
        (["max-age=0; includeSubDomains"], 0, True),
        (['; max-age=5;; new=thing; quoted="a;b"'], 5, False),
        (["max-age=5", "max-age=0"], 5, False),
        (["includeSubDomains", "max-age=5"], None, False),
        (["max-age=5, max-age=6"], None, False),
        (["max-age=5; max-age=5"], None, False),
        (["max-age=-1"], None, False),
        (["max-age=1.5"], None, False),
        (["max-age"], None, False),
        (["max-age=5; includeSubDomains=1"], None, False),
        (["max-age=5 includeSubDomains"], None, False),
        (["max age=5"], None, False),
        ([""], None, False),
        ([], None, False),
    ],
)
def test_hsts_is_read_as_a_browser_reads_it(
    *, policies: list[str], max_age: int | None, subdomains: bool
) -> None:
    """The first header counts, max-age is required, and broken grammar voids the header."""
    found = probe_pages.read_hsts(policies, secure=True)
    assert (found.max_age, found.include_subdomains) == (max_age, subdomains)
    assert found.count == len(policies)
    assert bool(found.problem) == (max_age is None)


def test_hsts_over_plain_http_is_ignored() -> None:
    """A browser takes the header over TLS only."""
    with serve(say(answer("200 OK", "Strict-Transport-Security: max-age=5"))) as port:
        found = probe_pages.ask(LOOPBACK, port, host=NAME)
    assert (found.hsts.count, found.hsts.max_age) == (1, None)
    assert "plain" in found.hsts.problem


def test_duplicated_hsts_headers_stay_apart(pki: Hierarchy, healthy_file: Path) -> None:
    """Over the wire too, the first of two headers counts."""
    twice = ("Strict-Transport-Security: max-age=0", "Strict-Transport-Security: max-age=5")
    with serve(over_tls(healthy_file, say(answer("200 OK", *twice)))) as port:
        found = probe_pages.ask(LOOPBACK, port, host=NAME, authority_pem=pki.root.pem)
    assert (found.hsts.count, found.hsts.max_age) == (2, 0)


@given(st.text(max_size=60))
@example("\n")
@example("max-age=1\n")
@example("max-age=1; a" + " " * 60_000 + "b")
def test_hsts_noise_never_trips_the_reader(noise: str) -> None:
    """Any header at all is soon read, as a policy with a max-age or a problem, never both."""
    found = probe_pages.read_hsts([noise], secure=True)
    assert (found.max_age is None) == bool(found.problem)


def redirected(status: str, *locations: str) -> probe.Redirect:
    """Return what is read of an answer with these Location headers to `PAGE`."""
    with serve(say(answer(status, *(f"Location: {one}" for one in locations)))) as port:
        exchange = probe_pages.ask(LOOPBACK, port, host=NAME, path=PAGE)
    return probe.redirects_to_https(exchange)


@pytest.mark.parametrize(
    ("status", "permanent"), [("301", True), ("308", True), ("302", False), ("307", False)]
)
def test_a_good_redirect(*, status: str, permanent: bool) -> None:
    """The same page over HTTPS is a good redirect; whether it is permanent is told apart."""
    found = redirected(f"{status} Moved", f"https://{NAME}{PAGE}")
    assert (found.to_https, found.permanent, found.problem) == (True, permanent, "")
    assert urlsplit(found.target).hostname == NAME


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        (f"http://{NAME}{PAGE}", "not https"),
        (PAGE, "not https"),
        (f"//{NAME}{PAGE}", "not https"),
        (f"https://evil.example{PAGE}", "leads to evil.example"),
        (f"https://{NAME}.evil.example{PAGE}", "evil.example"),
        (f"https://{NAME}@evil.example{PAGE}", "credentials"),
        (f"https://evil.example\\@{NAME}{PAGE}", "malformed"),
        (f"https://{NAME}:8443{PAGE}", "port 8443"),
        (f"https://{NAME}:99999{PAGE}", "malformed"),
        (f"https://{NAME}:443/", "path and query"),
        (f"https://{NAME}/health/ready", "path and query"),
        (f"https://{NAME}/health/ready?x=1&y=/", "path and query"),
        (f"https:{PAGE}", "no host"),
        ("https://[::1", "malformed"),
        (f"javascript://{NAME}{PAGE}", "not https"),
    ],
)
def test_redirects_that_lead_elsewhere(location: str, problem: str) -> None:
    """Another scheme, host, port, path or query is not the same page, and the reason says which."""
    found = redirected("301 Moved Permanently", location)
    assert not found.to_https
    assert problem in found.problem


def test_answers_that_are_no_redirect() -> None:
    """Content, a redirect without or with two targets, and nobody home are told apart."""
    good = f"https://{NAME}{PAGE}"
    assert redirected("200 OK").problem == "answered 200 instead of redirecting"
    assert redirected("303 See Other", good).problem == "answered 303 instead of redirecting"
    assert redirected("301 Moved").problem == "no Location header"
    assert redirected("301 Moved", good, good).problem == "2 Location headers"
    nobody = probe_pages.ask(LOOPBACK, closed_port(), host=NAME)
    assert probe.redirects_to_https(nobody).problem == "connection refused"


def test_a_redirect_that_follows_the_host_header() -> None:
    """A server that sends its reader to whatever host was asked for is caught with a false one."""

    def follow(connection: socket.socket) -> None:
        head = connection.recv(4096).decode().split("\r\n")
        host = next(line.removeprefix("Host: ") for line in head if line.startswith("Host: "))
        connection.sendall(answer("301 Moved", f"Location: https://{host}/"))

    with serve(follow) as port:
        exchange = probe_pages.ask(LOOPBACK, port, host=NAME, host_header="evil.example")
    assert "leads to evil.example" in probe.redirects_to_https(exchange).problem


def test_https_on_another_port() -> None:
    """Where HTTPS is served on another port, the redirect must name it."""
    location = f"Location: https://{NAME}:8443/"
    with serve(say(answer("308 Permanent Redirect", location))) as port:
        exchange = probe_pages.ask(LOOPBACK, port, host=NAME)
    assert probe.redirects_to_https(exchange, port=8443).to_https
    assert not probe.redirects_to_https(exchange).to_https
    assert not probe.redirects_to_https(exchange, name="other.example.org", port=8443).to_https
