"""Asks an application's routes as somebody who does not sign in."""

from typing import Final

from readiness.site.subjects import Endpoint
from readiness.systems.access.asking.rounds import Front, Pace, Request, answers, known
from readiness.systems.access.declared import Access, AccessAddress, balancer_of
from readiness.systems.access.documents import guarded
from readiness.systems.access.reading import DOORS, Doors
from readiness.systems.access.routes import Route
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.http.asking.kept import Kept
from readiness.systems.http.asking.pages import Question
from readiness.systems.http.asking.routes import client_certificate

_JSON: Final = "application/json"


def front_of(
    connections: Connections, access: Access, endpoint: Endpoint, *, trusts_all: bool
) -> Front:
    """How an address is asked; the requests of one application keep to one rate."""
    site = connections.site
    question = Question(
        address=endpoint.address,
        port=endpoint.listener.port,
        host=endpoint.names[0],
        authority_pem=b"" if trusts_all else connections.authority_pem(endpoint.listener.authority),
        client_certificate=client_certificate(site, endpoint),
        timeout=10.0,
    )
    balancer = balancer_of(site, access)
    return Front(
        opened=lambda: Kept(question, trusts_all=trusts_all),
        url=question.url.removesuffix("/"),
        pace=connections.kept(f"pace of {access.listener}", lambda: Pace(access.rate)),
        header=balancer.page.served_by if balancer else "",
        servers=balancer.servers if balancer else (),
        page=balancer.page.path if balancer else "/",
        sign_in_pages=access.sign_in_pages,
    )


def _doors(connections: Connections, place: AccessAddress) -> Doors:
    """Every guarded route that reads, by each way of asking for it."""
    site, access = connections.site, place.access
    ids = {one.name: one.id for one in site.identities}
    guards = guarded(site, access)
    reading = [one for one in guards if one.asked and not one.safe]
    front = front_of(connections, access, place.endpoint, trusts_all=True)
    there = known(front)
    before = front.pace.count
    requests = [way for one in reading for way in ways(one, one.target(access, ids))]
    return Doors(
        address=place.endpoint.address,
        nobody=there.control.page.status,
        servers=there.servers,
        answers=answers(front, there, requests),
        untried=tuple(one.name for one in guards if not one.asked),
        asked=front.pace.count - before,
    )


def ways(route: Route, path: str) -> list[Request]:
    """A rule may be about one method, or one kind of content, and the route answer others."""
    found = [Request(route.name, path, route.method)]
    if route.method == "GET":
        found.append(Request(f"{route.name} (by HEAD)", path, "HEAD"))
        found.append(Request(f"{route.name} (as JSON)", path, headers={"Accept": _JSON}))
    return found


ASKERS: Final[Askers] = (Asker(DOORS, _doors),)
