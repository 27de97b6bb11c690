"""Asks a machine for its packages and what they brought, over one observing session."""

from readiness.model.errors import NotUnderstood
from readiness.site.declared.machine import Machine
from readiness.systems.asker import Connections
from readiness.systems.hardening import software_questions as questions
from readiness.systems.hardening.asking import at_gate
from readiness.systems.hardening.asking.whole import whole
from readiness.systems.hardening.questions import running
from readiness.systems.hardening.reading import alike, software
from readiness.systems.hardening.reading.kernel import read_running
from readiness.systems.hardening.rules import kernel_rules


def packages(connections: Connections, machine: Machine) -> software.Software:
    """Every package, and what runs that was deleted.

    Raises:
        ProbeError: dpkg does not say, or lsof may not be run as root.
    """
    session = connections.session(machine)
    installed = software.read_packages(whole(session, questions.PACKAGES), session.where)
    # lsof ends with 1 where nothing of one kind was found.
    said = whole(session, questions.MAPPED)
    programs, stale = software.read_mapped(software.ended(said, session.where, with_=(0, 1)))
    if not programs:
        raise NotUnderstood(f"{session.where}: lsof shows no program that runs")
    known, fetched = at_gate.feed(connections.site)
    holes = tuple(
        software.Holed(hole.bug, one.name, one.version, hole.mended_in if hole.mended else "")
        for hole, one in known.found(installed)
    )
    return software.Software(
        len(installed), programs, stale, holes, len(known.holes), known.newest_year, fetched
    )


def brought(connections: Connections, machine: Machine) -> software.Brought:
    """What packages brought, as the machine keeps it, and what is no longer like that.

    Raises:
        ProbeError: dpkg does not say, may not be run as root, or takes too long.
    """
    session = connections.session(machine)
    installed = software.read_packages(whole(session, questions.PACKAGES), session.where)
    digests = software.read_digests(whole(session, questions.DIGESTS), session.where)
    said = whole(session, questions.VERIFIED, timeout=questions.VERIFY_LIMIT)
    verified = software.read_verified(software.ended(said, session.where, with_=(0, 1)))
    compared = at_gate.kept(connections.site).against(software.by_name(installed), digests)
    return software.Brought(*compared, *verified)


def likeness(connections: Connections, machine: Machine) -> alike.Likeness:
    """What it should have in common with others of its role.

    Raises:
        ProbeError: one of the questions is not answered.
    """
    session = connections.session(machine)
    installed = software.read_packages(whole(session, questions.PACKAGES), session.where)
    keys = tuple(one.key for one in kernel_rules(()))
    # A kernel without IPv6 lacks keys: grep ends with 2.
    said = session.run(running(keys), remember=False).text
    return alike.Likeness(
        {
            "packages": software.by_name(installed),
            "units": alike.read_unit_files(whole(session, questions.UNITS), session.where),
            "accounts": alike.read_accounts(whole(session, questions.ACCOUNTS)),
            "settings": read_running(said),
            "kernel": {"release": whole(session, questions.KERNEL).strip()},
        }
    )
