"""Whether a central log takes lines, has those of every machine, and keeps them long enough."""

from datetime import UTC, date, datetime

from readiness import Ask, Environment, Severity, check, derive, holds
from readiness.systems.logs.declared import DAY, NODE, SOURCE, LogNode, LogSource, stores
from readiness.systems.logs.reading import KEPT, SHIPPED, STATE, LogsKept

LOGIN = "a user of the store that reads the declared indices, and its state (cluster:monitor)"
# What is set for an upgrade and forgotten (`none`, `replicas`) leaves the next index nowhere.
ALLOCATED = ["all", "primaries", "new_primaries"]
SEARCH = "POST _search for no line, with counts and times, at each node"


@check(
    "LOG-001",
    "Every node of a central log is one of its cluster, has all shards and takes lines",
    clauses=("obs.logging/canary-searchable",),
    each=NODE,
    severity=Severity.HIGH,
    risk="Lines are refused, or a part of them can't be found, on the night that somebody looks.",
    reads=(
        "GET /, _cluster/health, _cluster/state/blocks and _cat/indices at each node",
        "GET _cluster/settings, of which two are looked at",
    ),
    rights=LOGIN,
    remedy="look at the disks of the nodes first: a full one closes every index to new lines. "
    "Shards that there is no room for: delete or join small indices; allocation that was stopped "
    "for an upgrade: set cluster.routing.allocation.enable back",
)
def test_node_takes_lines(log_node: LogNode, site: Environment, ask: Ask) -> None:
    """By what each node says of the declared indices; yellow lacks a copy, red lacks lines.

    The index of the next day, or that of a rollover, needs shards, and nodes that they may go to.
    """
    found = ask(STATE, log_node)
    state = found.reading
    logs = next(one for one in stores(site) if one.id == log_node.store.name)
    others = [ask(STATE, one) for one in logs.nodes]
    clusters = sorted({one.reading.cluster for one in others})
    assert holds(derive("clusters of its nodes", log_node.id, len(clusters), *others), "==", 1)
    assert holds(found.fact("nodes in its cluster", state.nodes), ">=", len(logs.nodes))
    assert holds(found.fact("indices of the declared pattern", state.indices), ">=", 1)
    assert holds(found.fact("health of its indices", state.health), "in", ["green", "yellow"])
    closed = found.fact("what takes no lines", state.closed_to_writes)
    assert holds(closed, "==", ())
    if state.room is not None:
        room = found.fact("shards that the cluster may still open", state.room)
        assert holds(room, ">=", max(state.largest, 1))
    assert holds(found.fact("new shards that get a node", state.allocates), "in", ALLOCATED)


@check(
    "LOG-002",
    "Every node of a central log finds a new line of each machine that ships, of its own time",
    clauses=("obs.logging/canary-searchable",),
    each=SOURCE,
    declared=("central log",),
    severity=Severity.HIGH,
    risk="The machine that is asked about has not shipped for weeks, or under another's name, and "
    "nobody noticed.",
    reads=(SEARCH,),
    rights=LOGIN,
    remedy="look at that machine's collector, the name that it ships under, and its clock",
)
def test_each_machine_ships(log_source: LogSource, ask: Ask) -> None:
    """Its newest line is younger than declared, and from no later than now."""
    store = log_source.logs.store
    for node in log_source.logs.nodes:
        found = ask(SHIPPED, node)
        newest = found.reading.newest.get(log_source.machine.name)
        there = derive(f"a line at {node.id}", log_source.id, newest is not None, found)
        assert holds(there, "==", True)
        assert newest is not None
        age = round(found.reading.asked - newest)
        name = f"seconds since its newest line at {node.id}"
        assert holds(derive(name, log_source.id, age, found), "<=", store.silent)
        assert holds(derive(name, log_source.id, age, found), ">=", -store.clock)


@check(
    "LOG-003",
    "Every node of a central log finds lines as long as declared, without a hole, and no older",
    clauses=("obs.logging/retention-enforced",),
    each=NODE,
    severity=Severity.HIGH,
    risk="What an incident or an auditor needs is gone, or what must be gone is still there.",
    reads=(SEARCH, "GET _cat/indices, closed ones included, at each node"),
    rights=LOGIN,
    remedy="see which indices the policy is attached to, when it ran last, and what it said. A "
    "machine that ships since later, or was off for longer than it may be silent, is declared "
    "under `began`",
)
def test_lines_are_kept_as_declared(log_node: LogNode, ask: Ask) -> None:
    """By the times of the lines that are there, of each machine, and never by a policy."""
    found = ask(KEPT, log_node)
    kept, limits = found.reading, log_node.store.retention
    assert holds(found.fact("lines", kept.lines), ">=", 1)
    assert holds(found.fact("lines without a time", kept.untimed), "==", 0)
    places = f" (in {', '.join(kept.too_old_in)})" if kept.too_old_in else ""
    many = found.fact(f"lines older than {limits.most / DAY:g} d{places}", kept.too_old)
    assert holds(many, "==", 0)
    assert holds(found.fact("old indices that are closed", kept.closed_and_old), "==", ())
    oldest = None if kept.oldest is None else round(kept.asked - kept.oldest)
    assert holds(found.fact("age of the oldest line in seconds", oldest), ">=", limits.least)
    name = f"days back, of {kept.days}, without a line"
    assert holds(found.fact(name, kept.days_without), "==", ())
    assert holds(found.fact("machines looked for", len(kept.gaps)), "==", len(log_node.store.ships))
    for machine, empty in kept.gaps.items():
        began = log_node.store.began.get(machine)
        parts = empty if began is None else tuple(one for one in empty if _must(kept, one, began))
        name = f"days back without a line of {machine}"
        days = tuple(round(one * kept.part / DAY) for one in parts)
        assert holds(derive(name, log_node.id, days, found), "==", ())
    hidden = f" (not {kept.hidden} of them)" if kept.hidden else ""
    shown = derive(f"lines that our login is shown{hidden}", log_node.id, _all(kept.hidden), found)
    assert holds(shown, "==", "all")


def _must(kept: LogsKept, part: int, began: date) -> bool:
    """Whether a part of the time lies wholly after the day on which a machine began to ship."""
    begins = datetime.fromtimestamp(kept.asked - (part + 1) * kept.part, UTC).date()
    return begins > began


def _all(lacking: int) -> str | None:
    """All; unknown where something is lacking, since nobody can tell what that is."""
    return None if lacking else "all"
