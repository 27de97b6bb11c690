"""Breaking and mending: a fault's undo is on disk before the fault is planted.

`mend` works after a kill -9 of whoever broke, because the journal holds the fault's name and
everything that was surveyed, and a fault's undo needs nothing else.
"""

import fcntl
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from lab import health
from lab.errors import LabError
from lab.faults import Fault, in_the_file_only
from lab.host import require_root
from lab.inventory import MACHINES, Machine
from lab.parallel import for_each
from lab.progress import say, step
from lab.scene import Scene
from lab.site import Site
from lab.variants import called
from readiness.undo import UndoEntry, UndoJournal, UndoResult, play_pending, undo_action

ACTION = "lab.mend"
HEALTHY_LIMIT = 120.0
GONE_LIMIT = 60.0
LOCK_LIMIT = 900.0
# The product doubts a service that has been up for less than ten seconds.
SETTLED = 11.0
YOUNGEST = (
    "systemctl show --property=ActiveEnterTimestampMonotonic --value --type=service '*' "
    "| sort -n | tail -1 | { read -r last; read -r up _ </proc/uptime; "
    "awk -v up=$up -v last=$last 'BEGIN { print up - last / 1e6 }'; }"
)


def journal(site: Site) -> UndoJournal:
    """Where the undo of this lab's faults is kept."""
    return UndoJournal(site.home.path / "faults")


def in_force(site: Site) -> list[UndoEntry]:
    """The faults that were planted and not proven gone, newest first."""
    return journal(site).pending()


@contextmanager
def holding(site: Site) -> Iterator[None]:
    """Hold the lab's lock: nobody resets or breaks it while a fault is tried.

    Raises:
        LabError: another lab command holds it for a quarter of an hour.
    """
    require_root()
    site.home.create()
    with site.home.lock.open("a") as lock:
        end = time.monotonic() + LOCK_LIMIT
        told = False
        while not _try_lock(lock.fileno()):
            if time.monotonic() > end:
                raise LabError(f"another lab command holds {site.home.lock}")
            if not told:
                say("waiting for another lab command to end")
                told = True
            time.sleep(0.5)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def require_healthy(site: Site, seconds: float = HEALTHY_LIMIT) -> None:
    """Wait until every machine's roles say that it is well.

    Raises:
        LabError: the lab is down, or not healthy in time.
    """
    if not site.lab.running():
        raise LabError("the lab is not up; scripts/lab up")
    health.wait(site.lab, MACHINES, seconds)


def plant(site: Site, fault: Fault, beside: Collection[str] = ()) -> Scene:
    """Plant a fault in a healthy lab and wait until it is proven to be in force.

    `beside` names what may be in force already: healthy variants.

    Raises:
        LabError: another fault is in force, the lab is ill, or the fault does not take effect.
    """
    pending = {str(entry.arguments["fault"]) for entry in in_force(site)} - {*beside}
    if pending:
        names = ", ".join(sorted(pending))
        raise LabError(f"in force already: {names}; scripts/lab mend takes it away")
    if not beside:
        require_healthy(site)
    fault.arrange(Scene(site, {}, fault.name))
    facts = fault.survey(Scene(site, {}, fault.name))
    scene = Scene(site, facts, fault.name)
    journal(site).write(
        UndoEntry.prepare(
            run=f"fault-{fault.name}",
            environment="lab",
            environment_file="",
            action=ACTION,
            arguments={"fault": fault.name, "facts": facts},
            target="lab",
            proof=f"{fault.name} is gone and every machine is healthy",
        )
    )
    with step(f"{fault.name}: planting"):
        fault.apply(scene)
        proof = scene.wait("it took effect", lambda: fault.took_effect(scene), fault.settle)
    say(f"{fault.name}: in force: {proof}")
    return scene


def let_settle(site: Site) -> None:
    """Wait until what was just restarted has been up for a while; a crash loop never is."""
    scene = Scene(site, {})

    def settled(machine: Machine) -> bool:
        return youngest(scene, machine.name) > SETTLED

    with suppress(LabError):
        scene.wait(
            "restarted services have settled",
            lambda: all(for_each(MACHINES, settled)),
            SETTLED + 2,
        )


def youngest(scene: Scene, machine: str) -> float:
    """How many seconds the machine's youngest service has been up."""
    return float(scene.run(machine, "sh", "-c", YOUNGEST))


def mend(site: Site, name: str | None = None) -> list[UndoResult]:
    """Take away the named fault, or whatever is in force, newest first, each proven.

    Raises:
        LabError: something could not be undone; its entry stays pending.
    """
    results = play_pending(
        journal(site),
        site,
        {ACTION: play},
        only=lambda entry: name in (None, entry.arguments.get("fault")),
    )
    failed = [str(result) for result in results if not result.proven]
    if failed:
        raise LabError("; ".join(failed) + "; scripts/lab reset starts anew, then mend again")
    return results


def start_anew(site: Site) -> None:
    """Throw the live state away, and with it what was planted: for a lab that is in doubt."""
    site.reset()
    play_pending(journal(site), site, {ACTION: lambda *_: "the lab started anew, and is healthy"})


@undo_action(ACTION)
def play(arguments: Mapping[str, Any], site: Site) -> str:
    """Undo one fault and wait until it is gone and the lab is healthy."""
    fault = called(str(arguments["fault"]))
    scene = Scene(site, dict(arguments["facts"]), fault.name)
    with step(f"{fault.name}: mending"):
        fault.undo(scene)
        if not (in_the_file_only(fault) or fault.past):
            scene.wait("it is gone", lambda: not fault.took_effect(scene), GONE_LIMIT)
        require_healthy(site)
        for_each(MACHINES, lambda machine: scene.forget(machine.name))
    return f"{fault.name} is gone and {len(MACHINES)} machines are healthy"
