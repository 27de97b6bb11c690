"""The declared matrix: what a flow's names mean, and which ports are tried."""

from pathlib import Path

import pytest

from readiness.model.errors import NotRun
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.systems.firewall.reading.scan import question
from readiness.systems.firewall.segmentation import (
    Segmentation,
    Target,
    Vantage,
    open_zone_pairs,
    zone_pairs,
)

LAB = Path(__file__).parents[1] / "environments/lab.yaml"


@pytest.fixture(scope="module")
def declared() -> Segmentation:
    """The lab's matrix: five zones, a router that stands in all of them, shared addresses."""
    return Segmentation(load_environment(LAB))


def target(declared: Segmentation, address: str) -> Target:
    """The target of that address."""
    return next(one for one in declared.targets if one.address == address)


def vantage(declared: Segmentation, name: str) -> Vantage:
    """The vantage point of that name."""
    return next(one for one in declared.vantages if one.name == name)


@pytest.mark.parametrize(
    ("source", "zone", "address", "ports"),
    [
        ("stranger", "internet", "198.18.1.11", {80, 443}),
        ("stranger", "internet", "2001:2:0:1::100", {80, 443}),
        ("stranger", "internet", "198.18.3.11", set()),
        ("app1", "app", "198.18.3.11", {5432, 8008}),
        ("app1", "app", "198.18.3.21", {6379, 26379}),
        ("db1", "data", "198.18.3.12", {5432, 8008, 2379, 2380}),
        ("db1", "data", "198.18.3.21", set()),
        ("backup1", "ops", "198.18.3.11", {22, 5432, 8008, 2379, 2380, 8432}),
        ("mon1", "ops", "198.18.3.11", {22, 5432, 8008, 2379, 2380}),
        ("mon1", "ops", "198.18.0.10", {22}),
        # A router is none of a zone's machines: only `*`, its role or its name mean it.
        ("edge1", "edge", "198.18.4.1", set()),
        ("edge1", "edge", "198.18.4.20", {5002}),
        ("mon1", "ops", "198.18.2.1", {22}),
        # What comes from its address in a zone comes from that zone.
        ("gw1", "ops", "198.18.4.10", {22}),
        ("gw1", "data", "198.18.3.11", set()),
        ("gw1", "app", "198.18.2.11", set()),
    ],
)
def test_a_cell_of_the_matrix(
    declared: Segmentation, source: str, zone: str, address: str, ports: set[int]
) -> None:
    """Zones, roles and the router, each as a firewall would have to treat them."""
    found = declared.open(vantage(declared, source), zone, target(declared, address))
    assert found == ports


def test_ports_come_from_everywhere_in_the_file(declared: Segmentation) -> None:
    """Listeners, poolers, statistics, automation, what listens, flows, and those named besides."""
    ports = declared.declared_ports()
    assert {22, 80, 443, 7000, 8000, 6432, 2379, 2380, 8008, 5432, 14000, 6379, 8432} <= ports
    assert set(declared.firewall.more_ports) <= ports
    assert 123 not in ports


def test_an_address_that_nobody_declares_is_found(declared: Segmentation) -> None:
    """In its zone and family; shared ones, loopback, link-local and other networks are no news."""
    held = {
        "app1": ("127.0.0.1", "198.18.2.11", "198.18.2.99", "fe80::1", "172.17.0.1"),
        "edge1": ("198.18.1.11", "198.18.1.100", "2001:2:0:2::99"),
    }
    assert declared.undeclared(held, "app", "v4") == ["198.18.2.99 on app1"]
    assert declared.undeclared(held, "app", "v6") == ["2001:2:0:2::99 on edge1"]
    assert declared.undeclared(held, "edge", "v4") == []


def test_nobody_is_asked_about_itself(declared: Segmentation) -> None:
    """Every other address is, each port once, declared open or not."""
    ports = declared.declared_ports() | {9009}
    mine = vantage(declared, "edge1")
    asked = question(declared, mine, ports)
    assert set(asked.addresses) == {one.address for one in declared.targets} - set(mine.addresses)
    for address in asked.addresses:
        assert {*asked.known[address], *asked.others[address]} == ports
        assert not set(asked.known[address]) & set(asked.others[address])


def test_every_zone_is_paired_with_every_zone(declared: Segmentation) -> None:
    """Twenty-five pairs in five zones; those with a declared flow are among them."""
    pairs = zone_pairs(declared.site)
    assert len(pairs) == len(declared.site.zones) ** 2
    assert set(open_zone_pairs(declared.site)) < set(pairs)
    assert "internet>edge" in open_zone_pairs(declared.site)
    assert "internet>data" not in open_zone_pairs(declared.site)


def test_every_role_has_somebody_who_speaks_for_it(declared: Segmentation) -> None:
    """A zone with several roles is not shown by one machine."""
    pairs = zone_pairs(declared.site)
    assert declared.unseen_roles(pairs["data>app"], "v6") == []
    assert declared.site.firewall
    fewer = declared.site.firewall.model_copy(update={"vantage_points": ("db1", "mon1")})
    thin = Segmentation(declared.site.model_copy(update={"firewall": fewer}))
    assert thin.unseen_roles(pairs["data>app"], "v4") == ["cache"]
    assert thin.unseen_roles(pairs["ops>app"], "v4") == ["backup", "gateway", "spare"]
    assert thin.sources(pairs["edge>app"]) == ()


def test_without_a_firewall_there_is_nothing_to_compare(declared: Segmentation) -> None:
    """No subjects, and whoever asks is told why."""
    bare: Environment = declared.site.model_copy(update={"firewall": None})
    assert zone_pairs(bare) == open_zone_pairs(bare) == {}
    with pytest.raises(NotRun, match="no firewall is declared"):
        Segmentation(bare)
