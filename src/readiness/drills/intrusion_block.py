"""The block of a planted attack's source: whom it meets, how it is lifted, and what proves that."""

import time
from collections.abc import Mapping
from typing import Any, Final

from readiness.drills.actions import ActionFailed, drill_target, must
from readiness.evidence.undo import undo_action
from readiness.model.errors import ProbeError, ReadinessError
from readiness.probes.ssh import Machines
from readiness.site.declared.common import Address
from readiness.site.environment import Environment
from readiness.systems.intrusion.asking import knocked, opened
from readiness.systems.intrusion.declared import targets
from readiness.systems.intrusion.reading import SERVED, DoorAt

PAUSE: Final = 0.5
# How long a lifted block may still be felt.
LIFTED_WITHIN: Final = 20.0


def pairs(site: Environment) -> list[tuple[str, str, str]]:
    """Who is attacked, from which address of the source, at which of its own."""
    return [
        (one.id, source, address)
        for one in targets(site)
        for address in one.machine.addresses
        for source in one.intrusion.source.attacks_from
        if Address(ip=source).family == Address(ip=address).family
    ]


def doors(site: Environment) -> list[DoorAt]:
    """Every door of every machine, with each address of the source that is of its family."""
    return [
        DoorAt(name, source, address, one.port, one.speaks)
        for name, source, address in pairs(site)
        for one in (site.intrusion.doors if site.intrusion else ())
    ]


def lift(machines: Machines, site: Environment) -> None:
    """Lift the block on every machine, where it is declared how.

    Raises:
        ActionFailed: it could not be lifted on one of them; it was tried on all.
    """
    failed: list[str] = []
    for one in targets(site):
        if one.intrusion.block.lift is None:
            continue
        try:
            session = machines.drill(drill_target(site, one.id))
            for source in one.intrusion.source.attacks_from:
                must(session.run([*one.intrusion.block.lift, source]), f"lifting {source}")
        except ReadinessError as error:
            failed.append(f"{one.id}: {error}")
    if failed:
        raise ActionFailed("; ".join(failed))


def lifted(machines: Machines, site: Environment) -> str:
    """Lift what is still there, and see that every door serves the source again; the proof.

    Raises:
        ActionFailed: the source is still blocked.
    """
    intrusion = site.intrusion
    if intrusion is None:
        raise ActionFailed("the environment declares no intrusion any more")
    places, source = doors(site), opened(machines, site, intrusion)
    until = time.monotonic() + max(intrusion.block.ends or 0.0, LIFTED_WITHIN)
    tried, why = False, ""
    while set(states := knocked(source, places)) != {SERVED}:
        if not tried or why:
            tried, why = True, _lift(machines, site)
        if time.monotonic() > until:
            shut = [
                f"{at.machine} {at.id}"
                for at, state in zip(places, states, strict=True)
                if state != SERVED
            ]
            more = f"; {why}" if why else ""
            raise ActionFailed(f"{', '.join(shut)}: still closed to {intrusion.source.name}{more}")
        time.sleep(PAUSE)
    return f"{len(places)} doors serve {intrusion.source.name}"


def _lift(machines: Machines, site: Environment) -> str:
    try:
        lift(machines, site)
    except ActionFailed as error:
        return str(error)
    return ""


@undo_action("intrusion.lift")
def undo_block(_: Mapping[str, Any], environment: Environment) -> str:
    """Lift the block from wherever the journal is."""
    with Machines() as machines:
        try:
            return lifted(machines, environment)
        except ProbeError as error:
            raise ActionFailed(str(error)) from error
