"""Asks an application's routes as somebody who does not sign in."""

from typing import Final

from readiness.systems.access.asking.rounds import answers, known
from readiness.systems.access.declared import AccessAddress
from readiness.systems.access.documents import guarded
from readiness.systems.access.reading import DOORS, Doors
from readiness.systems.access.routes import Route
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.http.asking.lines import Front, Pace, Request, front_of

_JSON: Final = "application/json"


def front(connections: Connections, place: AccessAddress, *, trusts_all: bool) -> Front:
    """How an address is asked; the requests of one application keep to one rate."""
    access, listener = place.access, place.endpoint.listener
    pace = connections.kept(f"pace of {access.listener}", lambda: Pace(access.rate))
    authority = None if trusts_all else connections.authority_pem(listener.authority)
    return front_of(connections.site, place.endpoint, pace, authority)


def _doors(connections: Connections, place: AccessAddress) -> Doors:
    """Every guarded route that reads, by each way of asking for it."""
    site, access = connections.site, place.access
    ids = {one.name: one.id for one in site.identities}
    guards = guarded(site, access)
    reading = [one for one in guards if one.asked and not one.safe]
    here = front(connections, place, trusts_all=True)
    there = known(here, access.sign_in_pages)
    requests = [way for one in reading for way in ways(one, one.target(access, ids))]
    return Doors(
        address=place.endpoint.address,
        nobody=there.control.page.status,
        servers=there.servers,
        answers=answers(here, there, requests),
        untried=tuple(one.name for one in guards if not one.asked),
        guessed=tuple(one.name for one in reading if one.lacks(access)),
    )


def ways(route: Route, path: str) -> list[Request]:
    """A rule may be about one method, or one kind of content, and the route answer others."""
    found = [Request(route.name, path, route.method)]
    if route.method == "GET":
        found.append(Request(f"{route.name} (by HEAD)", path, "HEAD"))
        found.append(Request(f"{route.name} (as JSON)", path, headers={"Accept": _JSON}))
    return found


ASKERS: Final[Askers] = (Asker(DOORS, _doors),)
