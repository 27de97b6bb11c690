"""Which client the servers behind a balancer see, asked from here and with forged headers.

The page of the application that says whose request it saw is asked at each address of the balancer,
until every server has answered each kind of request. A balancer that is told of another client by
the request itself, and hands that on as the truth, lets anybody be anybody.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from readiness.drills.asked import ALONE, asked, header_of, question_to
from readiness.drills.permit import Permit
from readiness.model.errors import NotRun, NotUnderstood, ProbeError
from readiness.model.words import Tier
from readiness.session.clients import Clients
from readiness.site.declared.balancer import Balancer
from readiness.site.subjects import Endpoint
from readiness.systems.balancing.declared import Seen, seen_of
from readiness.systems.http.asking.pages import Heard, Question
from readiness.systems.marks import BOUNDED

TIMEOUT: Final = 5.0
PATIENCE: Final = 10
"""Requests at most, for each server and kind of request."""
SOMEBODY: Final = "192.0.2.66"
"""An address for documentation (RFC 5737), which no client has."""
PLAIN: Final = "as it is"
FORGED: Final[Mapping[str, Mapping[str, str]]] = {
    PLAIN: {},
    "with a forged X-Forwarded-For": {"X-Forwarded-For": SOMEBODY},
    # What several proxies wrote, and what some programs take the first or the last of.
    "with a forged chain in X-Forwarded-For": {"X-Forwarded-For": f"{SOMEBODY}, {SOMEBODY}"},
    "with other forged headers": {
        "Forwarded": f"for={SOMEBODY}",  # RFC 7239
        "X-Real-IP": SOMEBODY,
        "X-Client-IP": SOMEBODY,
        "True-Client-IP": SOMEBODY,
    },
}
"""Kinds of requests, and what they say of the client."""
_OK: Final = 200
_SHOWN: Final = 60


@dataclass(frozen=True)
class SeenBy:
    """What one server said about one kind of request through one address."""

    place: str
    server: str
    kind: str
    ours: tuple[str, ...]
    """Each address that the request may have come from."""
    client: Annotated[str, BOUNDED]

    @property
    def right(self) -> bool:
        """Whether it saw us."""
        return self.client in self.ours


@dataclass(frozen=True)
class ClientsSeen:
    """What all servers of a balancer said, and who did not answer which kind where."""

    seen: tuple[SeenBy, ...]
    silent: tuple[str, ...]

    def of(self, server: str) -> tuple[SeenBy, ...]:
        """What one server said."""
        return tuple(one for one in self.seen if one.server == server)


class ClientAddresses:
    """Asks all servers of one balancer whom they see."""

    def __init__(self, clients: Clients, permit: Permit, balancer: Balancer) -> None:
        permit.require(Tier.TOUCH)
        found = seen_of(clients.site, balancer)
        if found is None:
            raise NotRun(f"{balancer.name}: no page is declared that tells whom its servers see")
        self._clients, self._balancer, self._page = clients, balancer, found

    def asked(self, endpoints: tuple[Endpoint, ...]) -> ClientsSeen:
        """Ask at every address."""
        seen: list[SeenBy] = []
        silent: list[str] = []
        for place in endpoints:
            question = question_to(self._clients, place, self._page.path, TIMEOUT)
            for kind, headers in FORGED.items():
                found, why = self._each(place, question, kind, headers)
                seen += found
                missing = sorted({*self._balancer.servers} - {one.server for one in found})
                silent += [f"{one} {kind} through {place.id}{why}" for one in missing]
        return ClientsSeen(tuple(seen), tuple(silent))

    def _each(
        self, place: Endpoint, question: Question, kind: str, headers: Mapping[str, str]
    ) -> tuple[list[SeenBy], str]:
        """Ask until every server has answered, or patience ends; the first wrong answer counts."""
        found: dict[str, SeenBy] = {}
        why = ""
        wanted = {*self._balancer.servers}
        for _ in range(PATIENCE * len(wanted)):
            if wanted <= found.keys():
                break
            try:
                one = self._once(place, question, kind, headers)
            except ProbeError as error:
                why = f" ({error})"
                continue
            if one.server not in found or not one.right:
                found[one.server] = one
        return list(found.values()), why

    def _once(
        self, place: Endpoint, question: Question, kind: str, headers: Mapping[str, str]
    ) -> SeenBy:
        answer = asked(question, headers={**ALONE, **headers})
        server = header_of(answer.heard, self._balancer.page.served_by)
        if answer.heard.status != _OK:
            what = answer.heard.problem or f"HTTP {answer.heard.status}"
            raise NotUnderstood(f"{place.id}: {self._page.path} answered {what}")
        ours = self._page.ours or (answer.ours,)
        client = told(answer.heard, self._page, place.id)
        return SeenBy(place.id, server, kind, tuple(map(written, ours)), client)


def told(heard: Heard, page: Seen, where: str) -> str:
    """The client's address in an answer, written as addresses are.

    Raises:
        NotUnderstood: the answer is no JSON object, or has no such key.
    """
    said = heard.page("").json if heard.complete else None
    client = said.get(page.client) if isinstance(said, dict) else None
    if not isinstance(client, str):
        raise NotUnderstood(f"{where}: {page.path} has no text under {page.client!r} of an object")
    return written(client)


def written(address: str) -> str:
    """An address as RFC 5952 writes it, a mapped one as the IPv4 address it is; else as it came."""
    try:
        read = ipaddress.ip_address(address.strip().strip("[]"))
    except ValueError:
        return address[:_SHOWN]
    mapped = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    return str(mapped or read)
