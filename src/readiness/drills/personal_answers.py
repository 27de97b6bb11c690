"""Asks for what is somebody's own as who may have it, and says who else might be given the answer.

Synthetic accounts only. Of an answer its status and what it says to caches is kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from readiness.drills.access_sessions import application_at, sessions_of_all
from readiness.drills.permit import Permit
from readiness.model.errors import ProbeError
from readiness.model.words import Tier
from readiness.site.environment import Environment
from readiness.systems.access.asking import front
from readiness.systems.access.asking.rounds import Known, known, statuses
from readiness.systems.access.declared import Access, AccessAddress, access_addresses
from readiness.systems.access.documents import guarded
from readiness.systems.access.matrix import Asked, Rights
from readiness.systems.asker import Connections
from readiness.systems.http.asking.kept import ACCEPT
from readiness.systems.http.asking.lines import Front, Request
from readiness.systems.http.asking.pages import Heard
from readiness.systems.http.storable import storable

_SUCCESS = 2
"""The class of statuses that answer with what was asked for (RFC 9110, 15.3)."""


@dataclass(frozen=True)
class Personal:
    """What one address says to caches about answers that are somebody's own."""

    address: str
    asked: int
    """Answers that were looked at."""
    storable: tuple[str, ...]
    """Those that a cache for several people may keep, each with the reason."""
    handed_on: tuple[str, ...]
    """Those that were given to the next who asked, without a login."""
    open: tuple[str, ...]
    """What could not be told, in words."""


class PersonalAnswers:
    """The trial of one application, at every address of its listener."""

    def __init__(self, connections: Connections, permit: Permit, access: Access) -> None:
        permit.require(Tier.TOUCH)
        self._connections = connections
        self._site: Environment = connections.site
        self._access = access
        self._ids = {one.name: one.id for one in self._site.identities}

    def run(self) -> dict[str, Personal]:
        """Sign everybody in once, and ask at every address.

        Raises:
            ProbeError: an account can't sign in, or an address can't be asked.
        """
        places = [one for one in access_addresses(self._site) if one.access == self._access]
        with sessions_of_all(self._site, application_at(self._site, places)) as sessions:
            return {one.id: self._at(one, sessions) for one in places}

    def _at(self, place: AccessAddress, sessions: Mapping[str, Mapping[str, str]]) -> Personal:
        way = front(self._connections, place, trusts_all=False)
        there = known(way, self._access.sign_in_pages)
        found = _Found([], [], [f"{one} answers nobody" for one in there.missing])
        for one in self._asked():
            headers = {**ACCEPT, **sessions[one.who.name]}
            request = Request(one.name, one.route.target(self._access, self._ids), headers=headers)
            try:
                self._ask(request, way, there, found)
            except ProbeError as error:
                found.open.append(f"{one.name}: {error}")
        return Personal(
            place.endpoint.address,
            found.asked,
            tuple(found.storable),
            tuple(found.handed_on),
            tuple(found.open),
        )

    def _asked(self) -> Iterator[Asked]:
        """Each guarded route that is read by GET, by somebody who may ask it."""
        rights = Rights(self._access, self._site.identities, guarded(self._site, self._access))
        for one in rights.right().asked:
            if one.route.method == "GET" and not one.route.lacks(self._access):
                yield one

    def _ask(self, request: Request, way: Front, there: Known, found: "_Found") -> None:
        """Ask each machine, and then without a login, as the next user of a cache would."""
        mine = statuses(way, there, request)
        by_authorization = "authorization" in {name.lower() for name in request.headers}
        for server, heard in mine.items():
            at = f"{request.name} at {server}" if server else request.name
            if heard.status // 100 != _SUCCESS:
                found.open.append(f"{at}: HTTP {heard.status}")
                continue
            found.asked += 1
            if why := storable(heard.headers, by_authorization=by_authorization):
                found.storable.append(f"{at}: {why}")
        after = statuses(way, there, Request(request.name, request.path))
        found.handed_on += [
            f"{request.name}: HTTP {heard.status}"
            for heard in after.values()
            if heard.status // 100 == _SUCCESS and _same(heard, mine)
        ]


@dataclass
class _Found:
    """What is gathered at one address."""

    storable: list[str]
    handed_on: list[str]
    open: list[str]
    asked: int = 0


def _same(heard: Heard, mine: Mapping[str, Heard]) -> bool:
    """Whether it is one of the answers that were somebody's."""
    return bool(heard.body) and any(heard.body == one.body for one in mine.values())
