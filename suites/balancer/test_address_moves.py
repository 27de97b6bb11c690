"""Whether what moves a shared address is in force on every machine that may hold it."""

from collections.abc import Iterator

from readiness import (
    Ask,
    Environment,
    Found,
    NotRun,
    NotUnderstood,
    ProbeError,
    Severity,
    check,
    derive,
    holds,
)
from readiness.site.declared.balancer import Balancer
from readiness.site.declared.machine import Machine
from readiness.site.subjects import ENVIRONMENT
from readiness.systems.keepalived.file import Mover, TrackedScript
from readiness.systems.keepalived.reading import KEEPALIVED, Keepalived, State

Unseen = ProbeError | NotRun


@check(
    "LB-005",
    "Every machine that may hold a virtual address runs the health check that moves it",
    clauses=("infra.load-balancer/vip-moves",),
    each=ENVIRONMENT,
    declared=("shared address", "moved by keepalived"),
    severity=Severity.CRITICAL,
    risk="The address stays where it is when the balancer there dies, or nobody can take it: "
    "keepalived disables a script that somebody else may change, and runs on.",
    reads=(
        "ps; keepalived.conf and what it includes: names and addresses only",
        "journalctl of keepalived's processes since it read its configuration",
        "/proc/PID/stat of the process that does VRRP, until a script of it has ended",
        "stat of each script's program",
    ),
    rights="an SSH login without privileges that may read keepalived.conf and, as a member of "
    "systemd-journal, the journal",
    remedy="start keepalived where it does not run; see what its journal says of that script; let "
    "script, folders and links to it belong to root and be writable by nobody else, then reload it",
)
def test_health_check_is_in_force(environment: Environment, ask: Ask) -> None:
    """Of each script that decides about an address, its log tells that it ran and was not disabled.

    What was seen on one machine counts, whatever nobody could see on another.
    """
    blind: list[Unseen] = []
    for balancer, machine in places(environment):
        try:
            judged(
                balancer, environment, ask(KEEPALIVED, machine), f"{balancer.name}/{machine.name}"
            )
        except (ProbeError, NotRun) as error:
            blind.append(error)
    if blind:
        raise blind[0]


def places(environment: Environment) -> Iterator[tuple[Balancer, Machine]]:
    """Each machine that may hold shared addresses of a balancer."""
    for one in environment.balancers:
        if environment.listener(one.listener).shared_addresses:
            for name in one.may_hold:
                yield one, environment.machine(name)


def judged(
    balancer: Balancer, environment: Environment, found: Found[Keepalived], where: str
) -> None:
    """Assert that each address would leave the machine, or could come to it.

    Raises:
        ProbeError: it can't be told.
    """
    reading = found.reading
    running = derive("processes of keepalived", where, reading.processes, found)
    assert holds(running, ">", 0)
    for address in environment.listener(balancer.listener).shared_addresses:
        mover = reading.configuration and reading.configuration.movers.get(address)
        if mover:
            by_configuration(mover, address, found, where)
        else:
            without_configuration(address, found, where)


def by_configuration(mover: Mover, address: str, found: Found[Keepalived], where: str) -> None:
    """Judge what the configuration says that decides about an address."""
    reading = found.reading
    states = {one.name: trouble(one, reading) for one in mover.scripts}
    lost = [one for one in mover.programs if one.rpartition(" ")[2] in reading.log.missing]
    bad = [f"{name} {why}" for name, why in states.items() if why] + lost
    unsure = [name for name, why in states.items() if why is None]
    if mover.programs and not reading.unchanged:
        unsure += mover.programs
    told(f"health checks of {address} that are not in force", bad, unsure, found, where)
    serves = reading.configuration is not None and reading.configuration.serves
    others = ["virtual_server"] * serves + [f"bound to {one}" for one in reading.bound_to]
    checks = [*states, *mover.programs, *others]
    if mover.links and not checks:
        raise NotUnderstood(
            f"{where}: {address} moves with a link ({', '.join(mover.links)}): whether it leaves a "
            "machine whose balancer is dead can't be seen"
        )
    count = derive(f"health checks that move {address}", where, len(checks), found)
    assert holds(count, ">", 0)
    if states and reading.runs_something is not None:
        runs = derive("a script that ended while we looked", where, reading.runs_something, found)
        assert holds(runs, "==", True)


def trouble(script: TrackedScript, reading: Keepalived) -> str | None:
    """What is wrong with a script: empty when nothing is, None when nobody knows.

    A script with a weight may fail on purpose: it says who is preferred.
    """
    log, file = reading.log, reading.configuration
    state = log.scripts.get(script.name)
    if state == State.DISABLED or script.program in log.refused:
        return "is disabled"
    there = reading.programs.get(script.program)
    if there is False:
        return "has lost its program"
    if state == State.FAILS and not script.weight:
        return "fails"
    if there is None:
        return None
    # The log reaches back less far than the process: of a lone script the process itself tells.
    alone = file is not None and file.whole and file.tracked == (script.name,)
    seen = alone and not log.whole and reading.runs_something and reading.unchanged
    return "" if state is not None or seen else None


def without_configuration(address: str, found: Found[Keepalived], where: str) -> None:
    """Judge a machine whose configuration does not say what decides about an address."""
    reading = found.reading
    if reading.configuration is not None and reading.configuration.whole:
        has = derive(f"{address} in its configuration", where, False, found)
        assert holds(has, "==", True)
    why = reading.problem or "parts of it are computed, or in files that could not be read"
    raise NotUnderstood(
        f"{where}: which scripts decide about {address} is not known: {why}; let the login read "
        "keepalived.conf (setfacl -m u:LOGIN:r)"
    )


def told(
    name: str, bad: list[str], unsure: list[str], found: Found[Keepalived], where: str
) -> None:
    """Assert that nothing is bad.

    Raises:
        NotUnderstood: nothing is, as far as can be told.
    """
    if unsure and not bad:
        raise NotUnderstood(
            f"{where}: what became of {', '.join(unsure)} is not known: its log since it read its "
            "configuration does not tell; see that the login may read the journal, and reload "
            "keepalived"
        )
    assert holds(derive(name, where, bad, found), "==", [])
