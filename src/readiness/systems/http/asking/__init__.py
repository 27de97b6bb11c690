"""Asks listeners for pages, as users, browsers and certificate authorities do."""

from functools import partial
from typing import Final

from readiness.site.environment import Environment
from readiness.site.subjects import Backend, ChallengedListener, Endpoint
from readiness.site.subjects import pages as declared_pages
from readiness.systems.asker import Asker, AskerOf, Askers, Connections, by_itself
from readiness.systems.http.asking import acme, alpn, caching, exposure, lines, rotation
from readiness.systems.http.asking.pages import Question, ask_question
from readiness.systems.http.asking.routes import challenge_route, client_certificate, web_place
from readiness.systems.http.reading import (
    BROWSED_PAGE,
    CACHING,
    CHALLENGE,
    DEFENDED,
    EXPOSED,
    PAGE,
    PLAIN_PAGE,
    ROTATION,
    Caching,
    Challenge,
    Defended,
    Exchange,
    Exposed,
    Named,
    Rotation,
)

HIDDEN_RATE: Final = 100.0
"""Requests a second for paths that nobody has, one after the other: nothing works for an answer."""


def _question(connections: Connections, endpoint: Endpoint, path: str, contains: str) -> Question:
    """How to ask a listener for a page at its own address."""
    return Question(
        address=endpoint.address,
        port=endpoint.listener.port,
        host=endpoint.names[0],
        path=path,
        authority_pem=connections.authority_pem(endpoint.listener.authority),
        client_certificate=client_certificate(connections.site, endpoint),
        contains=contains,
    )


def _declared(connections: Connections, endpoint: Endpoint, path: str) -> Question:
    """The same, looking for what is declared of the page."""
    declared = declared_pages(connections.site, endpoint.listener)
    contains = next((one.contains for one in declared if one.path == path), "")
    return _question(connections, endpoint, path, contains)


def _page(connections: Connections, path: str, endpoint: Endpoint) -> Exchange:
    return ask_question(_declared(connections, endpoint, path))


def _browsed(connections: Connections, path: str, endpoint: Endpoint) -> Exchange:
    return alpn.ask_question(_declared(connections, endpoint, path))


def _plain(_: Connections, path: str, endpoint: Endpoint) -> Exchange:
    address, port = web_place(endpoint, acme.PORTS["http"])
    return ask_question(Question(address=address, port=port, host=endpoint.names[0], path=path))


def _challenge(connections: Connections, named: Named, listener: ChallengedListener) -> Challenge:
    name, file = named
    place = web_place(listener.endpoint, acme.PORTS["http"])
    asked = acme.Asked(*place, name, file.path, file.content)
    return acme.ask(asked, challenge_route(connections.site, listener))


def _rotation(connections: Connections, backend: Backend, endpoint: Endpoint) -> Rotation:
    balancer = backend.balancer
    question = _question(connections, endpoint, balancer.page.path, balancer.page.contains)
    once = partial(ask_question, question)
    return rotation.ask(endpoint.address, once, balancer.page.served_by, balancer.servers)


def _looked_at(connections: Connections, endpoint: Endpoint, path: str) -> Question:
    """How an address is asked whoever vouches for it."""
    return Question(
        address=endpoint.address,
        port=endpoint.listener.port,
        host=endpoint.names[0],
        path=path,
        authority_pem=b"",
        client_certificate=client_certificate(connections.site, endpoint),
    )


def _exposed(connections: Connections, endpoint: Endpoint) -> Exposed:
    front = lines.front_of(connections.site, endpoint, lines.Pace(HIDDEN_RATE))
    return exposure.exposed(front, endpoint.address)


def _defended(connections: Connections, path: str, endpoint: Endpoint) -> Defended:
    return exposure.defended(_looked_at(connections, endpoint, path))


def _caching(connections: Connections, path: str, endpoint: Endpoint) -> Caching:
    front = lines.front_of(connections.site, endpoint, lines.Pace(HIDDEN_RATE))
    return caching.caching(front, endpoint.address, path)


def _fronts(_: Environment, backend: Backend) -> tuple[Endpoint, ...]:
    return backend.endpoints


ASKERS: Final[Askers] = (
    AskerOf(PAGE, _page, together=by_itself),
    AskerOf(BROWSED_PAGE, _browsed, together=by_itself),
    AskerOf(PLAIN_PAGE, _plain, together=by_itself),
    AskerOf(CHALLENGE, _challenge, together=by_itself),
    AskerOf(ROTATION, _rotation, together=_fronts),
    Asker(EXPOSED, _exposed),
    AskerOf(DEFENDED, _defended),
    AskerOf(CACHING, _caching),
)
