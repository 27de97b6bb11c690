"""Asks an application's routes as each declared identity: who may, and who must be refused.

Synthetic accounts only. What is kept of an answer is its status and who gave it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from readiness.drills.access_sessions import application_at, sessions_of_all
from readiness.drills.permit import Permit
from readiness.model.words import Tier
from readiness.site.declared.identity import ANONYMOUS
from readiness.site.declared.listener import PortalPage
from readiness.site.environment import Environment
from readiness.systems.access.asking import front
from readiness.systems.access.asking.rounds import Known, answers, known, statuses
from readiness.systems.access.declared import Access, AccessAddress, access_addresses
from readiness.systems.access.documents import guarded
from readiness.systems.access.matrix import Asked, Part, Rights
from readiness.systems.access.reading import Answers
from readiness.systems.asker import Connections
from readiness.systems.http.asking.kept import ACCEPT
from readiness.systems.http.asking.lines import Front, Request


@dataclass(frozen=True)
class Matrix:
    """What one address answered to whom."""

    address: str
    right: Answers
    """To who may, with values that are declared."""
    guessed: Answers
    """To who may, with a value that belongs to nobody."""
    wrong_role: Answers
    wrong_object: Answers
    changing: Answers
    """Methods that are declared harmless, without a login."""
    pages: tuple[str, ...]
    """What was answered otherwise than declared to who is named, in words."""
    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What could not be asked, by the name of the part."""


@dataclass(frozen=True)
class _Address:
    """One address while it is asked."""

    front: Front
    known: Known
    sessions: Mapping[str, Mapping[str, str]]

    def ask(self, requests: Sequence[Request]) -> Answers:
        return answers(self.front, self.known, requests)


class AccessTrial:
    """The trial of one application, at every address of its listener."""

    def __init__(self, connections: Connections, permit: Permit, access: Access) -> None:
        permit.require(Tier.TOUCH)
        self._connections = connections
        self._site: Environment = connections.site
        self._access = access
        self._ids = {one.name: one.id for one in self._site.identities}
        self._routes = guarded(self._site, access)

    def run(self) -> dict[str, Matrix]:
        """Sign everybody in once, and ask at every address.

        Raises:
            ProbeError: an account can't sign in, or an address can't be asked.
        """
        places = [one for one in access_addresses(self._site) if one.access == self._access]
        with sessions_of_all(self._site, application_at(self._site, places)) as sessions:
            return {one.id: self._matrix(one, sessions) for one in places}

    def _matrix(self, place: AccessAddress, sessions: Mapping[str, Mapping[str, str]]) -> Matrix:
        way = front(self._connections, place, trusts_all=False)
        here = _Address(way, known(way, self._access.sign_in_pages), sessions)
        rights = Rights(self._access, self._site.identities, self._routes)
        right, role, other = rights.right(), rights.wrong_role(), rights.wrong_object()
        sure = [one for one in right.asked if not one.route.lacks(self._access)]
        guessed = [one for one in right.asked if one.route.lacks(self._access)]
        parts: dict[str, Part] = {"right": right, "wrong_role": role, "wrong_object": other}
        return Matrix(
            address=place.endpoint.address,
            right=here.ask(self._requests(sure, here)),
            guessed=here.ask(self._requests(guessed, here)),
            wrong_role=here.ask(self._requests(role.asked, here)),
            wrong_object=here.ask(self._requests(other.asked, here)),
            changing=here.ask(self._changing()),
            pages=tuple(self._wrong_pages(here)),
            lacking={
                **{name: tuple(part.lacking) for name, part in parts.items()},
                "changing": tuple(one.name for one in self._routes if not one.asked),
            },
        )

    def _requests(self, asked: Sequence[Asked], here: _Address) -> list[Request]:
        return [
            Request(
                one.name,
                one.route.target(self._access, self._ids),
                one.route.method,
                {**ACCEPT, **here.sessions[one.who.name]},
            )
            for one in asked
        ]

    def _changing(self) -> list[Request]:
        return [
            Request(one.name, one.target(self._access, self._ids), one.method, body=b"")
            for one in self._routes
            if one.safe
        ]

    def _wrong_pages(self, here: _Address) -> Iterator[str]:
        """The declared pages that name who asks, or that no browser asks for."""
        for page in self._site.pages:
            if page.listener == self._access.listener:
                for name in page.who:
                    if name != ANONYMOUS or not page.anybody:
                        yield from self._wrong_page(page, name, here)

    def _wrong_page(self, page: PortalPage, name: str, here: _Address) -> Iterator[str]:
        told = f"{page.method} {page.path} (as {name})"
        headers = {**ACCEPT, **here.sessions.get(name, {})}
        request = Request(told, self._site.filled(page.path), page.method, headers)
        for server, heard in statuses(here.front, here.known, request).items():
            at = f" at {server}" if server else ""
            if heard.status not in page.statuses:
                yield f"{told}{at}: HTTP {heard.status}"
            elif page.contains and page.contains.encode() not in heard.body:
                yield f"{told}{at}: another page than the right one"
