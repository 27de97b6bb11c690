"""Breaking and mending: a fault's undo is on disk before the fault is planted.

`mend` works after a kill -9 of whoever broke, because the journal holds the fault's name and
everything that was surveyed, and a fault's undo needs nothing else.
"""

import fcntl
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any

from lab import health
from lab.errors import LabError, Unhealthy
from lab.faults import Fault, in_the_file_only
from lab.host import require_root
from lab.inventory import Machine
from lab.parallel import for_each
from lab.progress import say, step
from lab.scene import Scene
from lab.site import Site
from lab.variants import called
from readiness.evidence.undo import (
    UndoAction,
    UndoEntry,
    UndoJournal,
    UndoResult,
    play_pending,
    undo_action,
)

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
        raise LabError(f"the lab is not up; scripts/lab up{site.lab.of}")
    health.wait(site.lab, site.machines, seconds)


def plant(site: Site, fault: Fault, beside: Collection[str] = ()) -> Scene:
    """Plant a fault in a healthy lab and wait until it is proven to be in force.

    `beside` names what may be in force already: healthy variants.

    Raises:
        LabError: another fault is in force, the lab is ill, or the fault does not take effect.
    """
    require_of(site, fault)
    _nothing_else_in_force(site, beside)
    if not beside:
        require_healthy(site)
    fault.arrange(Scene(site, {}, fault.name))
    scene = Scene(site, fault.survey(Scene(site, {}, fault.name)), fault.name)
    _owe(site, fault, scene)
    _put_in_force(fault, scene)
    return scene


def require_of(site: Site, fault: Fault) -> None:
    """Refuse a fault that another site has.

    Raises:
        LabError: says which one has it.
    """
    if fault.site != site.home.site:
        raise LabError(f"{fault.name} is a fault of the site {fault.site}: --site {fault.site}")


def plant_at_once(site: Site, several: Sequence[Fault]) -> dict[str, Scene]:
    """Plant faults that touch different machines in a healthy lab, all at the same time.

    What each needs to know is surveyed while nothing is in force, and the undo of all is on disk
    before the first is planted.

    Raises:
        LabError: something is in force, the lab is ill, or one of them does not take effect.
    """
    _nothing_else_in_force(site, ())
    require_healthy(site)
    facts = for_each(several, lambda one: one.survey(Scene(site, {}, one.name)))
    scenes = {
        one.name: Scene(site, known, one.name) for one, known in zip(several, facts, strict=True)
    }
    for one in several:
        _owe(site, one, scenes[one.name])
    for_each(several, lambda one: _put_in_force(one, scenes[one.name]))
    return scenes


def _nothing_else_in_force(site: Site, beside: Collection[str]) -> None:
    pending = {str(entry.arguments["fault"]) for entry in in_force(site)} - {*beside}
    if pending:
        names = ", ".join(sorted(pending))
        raise LabError(f"in force already: {names}; scripts/lab mend{site.lab.of} takes it away")


def _owe(site: Site, fault: Fault, scene: Scene) -> None:
    """Write down, durably, how it is undone."""
    journal(site).write(
        UndoEntry.prepare(
            run=f"fault-{fault.name}",
            environment=site.home.site,
            environment_file="",
            action=ACTION,
            arguments={"fault": fault.name, "facts": scene.facts},
            target=site.home.site,
            proof=f"{fault.name} is gone and every machine is healthy",
        )
    )


def _put_in_force(fault: Fault, scene: Scene) -> None:
    """Plant it and wait until it shows."""
    looking = scene.looking()
    with step(f"{fault.name}: planting"):
        fault.apply(scene)
        proof = looking.wait("it took effect", lambda: fault.took_effect(looking), fault.settle)
    say(f"{fault.name}: in force: {proof}")


def let_settle(site: Site) -> None:
    """Wait until what was just restarted has been up for a while; a crash loop never is."""
    scene = Scene(site, {})

    def settled(machine: Machine) -> bool:
        return youngest(scene, machine.name) > SETTLED

    with suppress(LabError):
        scene.wait(
            "restarted services have settled",
            lambda: all(for_each(site.machines, settled)),
            SETTLED + 2,
        )


