"""Where the declared parts of a site answer, as the probes take it."""

from typing import Final

from readiness.site.environment import Environment
from readiness.site.subjects import (
    ChallengedListener,
    Endpoint,
    serving,
)
from readiness.systems.http.asking import acme

DEFAULT_PLAIN_PORT: Final = 80


def web_place(endpoint: Endpoint, public: int) -> acme.Place:
    """Where an HTTPS listener serves what the world knows as port 80 or 443."""
    plain = endpoint.listener.plain_http
    if public != acme.PORTS["http"]:
        return endpoint.address, endpoint.listener.port
    return endpoint.address, plain.port if plain else DEFAULT_PLAIN_PORT


def challenge_route(site: Environment, listener: ChallengedListener) -> acme.Route:
    """Where a redirect of a challenge leads: to the same address, or to another declared name's."""
    own = {one.lower() for one in listener.names}

    def route(host: str, public: int) -> acme.Place | None:
        endpoint = listener.endpoint
        led = endpoint if host in own else serving(site, host, endpoint.family)
        return web_place(led, public) if led else None

    return route


def client_certificate(site: Environment, endpoint: Endpoint) -> tuple[str, str] | None:
    """The files of chain and key, where a listener asks its clients for a certificate."""
    files = endpoint.listener.client_certificate
    if files is None:
        return None
    return str(site.path(files.certificate)), str(site.path(files.key))
