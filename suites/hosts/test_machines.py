"""What every declared machine says about its services and its clock."""

from readiness import Ask, Found, Severity, check, holds
from readiness.site.declared.machine import Machine
from readiness.site.subjects import MACHINE
from readiness.systems.hosts.reading import CLOCK, CLOCK_OFFSET, SERVICES, SOCKETS
from readiness.systems.hosts.reading.host import ClockState, ServiceState
from readiness.systems.hosts.reading.timesync import UNSYNCHRONISED_LEAP, TimeSync

# One second: TLS, Kerberos and log correlation tolerate more, lease-based failover does not.
LARGEST_OFFSET = 1.0
# A unit that dies every few seconds is up at almost any moment, and never for long.
LEAST_UP = 10.0
# What its manager had to start again by itself proves to be mended by staying up this long.
STEADY_UP = 3600.0
UNSYNCHRONISED_STRATUM = 16
# Of the last three polls, the newest lowest, one must have been answered: one answer may be lost.
RECENT_POLLS = 0b111
LEAST_ANSWERED = 1


@check(
    "HOST-001",
    "Every declared service is up and stays up on its machine",
    clauses=("infra.hosts/services-up",),
    each=MACHINE,
    declared=("services", "ssh"),
    severity=Severity.CRITICAL,
    risk="A service that is down or crash-looping on one node hides behind the ones that answer.",
    reads=("systemctl show of each declared unit, ps of every process",),
    rights="an SSH login without privileges",
    remedy="see `systemctl status` and the journal of that unit on that machine; once mended, "
    "an hour without a restart or `systemctl reset-failed` clears the count; `systemctl enable` "
    "what does not start with its machine, and declare what a unit that starts nothing stands for",
)
def test_services_are_up(machine: Machine, ask: Ask) -> None:
    """Each unit has been running for a while, nothing of it stands, and it comes back.

    One that does one thing and ends has done something: Debian's `postgresql` is active whatever
    becomes of the servers that it stands for.
    """
    found = ask(SERVICES, machine)
    for unit in machine.services:
        state = found.reading[unit]
        assert holds(found.fact(f"{unit} loaded", state.load), "==", "loaded")
        if waits_for_somebody(found, unit):
            continue
        assert holds(found.fact(f"state of {unit}", state.active), "==", "active")
        alive = (*ALIVE, DONE) if state.kind == "oneshot" else ALIVE
        assert holds(found.fact(f"sub-state of {unit}", state.sub), "in", alive)
        since = " since it was restarted by its manager" if state.restarts else ""
        up = found.fact(f"seconds that {unit} has been up{since}", state.up)
        # Whoever looks may be the first in a while, and have started it: our own login does.
        least = 0.0 if state.listening else LEAST_UP
        assert holds(up, ">=", STEADY_UP if state.restarts else least)
        assert holds(found.fact(f"freezer of {unit}", state.freezer), "==", "running")
        seen = state.processes if state.main_pid else max(state.processes or 0, 1)
        assert holds(found.fact(f"processes of {unit} that can be seen", seen or None), ">=", 1)
        assert holds(found.fact(f"stopped processes of {unit}", state.stopped), "==", 0)
        start = f"start of {unit} with its machine (unit file {state.enabled or 'unknown'})"
        assert holds(found.fact(start, state.comes_back), "==", True)
    for unit in machine.services:
        if found.reading[unit].kind == "oneshot":
            does = found.reading[unit].does
            number = found.fact(f"programs that {unit} starts", None if does is None else len(does))
            assert holds(number, ">=", 1)


def waits_for_somebody(found: Found[dict[str, ServiceState]], unit: str) -> bool:
    """Claim that a unit which does not run ended well, and that its socket starts it when needed.

    One that failed, or whose socket does not listen, is judged as any other.
    """
    state = found.reading[unit]
    if state.active != "inactive" or not state.listening:
        return False
    assert holds(found.fact(f"last end of {unit}", state.result), "==", "success")
    sockets = found.fact(f"sockets that listen for {unit}", len(state.listening))
    return bool(holds(sockets, ">=", 1))


