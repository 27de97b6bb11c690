"""What the tests of the engine share: small sites, and the engine to look at them with."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine import OBJECTIVES, TLS, Engine, Site, product_copy
from hypothesis import HealthCheck, settings
from pki import NAME, Hierarchy, hierarchy
from servers import Behaviour, say, serve, server_context, silence

# A shared machine stands still now and then: how long an example takes says nothing.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")

LISTENER = """\
listeners:
  - name: web
    protocol: https
    port: {port}
    machines: [box]
    names: [{name}]
    authority: own
    plain_http: {{port: {plain}}}
"""
PAGE = (
    b"HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=31536000\r\nContent-Length: 0\r\n\r\n"
)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Starts gates and pytest runs from a copy of the product."""
    return Engine(product_copy(tmp_path_factory.mktemp("product")))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One machine without services; the declared objectives are all that is required."""
    return Site(tmp_path).describe()


@pytest.fixture(scope="session")
def authority() -> Hierarchy:
    """The declared authority of the sites that are served."""
    return hierarchy()


@contextmanager
def web(site: Site, authority: Hierarchy, secure: Behaviour) -> Iterator[Site]:
    """The site with a web listener: one port behaves as told, its plain twin redirects to it."""
    with serve(secure) as port:
        target = f"Location: https://{NAME}:{port}/?from=readiness\r\nContent-Length: 0\r\n\r\n"
        with serve(say(f"HTTP/1.1 308 Permanent Redirect\r\n{target}".encode())) as plain:
            listener = LISTENER.format(port=port, plain=plain, name=NAME)
            (site.folder / "root.pem").write_bytes(authority.root.pem)
            yield site.describe(listener, required=(OBJECTIVES, *TLS))


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
    with web(Site(tmp_path), authority, silence) as site:
        yield site
