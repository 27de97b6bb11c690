"""Is this the system that was pinned? Asked before anything else; another system stops the run.

Pinned is what a part of the site has that no renewal and no failover changes: a machine's SSH host
key, a database's system identifier, the id of its consensus store. A machine that has none of these
is pinned by the TLS that is declared on it: by the name that its certificate carries, and by the
trust anchor that vouches for it. Which parts there are depends on the declaration alone.

The pins are a JSON file, written when the environment is set up: `postgresql` (database name to
system identifier), `etcd` (database name to cluster id), `ssh` (machine to host key fingerprint),
`tls` (listener or cache and node to name and anchor).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from readiness.model.errors import NotRun, ProbeError, ReadinessError, WrongTarget
from readiness.model.words import Json
from readiness.probes.certificates import anchors
from readiness.session.clients import Clients
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.site.pins import NOTHING, PINNED, Pins, read_pins
from readiness.site.subjects import (
    SHARED,
    Endpoint,
    endpoints,
    members,
    store_members,
)
from readiness.systems.redis.declared import (
    CacheNode,
    SentinelNode,
    cache_nodes,
    sentinel_nodes,
)
from readiness.systems.tls.asking.handshake import Question, ask_question
from readiness.systems.tls.reading import TLS
from readiness.systems.tls.reading.handshake import Handshake
from readiness.systems.token import Source

WRONG = "wrong target: "
UNDER = " under "


@dataclass(frozen=True)
class Pinnable:
    """A part with an identity; several members may have one in common (`part` and `key`).

    `ask` is given what is pinned, empty where nothing is: an anchor that was pinned and is still
    declared is as good as the one that vouches today.
    """

    part: str
    key: str
    where: str
    ask: Callable[[str], str]


def pinnable(clients: Clients) -> Iterator[Pinnable]:
    """What can be pinned, and how it is asked; every member is asked."""
    for source in PINNED:
        for one in source.each.of(clients.site).values():
            yield _by_answer(clients, source, one)
    for machine in clients.site.machines if clients.site.ssh else ():
        if machine.ssh:
            yield Pinnable("ssh", machine.name, machine.name, _host_key(clients, machine))
    yield from _by_tls(clients)


def _by_answer(clients: Clients, source: Source[Any, Any], one: Any) -> Pinnable:
    """What answers a question of a room."""
    pin = source.pin
    assert pin is not None  # noqa: S101 - only such sources are given

    def found(_: str) -> str:
        return str(pin.found(clients.ask(source, one).reading))

    return Pinnable(source.name, pin.part(one), one.id, found)


def _host_key(clients: Clients, machine: Machine) -> Callable[[str], str]:
    return lambda _: clients.session(machine).fingerprint


def _by_tls(clients: Clients) -> Iterator[Pinnable]:
    """Listeners and caches on machines that nothing stronger is known of."""
    site = clients.site
    known = _otherwise_known(site)
    for place in endpoints(site):
        # An address that moves is held by one of the listener's machines, where it has any.
        if place.node not in known and not (place.node == SHARED and place.listener.machines):
            known_by = f"{place.listener.name}/{place.node}"
            yield Pinnable("tls", known_by, place.id, partial(_listens_as, clients, place))
    nodes: tuple[CacheNode | SentinelNode, ...] = (*cache_nodes(site), *sentinel_nodes(site))
    for node in nodes:
        if node.machine.name not in known | {place.node for place in endpoints(site)}:
            yield Pinnable("tls", node.id, node.id, partial(_caches_as, clients, node))


def _otherwise_known(site: Environment) -> set[str]:
    """The machines that SSH, a database or a consensus store identifies."""
    reached = {one.name for one in site.machines if site.ssh and one.ssh}
    stored = {one.machine.name for one in store_members(site)}
    return reached | stored | {one.machine.name for one in members(site)}


def _listens_as(clients: Clients, place: Endpoint, pinned: str) -> str:
    authority = clients.authority_pem(place.listener.authority)
    return _vouched(clients.ask(TLS, place).reading, place.names[0], authority, pinned)


def _caches_as(clients: Clients, node: CacheNode | SentinelNode, pinned: str) -> str:
    cache = node.cache
    question = Question(
        address=node.machine.addresses[0],
        port=cache.port if isinstance(node, CacheNode) else node.sentinels.port,
        authority_pem=clients.authority_pem(cache.authority),
        server_name=node.machine.name,
    )
    found = ask_question(question, datetime.now(UTC))
    return _vouched(found, node.machine.name, question.authority_pem, pinned)


def _vouched(found: Handshake, name: str, authority: bytes, pinned: str) -> str:
    """Name and trust anchor: neither a new certificate nor a new key of the same name changes them.

    Raises:
        ProbeError: nobody that is declared vouches for that name here.
    """
    problem = found.problem or found.trust_problem
    if problem or not found.trusted:
        raise ProbeError(f"{found.address}: {problem or 'nobody vouches for it'}")
    if not found.name_matches.get(name):
        raise ProbeError(f"{found.address}: the certificate is not issued for {name}")
    declared = anchors(authority)
    before = pinned.rpartition(UNDER)[2]
    if before in {digest for _, digest in declared}:
        return f"{name}{UNDER}{before}"
    issuers = {_alike(one.issuer) for one in found.chain}
    vouching = (digest for subject, digest in declared if _alike(subject) in issuers)
    if anchor := next(vouching, ""):
        return f"{name}{UNDER}{anchor}"
    raise ProbeError(f"{found.address}: no declared root has the name of an issuer in its chain")


def _alike(name: str) -> str:
    """A name as it is compared: neither case nor the number of blanks counts (RFC 5280, 7.1)."""
    return " ".join(name.casefold().split())


def pin(clients: Clients) -> Pins:
    """What answers now, by part and name.

    Raises:
        WrongTarget: members of one part disagree: one of them is another system.
        NotRun: nothing that is declared can be pinned.
        ProbeError: a member did not say.
    """
    pins: Pins = {}
    said_by: dict[tuple[str, str], str] = {}
    for one in pinnable(clients):
        found = one.ask("")
        before = pins.setdefault(one.part, {}).setdefault(one.key, found)
        first = said_by.setdefault((one.part, one.key), one.where)
        if found != before:
            raise WrongTarget(
                f"{first} and {one.where} are not one system: {one.part} identity {before} and "
                f"{found}; nothing was pinned"
            )
    if not pins:
        raise NotRun(NOTHING)
    return pins


def verify(clients: Clients) -> list[Json]:
    """Compare what answers with what was pinned, and put both into the record.

    What does not answer is recorded as unknown; the cases that need it will say so.

    Returns:
        What the record has: of each member what was pinned and found, and why nothing was.

    Raises:
        WrongTarget: another system answers behind a pinned address.
    """
    pins = read_pins(clients.site)
    results: list[Json] = []
    wrong = ""
    for one in pinnable(clients):
        pinned = pins.get(one.part, {}).get(one.key)
        found, problem = _asked(one, pinned)
        results.append(
            {
                "part": one.part,
                "of": one.where,
                "pinned": pinned,
                "found": found,
                "problem": problem,
            }
        )
        if problem.startswith(WRONG):
            wrong = wrong or problem.removeprefix(WRONG)
        elif pinned and found and found != pinned:
            wrong = wrong or (
                f"{one.where}: another system answers here: expected {one.part} identity {pinned}, "
                f"found {found}; nothing further was asked"
            )
    clients.run.writer.write("identity", pinned=bool(pins), members=results)
    if wrong:
        raise WrongTarget(wrong)
    return results


def _asked(one: Pinnable, pinned: str | None) -> tuple[str | None, str]:
    """What was found, or why nothing was."""
    if one.part == "tls" and not pinned:
        return None, "not asked, as nothing is pinned"
    try:
        return one.ask(pinned or ""), ""
    except WrongTarget as error:
        return None, f"{WRONG}{error}"
    except (ProbeError, NotRun) as error:
        return None, str(error)
    except ReadinessError as error:
        return None, f"{type(error).__name__}: {error}"
