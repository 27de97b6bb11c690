"""What the tests of the engine share: small sites, and the engine to look at them with."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import OBJECTIVES, Engine, Site, product_copy, web
from hypothesis import HealthCheck, settings
from pki import Hierarchy, hierarchy
from servers import server_context, silence

# A shared machine stands still now and then: how long an example takes says nothing.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")

PAGE = (
    b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=31536000\r\n"
    b"X-Content-Type-Options: nosniff\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """No test finds signals ignored, or hands that on, because one before it called a command."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Starts gates and pytest runs from a copy of the product."""
    return Engine(product_copy(tmp_path_factory.mktemp("product")))


@pytest.fixture
def site(served: Site) -> Site:
    """A web listener, which pins it; the declared objectives are all that is required."""
    return served.requiring(OBJECTIVES)


@pytest.fixture
def bare(tmp_path: Path) -> Site:
    """One machine without services, of which nothing can be pinned."""
    return Site(tmp_path).describe()


@pytest.fixture(scope="session")
def authority() -> Hierarchy:
    """The declared authority of the sites that are served."""
    return hierarchy()


@pytest.fixture
def served(tmp_path: Path, authority: Hierarchy) -> Iterator[Site]:
    """A healthy web listener on loopback; all that is said about TLS is required as well."""
    leaf = authority.leaf()
    context = server_context(leaf.write(tmp_path / "leaf.pem", *leaf.above))

    def secure(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            while wrapped.recv(4096):
                wrapped.sendall(PAGE)

    with web(Site(tmp_path), authority, secure) as site:
        yield site


@pytest.fixture
def silent(tmp_path: Path, authority: Hierarchy) -> Iterator[Site]:
    """A listener that takes every connection and never says a word: looking at it takes long."""
    with web(Site(tmp_path), authority, silence, pinned=False) as site:
        yield site
