"""Whether the zones reach each other exactly as declared, over IPv4 and IPv6."""

from collections.abc import Sequence

from readiness import Ask, NotRun, NotUnderstood, Permission, Severity, check, derive, holds
from readiness.site.subjects import OPEN_ZONE_PAIR, ZONE_PAIR, reached_machines
from readiness.systems.firewall.reading import SCAN, Seen, answers
from readiness.systems.firewall.reading.reachability import IN_WORDS, Compared
from readiness.systems.firewall.segmentation import Segmentation, ZonePair
from readiness.systems.hosts.reading import ADDRESSES, SOCKETS

CONNECTIONS = (
    "TCP connections from every vantage point to every port that is declared or listens anywhere, "
    "at every address; nothing is sent over them"
)
READS = (CONNECTIONS, "ss --numeric --listening on every machine")
RIGHTS = "permissions.scan and --scan; an SSH login without privileges at every vantage point"
MOST_NAMED = 6
LIMIT = 150


def listed(entries: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(entries) - MOST_NAMED
    return "; ".join(entries[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "") or "none"


def scanned(pair: ZonePair, ask: Ask) -> Seen:
    """What every vantage point found, and what listens on every machine."""
    declared = Segmentation(pair.environment)
    listening = answers(ask, SOCKETS, reached_machines(pair.environment))
    return Seen(declared, answers(ask, SCAN, declared.vantages), listening)


def compared(pair: ZonePair, family: str, seen: Seen) -> Compared:
    """The pair in one family, once somebody of every role in the source zone can speak for it."""
    declared = seen.declared
    if not declared.sources(pair):
        raise NotRun(
            f"{pair.id}: no vantage point stands in the zone {pair.source}",
            declare=f"a machine of the zone {pair.source} under `firewall: vantage_points`",
        )
    unseen = declared.unseen_roles(pair, family)
    if unseen:
        roles = ", ".join(unseen)
        raise NotRun(
            f"{pair.id}: no vantage point over {IN_WORDS[family]} of the role {roles}",
            declare="a machine of each role under `firewall: vantage_points`",
        )
    return seen.reachability.compare(pair, family)


def lets_through(pair: ZonePair, family: str, ask: Ask) -> None:
    """Assert that every declared port answers everybody it is declared for."""
    seen = scanned(pair, ask)
    found = compared(pair, family, seen)
    words = IN_WORDS[family]
    name = f"connections declared open over {words} that do not get through"
    assert holds(seen.fact(name, pair.id, listed(found.blocked)), "==", "none")
    unsure(pair, found.open_doubts)
    asked = seen.fact(f"declared connections tried over {words}", pair.id, found.open_asked or None)
    assert holds(asked, ">=", 1)


def lets_nothing_else_through(pair: ZonePair, family: str, ask: Ask) -> None:
    """Assert that nothing undeclared answers, where an answer would have been seen."""
    seen = scanned(pair, ask)
    found = compared(pair, family, seen)
    words = IN_WORDS[family]
    name = f"undeclared connections over {words} that get through"
    assert holds(seen.fact(name, pair.id, listed(found.opened)), "==", "none")
    if seen.problems:
        raise seen.problems[0]
    unsure(pair, found.closed_doubts)
    asked = found.closed_asked or None
    tried = seen.fact(f"undeclared connections tried over {words}", pair.id, asked)
    assert holds(tried, ">=", 1)
    # Only declared addresses were scanned: what answers at another is not known.
    held = {one.name: ask(ADDRESSES, one) for one in pair.environment.machines if one.ssh}
    more = seen.declared.undeclared(
        {name: found.reading for name, found in held.items()}, pair.destination, family
    )
    name = f"undeclared addresses over {words} in the zone {pair.destination}"
    assert holds(derive(name, pair.id, listed(more), *held.values()), "==", "none")


def unsure(pair: ZonePair, doubts: Sequence[str]) -> None:
    """Say that it can't be told, and why."""
    if doubts:
        raise NotUnderstood(f"{pair.id}: {listed(doubts)}")


@check(
    "FW-001",
    "Every pair of zones lets through over IPv4 what is declared open",
    clauses=("sec.firewall/open-ipv4",),
    each=OPEN_ZONE_PAIR,
    severity=Severity.HIGH,
    permission=Permission.SCAN,
    limit=LIMIT,
    risk="Whoever needs that connection gets none: users, replication, backups, or operators.",
    reads=READS,
    rights=RIGHTS,
    remedy="see the rules of the target and of every router between, in this family; take the flow "
    "out of the environment file when nobody needs it",
)
def test_declared_is_open_over_ipv4(open_zone_pair: ZonePair, ask: Ask) -> None:
    """Before, during and after the scan, from every vantage point that a flow begins at."""
    lets_through(open_zone_pair, "v4", ask)


@check(
    "FW-002",
    "Every pair of zones lets through over IPv6 what is declared open",
    clauses=("sec.firewall/open-ipv6",),
    each=OPEN_ZONE_PAIR,
    severity=Severity.HIGH,
    permission=Permission.SCAN,
    limit=LIMIT,
    risk="Whoever prefers IPv6 waits for a timeout, and monitoring over IPv4 stays green.",
    reads=READS,
    rights=RIGHTS,
    remedy="see the rules of the target and of every router between, in this family; take the flow "
    "out of the environment file when nobody needs it",
)
def test_declared_is_open_over_ipv6(open_zone_pair: ZonePair, ask: Ask) -> None:
    """Before, during and after the scan, from every vantage point that a flow begins at."""
    lets_through(open_zone_pair, "v6", ask)


@check(
    "FW-003",
    "Every pair of zones lets through nothing over IPv4 that is not declared open",
    clauses=("sec.firewall/closed-ipv4",),
    each=ZONE_PAIR,
    severity=Severity.CRITICAL,
    permission=Permission.SCAN,
    limit=LIMIT,
    risk="One broken machine reaches what it has no business with, and from there the next.",
    reads=(*READS, "ip address show on every machine"),
    rights=RIGHTS,
    remedy="close it at the target and at the router, or declare the flow with its reason; where "
    "closed ports answer with a refusal on purpose, declare firewall.closed: refused; take away or "
    "declare an address that was not scanned",
)
def test_nothing_else_is_open_over_ipv4(zone_pair: ZonePair, ask: Ask) -> None:
    """Every port that is declared or listens anywhere, at every address, alive and asked."""
    lets_nothing_else_through(zone_pair, "v4", ask)


@check(
    "FW-004",
    "Every pair of zones lets through nothing over IPv6 that is not declared open",
    clauses=("sec.firewall/closed-ipv6",),
    each=ZONE_PAIR,
    severity=Severity.CRITICAL,
    permission=Permission.SCAN,
    limit=LIMIT,
    risk="A rule that was written for IPv4 only leaves the same door open beside it.",
    reads=(*READS, "ip address show on every machine"),
    rights=RIGHTS,
    remedy="close it at the target and at the router, or declare the flow with its reason; where "
    "closed ports answer with a refusal on purpose, declare firewall.closed: refused; take away or "
    "declare an address that was not scanned",
)
def test_nothing_else_is_open_over_ipv6(zone_pair: ZonePair, ask: Ask) -> None:
    """Every port that is declared or listens anywhere, at every address, alive and asked."""
    lets_nothing_else_through(zone_pair, "v6", ask)
