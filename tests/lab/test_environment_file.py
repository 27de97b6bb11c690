"""Tests that environments/lab.yaml describes the machines that the lab's inventory makes."""

from pathlib import Path

import pytest

from lab import inventory
from readiness.site.documents import load_environment
from readiness.site.environment import Environment

LAB = Path(__file__).parents[2] / "environments" / "lab.yaml"


@pytest.fixture(scope="module")
def environment() -> Environment:
    """The committed description of the lab."""
    return load_environment(LAB)


def declared_addresses(name: str) -> tuple[str, ...]:
    """Every address of a machine of the inventory, card by card."""
    cards = inventory.machine(name).interfaces
    return tuple(str(address) for card in cards for address in (card.v4, card.v6))


def test_machines_zones_and_addresses_are_those_of_the_inventory(environment: Environment) -> None:
    """Every machine but the stranger outside, with all of its addresses, its home's first."""
    declared = {one.name: (one.zone, one.addresses) for one in environment.machines}
    assert environment.firewall
    outside = {one.name: one.addresses for one in environment.firewall.outsiders}
    assert outside == {"stranger": declared_addresses("stranger")}
    made = {
        one.name: (
            one.zone.name,
            declared_addresses(one.name),
        )
        for one in inventory.MACHINES
        if one.name != "stranger"
    }
    assert declared == made
    assert set(environment.zones) == {zone.name for zone in inventory.ZONES}


def test_shared_address_is_the_inventorys(environment: Environment) -> None:
    """The portal's address in both families."""
    portal = next(one for one in environment.listeners if one.name == "portal")
    assert portal.shared_addresses == (str(inventory.VIP4), str(inventory.VIP6))
    assert set(portal.names) <= set(inventory.SERVICES)


def test_every_way_that_the_gate_looks_is_a_declared_flow(environment: Environment) -> None:
    """What lab.yaml lets the gate ask passes the lab's firewalls."""
    here = {"*", environment.looks_from}
    allowed = {
        (each.name, port)
        for flow in inventory.FLOWS
        if flow.source in here
        for each in inventory.MACHINES
        if flow.destination in {"*", each.zone.name, *each.roles}
        for port in flow.ports
    }
    asked = {
        (name, listener.port) for listener in environment.listeners for name in listener.machines
    }
    asked |= {
        (name, database.failover.pooled.port)
        for database in environment.databases
        if database.failover
        for name in database.failover.pooled.machines
    }
    assert asked <= allowed


def test_declared_flows_are_the_inventorys(environment: Environment) -> None:
    """What the lab's rules are made from is what is measured against, entry by entry."""
    assert environment.firewall
    declared = [
        (one.source, one.destination, one.ports, one.protocol, one.why)
        for one in environment.firewall.flows
    ]
    made = [
        (one.source, one.destination, one.ports, one.protocol, one.why) for one in inventory.FLOWS
    ]
    assert declared == made


def test_networks_are_the_inventorys(environment: Environment) -> None:
    """Each zone with its networks of both families."""
    assert environment.firewall
    made = {zone.name: (str(zone.v4), str(zone.v6)) for zone in inventory.ZONES}
    assert environment.firewall.networks == made


def test_every_machine_is_scanned_from(environment: Environment) -> None:
    """A rule that is wrong about one source is seen from that source only."""
    assert environment.firewall
    names = {one.name for one in environment.machines}
    assert set(environment.firewall.vantage_points) == names


def test_roles_mean_the_same_machines_on_both_sides(environment: Environment) -> None:
    """A flow's role is the inventory's role of that name, unless a zone is called so."""
    assert environment.firewall
    for flow in environment.firewall.flows:
        for name in {flow.source, flow.destination} - {"*", *environment.zones}:
            declared = {one.name for one in environment.machines if one.role == name}
            assert declared == {one.name for one in inventory.machines_with(name)}
