"""HAProxy's statistics: read as the lab's balancers printed them, and asked over a socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import closed_port, say, serve

from readiness.model.errors import AccessDenied, NotUnderstood, Unreachable
from readiness.probes.rest import RestTarget
from readiness.systems.haproxy import asking as haproxy_asking
from readiness.systems.haproxy import reading as haproxy

FOLDER = Path(__file__).parents[1] / "recorded/haproxy"
RECORDED = (FOLDER / "statistics.csv").read_text()
SOCKETS = (FOLDER / "sockets.csv").read_text()


def target(port: int, login: tuple[str, str] | None = None) -> RestTarget:
    """A balancer on loopback, asked in the clear."""
    return RestTarget("lb1", "lb1", "127.0.0.1", port, ca_file=None, login=login)


def answer(status: str, body: str) -> bytes:
    """A whole answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.fixture
def port() -> Iterator[int]:
    """A balancer that tells its statistics."""
    with serve(say(answer("200 OK", RECORDED))) as port:
        yield port


def test_servers_are_read_and_nothing_else(port: int) -> None:
    """Frontends, backends and listeners are no servers; address, state, check and weight are."""
    found = haproxy_asking.servers(target(port), "/;csv")
    app = {one.name: one for one in found if one.backend == "app"}
    assert {one.where for one in app.values()} == {"198.18.2.11:8000", "198.18.2.12:8000"}
    assert app["app1"] == haproxy.Server(
        "app", "app1", "198.18.2.11", 8000, "UP", "L7OK", 1, spare=False
    )
    assert [one.name for one in found if one.backend == "acme"] == ["mon1"]


def test_a_server_without_an_address_goes_by_its_name() -> None:
    """Without `stats show-legends` HAProxy keeps the addresses to itself."""
    text = RECORDED.replace("198.18.2.11:8000", "")
    (found,) = (one for one in haproxy.read(text, where="lb1") if one.name == "app1")
    assert (found.where, found.address, found.port) == ("app1", "", None)


def test_d4_a_server_on_a_socket_is_read_as_what_it_is() -> None:
    """HAProxy 2.6 writes `unix` for it, and nothing for a name that it has not resolved yet."""
    found = {one.name: one for one in haproxy.read(SOCKETS, where="lb1")}
    assert {name: (one.address, one.port, one.where) for name, one in found.items()} == {
        "app1": ("127.0.0.1", 17999, "127.0.0.1:17999"),
        "six": ("::1", 17999, "[::1]:17999"),
        "local": ("unix", None, "socket local"),
        "abstract": ("unix", None, "socket abstract"),
        "later": ("", None, "later"),
        "noport": ("127.0.0.2", 0, "127.0.0.2:0"),
        "httpsok": ("127.0.0.1", 17003, "127.0.0.1:17003"),
        "viafront": ("unix", None, "socket viafront"),
    }


def test_a_check_that_runs_right_now_keeps_its_last_result() -> None:
    """The star that HAProxy puts before it is no other result."""
    text = RECORDED.replace("L7OK", "* L7OK")
    assert {one.check for one in haproxy.read(text, where="lb1") if one.backend == "app"} == {
        "L7OK"
    }


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        ("200 OK", "<html>a login page</html>", NotUnderstood),
        ("200 OK", "", NotUnderstood),
        ("200 OK", "# pxname,svname\n", None),
        ("200 OK", "# pxname,svname,type\napp,app1,2\n", NotUnderstood),
        ("503 Service Unavailable", RECORDED, NotUnderstood),
        ("401 Unauthorized", "", AccessDenied),
    ],
)
def test_what_is_no_statistics_is_said_so(
    status: str, body: str, error: type[Exception] | None
) -> None:
    """A page, half a table and a refusal are never read as no servers at all."""
    with serve(say(answer(status, body))) as port:
        if error is None:
            assert haproxy_asking.servers(target(port), "/;csv") == ()
        else:
            with pytest.raises(error, match="lb1"):
                haproxy_asking.servers(target(port), "/;csv")


def test_a_balancer_that_is_down_is_named() -> None:
    """The message says who was asked where."""
    closed = closed_port()
    with pytest.raises(Unreachable, match=rf"lb1 \(127\.0\.0\.1:{closed}\)"):
        haproxy_asking.servers(target(closed), "/;csv")


def test_a_login_goes_along_and_stays_out_of_messages() -> None:
    """Basic authentication carries user and password; no error repeats them."""
    heard: list[bytes] = []

    def listening(connection: object) -> None:
        heard.append(connection.recv(4096))  # type: ignore[attr-defined]
        connection.sendall(answer("403 Forbidden", ""))  # type: ignore[attr-defined]

    with serve(listening) as port, pytest.raises(AccessDenied) as refused:
        haproxy_asking.servers(target(port, ("looker", "hidden-word")), "/;csv")
    assert b"Authorization: Basic bG9va2VyOmhpZGRlbi13b3Jk" in heard[0]
    assert "hidden-word" not in str(refused.value)
