"""Asks machines for what hardening is judged by, over one observing session and over the wire."""

from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.site.declared.machine import Machine
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.hardening import questions
from readiness.systems.hardening.asking import services, software, ssh_offer
from readiness.systems.hardening.declared import hardening_of
from readiness.systems.hardening.reading import (
    HOST,
    IDENTITY,
    KERNEL,
    OFFERS,
    SPACE,
    Host,
    Identity,
    Kernel,
    Offers,
    Space,
)
from readiness.systems.hardening.reading import host as read_host
from readiness.systems.hardening.reading.alike import LIKENESS
from readiness.systems.hardening.reading.kernel import read_running, read_saved, settings
from readiness.systems.hardening.reading.services import SERVICES
from readiness.systems.hardening.reading.software import BROUGHT, SOFTWARE
from readiness.systems.hardening.reading.space import read_space
from readiness.systems.hardening.rules import kernel_rules

_MACHINE_ID: Final = 32  # hexadecimal digits (machine-id(5))


def _said(session: ObserveSession, command: str, *, ends: tuple[int, ...] = (0,)) -> str:
    answer = session.run(command, remember=False)
    if answer.exit_code not in ends:
        raise NotUnderstood(f"{session.where}: {command[:40]}: {answer.complaint}")
    return answer.text


def _kernel(connections: Connections, machine: Machine) -> Kernel:
    session = connections.session(machine)
    keys = tuple(one.key for one in kernel_rules(hardening_of(connections.site).rows(machine.name)))
    # A kernel without IPv6 lacks keys: grep ends with 2.
    running = read_running(_said(session, questions.running(keys), ends=(0, 1, 2)))
    saved = read_saved(_said(session, questions.SAVED), keys)
    return Kernel(settings(running, saved))


def _host(connections: Connections, machine: Machine) -> Host:
    session = connections.session(machine)
    number, wrong = read_host.accounts(_said(session, questions.ACCOUNTS), where=session.where)
    found = read_host.read_files(_said(session, questions.FILES), where=session.where)
    programs = tuple(one.path for one in found if one.runs_as_another)
    fit = tuple(one for one in programs if questions.fits(one))
    owned: frozenset[str] = frozenset()
    if fit:
        # It ends with 1 where it does not know one of them.
        owned = read_host.read_owned(_said(session, questions.owners(fit), ends=(0, 1)))
    wrong += tuple(read_host.files(found, owned))
    wrong += tuple(read_host.mounts(_said(session, questions.MOUNTS)))
    shipped = tuple(sorted(one for one in programs if one in owned))
    return Host(number, shipped, wrong)


def _space(connections: Connections, machine: Machine) -> Space:
    session = connections.session(machine)
    # It ends with 1 where it may not look at one of them.
    table = _said(session, questions.SPACE, ends=(0, 1))
    return read_space(table, _said(session, questions.MOUNTS), where=session.where)


def _offers(connections: Connections, machine: Machine) -> Offers:
    login = connections.site.ssh.observe.user if connections.site.ssh else "root"
    return ssh_offer.offers(machine.addresses, machine.ssh_port or ssh_offer.PORT, login)


def _identity(connections: Connections, machine: Machine) -> Identity:
    session = connections.session(machine)
    said = _said(session, questions.MACHINE_ID).strip()
    if len(said) != _MACHINE_ID:
        raise NotUnderstood(f"{session.where}: /etc/machine-id holds no machine-id")
    return Identity(said)


ASKERS: Final[Askers] = (
    Asker(KERNEL, _kernel),
    Asker(HOST, _host),
    Asker(SPACE, _space),
    Asker(OFFERS, _offers),
    Asker(IDENTITY, _identity),
    Asker(SERVICES, services.services),
    Asker(SOFTWARE, software.packages),
    # Every program is read: of machines that share disks a few at a time.
    Asker(BROUGHT, software.brought, early=True),
    Asker(LIKENESS, software.likeness),
)