ALIVE = ("running", "listening", "waiting", "active", "mounted")
# Nothing of the unit runs. Right for what does one thing and ends (nftables); a daemon's unit that
# was made from an init script stays active like this when the daemon has died.
DONE = "exited"


@check(
    "HOST-002",
    "Every machine's clock is synchronised to a source that answers",
    clauses=("infra.hosts/clock-synchronised",),
    each=MACHINE,
    declared=("ssh",),
    severity=Severity.HIGH,
    risk="Leases, certificates and audit records on this machine can't be trusted.",
    reads=("chronyc tracking and sources, or what systemd-timesyncd says over D-Bus; date",),
    rights="an SSH login without privileges",
    remedy="make a time source reachable from this machine and restart chrony (or timesyncd)",
)
def test_clock_is_synchronised(machine: Machine, ask: Ask) -> None:
    """The clock follows a source that was reached lately, and our own agrees with the time."""
    found = ask(CLOCK, machine)
    if found.reading.timesync:
        follows_by_timesyncd(found, found.reading.timesync)
    else:
        follows_by_chrony(found)
    asked = ask(CLOCK_OFFSET, machine)
    apart = asked.reading.distance
    assert holds(asked.fact("seconds from the clock that looks", apart), "<=", LARGEST_OFFSET)


def follows_by_timesyncd(found: Found[ClockState], state: TimeSync) -> None:
    """Claim that the last answer of a server is fresh, usable, and near the machine's clock."""
    assert holds(found.fact("time server of timesyncd", state.server or "none"), "!=", "none")
    assert holds(found.fact("answers of its time server", state.packets), ">=", 1)
    assert holds(
        found.fact("leap indicator of its time server", state.leap), "!=", UNSYNCHRONISED_LEAP
    )
    assert holds(found.fact("stratum", state.stratum), "<", UNSYNCHRONISED_STRATUM)
    age = found.fact("seconds since its last answer", state.age)
    assert holds(age, "<=", state.patience)
    assert holds(found.fact("seconds off", abs(state.offset)), "<=", LARGEST_OFFSET)


def follows_by_chrony(found: Found[ClockState]) -> None:
    """Claim that chronyd follows a source that was reached lately."""
    state = found.reading
    assert holds(found.fact("an answer of chronyd", state.problem or "yes"), "==", "yes")
    tracking = state.tracking
    leap = found.fact("leap status", tracking and tracking.leap_status)
    assert holds(leap, "!=", "Not synchronised")
    stratum = found.fact("stratum", tracking and tracking.stratum)
    assert holds(stratum, "<", UNSYNCHRONISED_STRATUM)
    source = state.selected
    assert holds(
        found.fact("selected time source", source.name if source else "none"), "!=", "none"
    )
    answered = source and (source.reach & RECENT_POLLS).bit_count()
    reach = found.fact("of the last three polls of it answered", answered)
    assert holds(reach, ">=", LEAST_ANSWERED)
    offset = found.fact("seconds off", tracking and abs(tracking.system_offset))
    assert holds(offset, "<=", LARGEST_OFFSET)


@check(
    "HOST-003",
    "Every machine listens on its declared ports and on no other",
    clauses=("infra.hosts/nothing-undeclared-listening",),
    each=MACHINE,
    declared=("listens", "ssh"),
    severity=Severity.HIGH,
    risk="A debug server or a database bound to all addresses waits for a hole in the firewall.",
    reads=("ss --numeric --listening for TCP and UDP",),
    rights="an SSH login without privileges",
    remedy="stop the service or bind it to loopback; declare the port where it belongs there",
)
def test_listens_as_declared(machine: Machine, ask: Ask) -> None:
    """The ports that listen on any address but loopback are exactly the declared ones."""
    declared = set(machine.listens or ())
    found = ask(SOCKETS, machine)
    listening = {one.name for one in found.reading if one.reachable}
    undeclared = ", ".join(sorted(listening - declared)) or "none"
    assert holds(found.fact("undeclared ports", undeclared), "==", "none")
    missing = ", ".join(sorted(declared - listening)) or "none"
    assert holds(found.fact("declared ports where nothing listens", missing), "==", "none")
