"""The address plan: zones, machines and names agree with each other."""

from ipaddress import IPv4Network, IPv6Network
from itertools import combinations

import pytest

from lab.inventory import (
    FLOWS,
    MACHINES,
    SERVICES,
    VIP4,
    VIP6,
    ZONES,
    hosts_file,
    machine,
    machines_with,
    template_values,
)

BENCHMARK4 = IPv4Network("198.18.0.0/15")
BENCHMARK6 = IPv6Network("2001:2::/48")


def test_zones_lie_in_the_networks_set_aside_for_tests_and_do_not_overlap() -> None:
    """RFC 2544 and RFC 5180 set these networks aside; no zone leaves them or meets another."""
    assert all(zone.v4.subnet_of(BENCHMARK4) for zone in ZONES)
    assert all(zone.v6.subnet_of(BENCHMARK6) for zone in ZONES)
    for one, other in combinations(ZONES, 2):
        assert not one.v4.overlaps(other.v4)
        assert not one.v6.overlaps(other.v6)


def test_no_address_is_given_twice() -> None:
    """Every card and the virtual addresses are different."""
    cards = [card for each in MACHINES for card in each.interfaces]
    addresses = [str(address) for card in cards for address in (card.v4, card.v6)]
    addresses += [str(VIP4), str(VIP6)]
    assert len(addresses) == len(set(addresses))


def test_ipv6_addresses_read_like_their_ipv4_ones() -> None:
    """db3 is .13 and ::13, the virtual address .100 and ::100."""
    assert (str(machine("db3").v4), str(machine("db3").v6)) == ("198.18.3.13", "2001:2:0:3::13")
    assert (str(VIP4), str(VIP6)) == ("198.18.1.100", "2001:2:0:1::100")


def test_only_the_router_stands_in_several_zones() -> None:
    """Everything between two zones passes gw1, which has a card in each."""
    assert [each.name for each in MACHINES if each.routes] == ["gw1"]
    assert {card.zone for card in machine("gw1").interfaces} == set(ZONES)


def test_every_machine_and_service_resolves_over_both_families() -> None:
    """The hosts file gives each name one IPv4 and one IPv6 address."""
    entries = [line.split() for line in hosts_file().splitlines()]
    for name in [each.fqdn for each in MACHINES] + [each.name for each in MACHINES] + [*SERVICES]:
        found = [entry[0] for entry in entries if name in entry[1:]]
        assert len(found) == 2, name
        assert [":" in address for address in found] == [False, True]


def test_flows_name_zones_or_roles_that_exist() -> None:
    """A misspelt one would silently permit nothing."""
    known = {zone.name for zone in ZONES} | {role for each in MACHINES for role in each.roles}
    assert {flow.source for flow in FLOWS} <= known | {"*"}
    assert {flow.destination for flow in FLOWS} <= known | {"*"}


def test_machines_are_found_by_name_and_role() -> None:
    """Three database machines; an unknown name is an error."""
    assert [each.name for each in machines_with("db")] == ["db1", "db2", "db3"]
    with pytest.raises(KeyError):
        machine("db9")


def test_a_machine_has_every_role_that_is_also_on_it() -> None:
    """What an experiment may do stands above what is drilled, or its sudoers would not be there."""
    assert machine("db1").roles == ("base", "db", "drilled")
    assert machine("cache1").roles == ("base", "cache", "cachedrill")


def test_template_values_know_the_machine_and_all_the_others() -> None:
    """A template may name itself, its gateway and any other machine."""
    values = template_values(machine("app2"))
    assert values["machine.v4"] == "198.18.2.12"
    assert values["gateway.v6"] == "2001:2:0:2::1"
    assert values["db1.v4"] == "198.18.3.11"
    assert values["zone.ops.v6"] == "2001:2:0:4::/64"