def youngest(scene: Scene, machine: str) -> float:
    """How many seconds the machine's youngest service has been up."""
    return float(scene.run(machine, "sh", "-c", YOUNGEST))


def mend(
    site: Site, name: str | None = None, scenes: Mapping[str, Scene] | None = None
) -> list[UndoResult]:
    """Take away the named fault, or whatever is in force, newest first, each proven.

    `scenes` are those that they were planted in, by name: what the undo touches is noted there.

    Raises:
        LabError: something could not be undone; its entry stays pending.
    """

    def play_one(arguments: Mapping[str, Any], place: Site) -> str:
        fault, scene = _owed(arguments, place, scenes or {})
        with step(f"{fault.name}: mending"):
            _undo(fault, scene)
            return _proven_gone(place, fault, scene)

    return _play(site, play_one, name)


def mend_at_once(site: Site, scenes: Mapping[str, Scene]) -> list[UndoResult]:
    """Take away faults that touch different machines, all at the same time, each proven.

    Raises:
        LabError: something could not be undone; its entry stays pending.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(scenes))) as pool:
        undone: dict[str, Future[None]] = {}

        def play_one(arguments: Mapping[str, Any], place: Site) -> str:
            # The first begins them all, for nobody else plays the journal now; each has its own
            # result.
            if not undone:
                for one, scene in scenes.items():
                    undone[one] = pool.submit(_undo, called(one), scene)
                wait(undone.values())
            fault, scene = _owed(arguments, place, scenes)
            undone[fault.name].result()
            return _proven_gone(place, fault, scene)

        with step(f"{len(scenes)} faults: mending"):
            return _play(site, play_one, None)


def _play(site: Site, action: UndoAction, name: str | None) -> list[UndoResult]:
    """Play what is owed, again as long as that helps: a fault may leave the lab ill for another."""
    proven: list[UndoResult] = []
    while True:
        results = play_pending(
            journal(site),
            site,
            {ACTION: action},
            only=lambda entry: name in (None, entry.arguments.get("fault")),
        )
        failed = [str(result) for result in results if not result.proven]
        helped = [result for result in results if result.proven]
        proven += helped
        if not failed:
            return proven
        if not helped:
            told = "; ".join(failed)
            raise LabError(f"{told}; scripts/lab reset{site.lab.of} starts anew, then mend again")


def bring_up(site: Site) -> None:
    """Have the lab healthy; one that was left sick starts anew, so that it is told once.

    Raises:
        Unhealthy: it was left sick.
    """
    try:
        site.up()
    except Unhealthy:
        start_anew(site)
        raise


def start_anew(site: Site) -> None:
    """Throw the live state away, and with it what was planted: for a lab that is in doubt."""
    site.reset()
    play_pending(journal(site), site, {ACTION: lambda *_: "the lab started anew, and is healthy"})


@undo_action(ACTION)
def play(arguments: Mapping[str, Any], site: Site) -> str:
    """Undo one fault and wait until it is gone and the lab is healthy."""
    fault, scene = _owed(arguments, site, {})
    _undo(fault, scene)
    return _proven_gone(site, fault, scene)


def _owed(
    arguments: Mapping[str, Any], site: Site, scenes: Mapping[str, Scene]
) -> tuple[Fault, Scene]:
    """The fault that an entry of the journal is about, and the scene for its undo."""
    fault = called(str(arguments["fault"]))
    return fault, scenes.get(fault.name) or Scene(site, dict(arguments["facts"]), fault.name)


def _undo(fault: Fault, scene: Scene) -> None:
    """Take one fault back and wait until it is gone."""
    looking = scene.looking()
    fault.undo(scene)
    if not (in_the_file_only(fault) or fault.past):
        looking.wait("it is gone", lambda: not fault.took_effect(looking), GONE_LIMIT)


def _proven_gone(site: Site, fault: Fault, scene: Scene) -> str:
    """That the lab is healthy without it, whose kept originals nobody needs any more."""
    require_healthy(site)
    for_each(site.machines, lambda machine: scene.forget(machine.name))
    return f"{fault.name} is gone and {len(site.machines)} machines are healthy"
