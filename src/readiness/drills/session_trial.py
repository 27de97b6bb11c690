"""Follows sessions of synthetic accounts from sign-in to sign-out, at every machine that answers.

Of a session nothing is kept but what was answered to it.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from readiness.drills.access_sessions import application_at
from readiness.drills.accounts import signed_in, signed_out
from readiness.drills.permit import Permit
from readiness.model.words import Tier
from readiness.probes.application import Application, send
from readiness.site.declared.identity import Identity
from readiness.site.environment import Environment
from readiness.systems.access.asking import front
from readiness.systems.access.asking.rounds import Known, answers, known
from readiness.systems.access.declared import Access, AccessAddress, access_addresses
from readiness.systems.access.documents import guarded
from readiness.systems.access.matrix import Asked, Rights
from readiness.systems.access.reading import Answers, Said
from readiness.systems.asker import Connections
from readiness.systems.http.asking.kept import ACCEPT
from readiness.systems.http.asking.lines import Front, Request

REMEMBERED: Final = 5.0
"""Seconds for which a machine may remember a session that has ended: who signs out at a shared
computer leaves it after that."""
_AGAIN: Final = 0.5
"""Seconds between two looks at whether it still does."""
# What of a session is its key: long enough to be no name of a scheme.
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,}")

Session = Mapping[str, str]
"""The headers that open it."""


@dataclass(frozen=True)
class Life:
    """What one address answered to sessions at each stage of their life, by who they are of."""

    address: str
    opened: Answers
    """To a session after its sign-in."""
    altered: Answers
    """To the same with one character changed."""
    ended: Answers
    """To it after its sign-out."""
    anew: Answers
    """To a session that was begun after that."""
    repeated: tuple[str, ...] = ()
    """The identities of whom two sign-ins made the same session."""
    unended: tuple[str, ...] = ()
    """The identities of whom it is not declared how a session ends."""
    unaltered: tuple[str, ...] = ()
    """The identities whose session has no part that is long enough to be a key."""


@dataclass(frozen=True)
class _Place:
    """One address while it is asked."""

    id: str
    address: str
    front: Front
    known: Known

    def ask(self, requests: Sequence[Request]) -> Answers:
        return answers(self.front, self.known, requests)


class SessionTrial:
    """The trial of one application: one identity of each role, at every address of its listener."""

    def __init__(self, connections: Connections, permit: Permit, access: Access) -> None:
        permit.require(Tier.TOUCH)
        self._connections = connections
        self._site: Environment = connections.site
        self._access = access
        self._ids = {one.name: one.id for one in self._site.identities}

    def run(self) -> dict[str, Life]:
        """Sign in, ask everywhere, sign out, and ask everywhere again.

        Raises:
            ProbeError: an account can't sign in or out, or an address can't be asked.
        """
        declared = [one for one in access_addresses(self._site) if one.access == self._access]
        application = application_at(self._site, declared)
        asked = list(self._asked())
        places = [self._place(one) for one in declared]
        first, fresh = [self._signed_in(application, asked)], []
        try:
            changed = {name: altered(one) for name, one in first[0].items()}
            opened = {one.id: one.ask(self._requests(asked, first[0])) for one in places}
            refused = {one.id: one.ask(self._requests(asked, changed)) for one in places}
            ending = [one for one in asked if one.who.sign_in.end_path]
            for one in ending:
                path = one.who.sign_in.end_path or ""
                send(application, path, headers=first[0][one.who.name], post={})
            over = {one.id: self._over(one, ending, first[0]) for one in places}
            fresh.append(self._signed_in(application, asked))
            anew = {one.id: one.ask(self._requests(asked, fresh[0])) for one in places}
        finally:
            self._end(application, asked, [*first, *fresh])
        return {
            one.id: Life(
                one.address,
                opened[one.id],
                refused[one.id],
                over[one.id],
                anew[one.id],
                tuple(name for name in fresh[0] if fresh[0][name] == first[0][name]),
                tuple(one.who.name for one in asked if one not in ending),
                tuple(name for name in changed if changed[name] == first[0][name]),
            )
            for one in places
        }

    def _asked(self) -> Iterator[Asked]:
        """A route for one identity of each role, which may ask it."""
        rights = Rights(self._access, self._site.identities, guarded(self._site, self._access))
        seen: set[str] = set()
        for one in rights.right().asked:
            plain = one.route.method == "GET" and not one.route.lacks(self._access)
            if plain and one.who.role not in seen:
                seen.add(one.who.role)
                yield one

    def _place(self, declared: AccessAddress) -> _Place:
        way = front(self._connections, declared, trusts_all=False)
        there = known(way, self._access.sign_in_pages)
        return _Place(declared.id, declared.endpoint.address, way, there)

    def _signed_in(self, application: Application, asked: Sequence[Asked]) -> dict[str, Session]:
        """A session of each; those that began are ended where the next can't sign in."""
        found: dict[str, Session] = {}
        try:
            for one in asked:
                who: Identity = one.who
                found[who.name] = signed_in(self._site, application, who.sign_in, who.login)
        except BaseException:
            self._end(application, asked, [found])
            raise
        return found

    def _end(
        self,
        application: Application,
        asked: Sequence[Asked],
        sessions: Sequence[Mapping[str, Session]],
    ) -> None:
        for one in asked:
            live = [each[one.who.name] for each in sessions if one.who.name in each]
            signed_out(application, one.who.sign_in, live)

    def _requests(self, asked: Sequence[Asked], sessions: Mapping[str, Session]) -> list[Request]:
        return [
            Request(
                one.name,
                one.route.target(self._access, self._ids),
                headers={**ACCEPT, **sessions[one.who.name]},
            )
            for one in asked
        ]

    def _over(
        self, place: _Place, asked: Sequence[Asked], sessions: Mapping[str, Session]
    ) -> Answers:
        """What is answered once no machine remembers the sessions any more, or should not."""
        requests = self._requests(asked, sessions)
        return until(lambda: place.ask(requests), time.monotonic() + REMEMBERED)


def until(ask: Callable[[], Answers], deadline: float) -> Answers:
    """Ask until nothing is served any more, or the deadline (of the monotonic clock) is over."""
    found = ask()
    while found.those(Said.SERVED) and time.monotonic() < deadline:
        time.sleep(_AGAIN)
        found = ask()
    return found


def altered(session: Session) -> dict[str, str]:
    """The session with one character of its key changed; as it was where it has no such part."""
    return {name: _altered(name, value) for name, value in session.items()}


def _altered(name: str, value: str) -> str:
    if name.lower() != "cookie":
        return _changed(value)
    pairs = (one.partition("=") for one in value.split(";"))
    return ";".join(key + sign + _changed(rest) for key, sign, rest in pairs)


def _changed(value: str) -> str:
    """Another character in the middle of the last key: of a signed token that is the signature."""
    found = list(_KEY.finditer(value))
    if not found:
        return value
    at = (found[-1].start() + found[-1].end()) // 2
    return value[:at] + ("B" if value[at] == "A" else "A") + value[at + 1 :]
