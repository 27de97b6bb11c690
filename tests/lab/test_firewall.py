"""Rules made from the declared flows: nothing more than declared, nothing less."""

import pytest

from lab.firewall import ends, forward_rules, input_rules
from lab.inventory import machine


def test_a_database_machine_hears_only_declared_zones() -> None:
    """The internet and the edge have no rule at a database machine, operators have SSH."""
    rules = "\n".join(input_rules(machine("db1")))
    assert "ip saddr 198.18.4.0/24 tcp dport { 22 } accept" in rules
    assert "ip saddr 198.18.2.0/24 tcp dport { 5432, 8008 } accept" in rules
    assert "198.18.0.0/24" not in rules
    assert "198.18.1.0/24" not in rules


def test_each_rule_stands_for_both_families() -> None:
    """A rule that exists for IPv4 only is a gap or an outage for IPv6."""
    for rules in (input_rules(machine("edge1")), forward_rules()):
        flows = [rule for rule in rules if "saddr" in rule]
        assert len([rule for rule in flows if "ip saddr" in rule]) * 2 == len(flows)


def test_the_router_passes_the_internet_only_to_the_edge() -> None:
    """From the internet's card there is one destination, web ports, and the right source."""
    rules = [rule for rule in forward_rules() if rule.startswith('iifname "internet"')]
    assert all('oifname "edge"' in rule and "{ 80, 443 }" in rule for rule in rules)
    assert any("ip saddr 198.18.0.0/24 ip daddr 198.18.1.0/24" in rule for rule in rules)


def test_traffic_inside_a_zone_is_not_the_routers_business() -> None:
    """No forward rule has the same card on both sides."""
    for rule in forward_rules():
        words = rule.split()
        assert words[1] != words[3]


def test_the_router_ends_only_logins_and_time() -> None:
    """No flow to a zone is a flow to the router's own ports."""
    rules = input_rules(machine("gw1"))
    assert all("dport { 22 }" in rule or "dport 123" in rule for rule in rules)


def test_a_role_is_its_machines_and_not_its_zone() -> None:
    """The caches are in the data zone and hear nothing that is for the databases."""
    rules = "\n".join(input_rules(machine("cache1")))
    assert "ip saddr 198.18.2.0/24 tcp dport { 6379, 26379 } accept" in rules
    assert "5432" not in rules
    passed = [rule for rule in forward_rules() if "5432" in rule and "ip saddr 198.18.2" in rule]
    assert all("ip daddr { 198.18.3.11, 198.18.3.12, 198.18.3.13 } " in rule for rule in passed)


def test_a_name_that_means_nothing_is_an_error() -> None:
    """A misspelt zone or role would silently permit nothing."""
    with pytest.raises(KeyError):
        ends("dbs")
