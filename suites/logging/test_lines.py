"""Whether a line that is written is found: rightly, once, in time, and over a restart."""

from collections.abc import Callable

from readiness import Found, Severity, Tier, check, derive, holds
from readiness.drills.log_lines import LEVELS, PRIORITY, CanaryLine
from readiness.drills.log_loss import LogLoss
from readiness.site.declared.machine import Machine
from readiness.systems.logs.declared import LOGS, SOURCE, Logs, LogSource

WRITES = f"`logger --priority {PRIORITY}` over SSH on every machine that ships"
SEARCH = "POST _search for these lines, at each node"
RIGHTS = "a system user on every machine that ships, without privileges, and the reading user"

Confidence = Callable[[int, str], None]
Drill = Callable[[Logs], Found[LogLoss]]
Canary = Callable[[LogSource], Found[CanaryLine]]


def named(machine: Machine, host: str) -> bool:
    """Whether a line's host is that machine, by its name or a full one."""
    return (
        host.lower() == machine.name
        or machine.known_as(host)
        or (host.lower().startswith(f"{machine.name}."))
    )


@check(
    "LOG-005",
    "Each machine's line is found at every node of its central log, once, in time, as it was",
    clauses=("obs.logging/canary-searchable",),
    each=SOURCE,
    declared=("central log", "log lines"),
    severity=Severity.HIGH,
    tier=Tier.TOUCH,
    limit=180,
    risk="What this machine said can't be found, is somebody else's, or is from another hour.",
    reads=(WRITES, SEARCH),
    rights=RIGHTS,
    disturbs="One line a machine, and some ten of a control, until retention takes them.",
    remedy="follow a line of `logger` from the machine's journal through its collector to the "
    "store, and compare host, time and level at each step",
)
def test_a_line_is_found(log_source: LogSource, canary_line: Canary) -> None:
    """Its own host, the time it was written, its level; as often as declared and no more."""
    store, machine = log_source.logs.store, log_source.machine
    found = canary_line(log_source)
    for node, seen in found.reading.nodes.items():
        at = f"of its line at {node}"
        copies = found.fact(f"copies {at}", seen.copies)
        assert holds(copies, ">=", 1)
        assert holds(copies, "<=", store.copies)
        strangers = [one for one in seen.hosts if not named(machine, one)]
        assert holds(found.fact(f"hosts {at} that it is not", strangers), "==", [])
        levels = [one.lower() for one in seen.levels]
        assert holds(found.fact(f"levels {at}", levels), "within", sorted(LEVELS))
        off = None if seen.off is None else abs(round(seen.off, 3))
        name = f"seconds from when it was written to the time {at}"
        assert holds(found.fact(name, off), "<=", store.clock)
        took = found.fact(f"seconds until it was found at {node}", seen.after)
        assert holds(took, "<=", store.searchable)


@check(
    "LOG-006",
    "No line is lost while the collectors and the store of a central log are restarted",
    clauses=("obs.logging/no-loss-over-restart",),
    each=LOGS,
    declared=("log lines", "log drill"),
    severity=Severity.HIGH,
    tier=Tier.DISRUPT,
    limit=900,
    risk="The lines of the minutes that matter are those that are missing: those of a restart.",
    reads=(WRITES, SEARCH),
    rights=f"{RIGHTS}; a system user that may stop and start the declared units (ssh.disrupt)",
    disturbs="Stops the collectors of all machines at once, and then the store, for the declared "
    "time each; the declared number of lines a machine, which stay until retention takes them.",
    remedy="give the collector a queue on disk that is saved at a stop, retries without end, and "
    "an input that goes on where it was",
)
def test_no_line_is_lost(logs: Logs, log_drill: Drill, confidence: Confidence) -> None:
    """Every number of every machine is found at every node, and none more often than declared.

    A line that comes later than declared is late; one that does not come any more is lost.
    """
    found = log_drill(logs)
    trials = logs.store.drill.trials if logs.store.drill else 0
    wanted = len(logs.store.ships) * len(logs.nodes) * trials
    assert holds(found.fact("machines counted at nodes", len(found.reading.numbered)), "==", wanted)
    assert holds(found.fact("units stopped", len(found.reading.stopped)), ">=", 1)
    for one in found.reading.numbered:
        missing = f" (the first {', '.join(one.missing)})" if one.missing else ""
        name = f"lines of {one.machine} missing at {one.node}{missing}"
        assert holds(found.fact(name, one.written - one.found), "==", 0)
        often = derive(f"copies of a line of {one.machine}", logs.id, one.most_copies, found)
        assert holds(often, "<=", logs.store.copies)
    drill = logs.store.drill
    for one in found.reading.numbered if drill else ():
        assert drill is not None
        name = f"seconds until all lines of {one.machine} were found at {one.node}"
        assert holds(found.fact(name, one.after), "<=", drill.catch_up)
    confidence(found.reading.collectors, "restarts of a collector after which no line was missing")
