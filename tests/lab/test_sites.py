"""Several sites of one lab: what is said of each, and that none changes another."""

import inspect
import subprocess
import sys
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from lab import added, cli, faults_cli, firewall, freeze, image, matrix, mending, network, product
from lab.cli import At
from lab.errors import LabError, WrongRole
from lab.faults import all_faults
from lab.home import LAB, REPOSITORY, Home, current
from lab.inventory import PACKAGES, Layout, layout, machines_of, sites, zones_of
from lab.role_file import load_all
from lab.rows import read_table
from lab.secrets import ACCOUNTS_KEY, Secrets
from lab.site import Site, this
from readiness.model.errors import UsageError
from readiness.site.documents import load_environment, load_policy
from readiness.systems.intrusion.declared import attackers

SMALL = "small"
OTHERS = [one for one in sites() if one != LAB]
BENCHMARK4 = IPv4Network("198.18.0.0/15")


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest) -> Layout:
    """Each site but the big one."""
    return layout(request.param)


def test_the_big_site_has_none_of_another_ones(other: Layout) -> None:
    """No role is of two sites, and no machine of one is in the other's names or image."""
    big = layout()
    assert not set(big.roles) & set(other.roles)
    assert {one.site for one in big.machines} == {LAB}
    assert {one.site for one in other.machines} == {other.site}
    assert not set(other.packages) - set(PACKAGES) & set(big.packages)
    assert "solo" not in big.hosts_file()


def test_an_environment_file_describes_the_machines_of_its_site(other: Layout) -> None:
    """Every machine but the gate's and the attacker's, with its zone, addresses and names."""
    environment = load_environment(product.committed(other.site))
    # Neither is a machine of the site.
    outside = {"mon1", *(one.id for one in attackers(environment))}
    assert environment.name == other.site
    assert set(environment.zones) == {zone.name for zone in other.zones}
    declared = {
        one.name: (one.zone, tuple(map(str, one.addresses))) for one in environment.machines
    }
    made = {
        one.name: (one.zone.name, (str(one.v4), str(one.v6)))
        for one in other.machines
        if one.name not in outside
    }
    assert declared == made
    assert {name for one in environment.listeners for name in one.names} <= set(other.services)
    assert load_policy(product.policy(other.site)).required


def test_addresses_are_set_aside_for_tests_and_given_once(other: Layout) -> None:
    """A lab never speaks to anybody else."""
    assert all(zone.v4.subnet_of(BENCHMARK4) for zone in other.zones)
    addresses = [str(one) for each in other.machines for one in (each.v4, each.v6)]
    assert len(addresses) == len(set(addresses))


def test_a_site_without_a_router_has_none(other: Layout) -> None:
    """Its machines stand in one zone each, and no rule is made for who would forward."""
    assert not any(each.routes for each in other.machines)
    assert firewall.forward_rules(other) == []
    assert len(network.bridge_commands(other.zones)) == 1 + 3 * len(other.zones)


def test_a_home_stands_beside_the_big_one_and_shares_its_images(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another home is another lab: names, control groups and namespaces of its own."""
    monkeypatch.setenv("READINESS_LAB_HOME", str(tmp_path / "lab"))
    big, small = current(), current(SMALL)
    assert small.path == tmp_path / "lab-small"
    assert small.images == big.images
    assert not {small.prefix, small.cgroup, small.secrets} & {big.prefix, big.cgroup, big.secrets}
    monkeypatch.setenv("READINESS_LAB_SITE", SMALL)
    assert current() == small
    assert current(LAB) == big


def test_an_environment_file_is_that_of_the_home(tmp_path: Path) -> None:
    """Where the lab is elsewhere the file's secrets are, too."""
    site = Site(Home(tmp_path / "elsewhere", SMALL))
    text = product.environment_file(site).read_text()
    assert f"file:{tmp_path}/elsewhere/secrets/known_hosts" in text
    assert "/var/lib/readiness" not in text


def test_a_site_that_is_none_is_refused() -> None:
    """With the names of those that there are."""
    with pytest.raises(
        LabError, match=rf"no site is called 'smal'; there are: {', '.join(sites())}"
    ):
        this("smal")


def test_the_command_line_refuses_a_site_that_is_none() -> None:
    """It is a slip of whoever typed it: one line, and the exit code of usage."""
    words = [sys.executable, "-m", "lab", "status", "--site", "smal"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (64, "")
    there = ", ".join(sites())
    said = f"lab: no site is called 'smal'; there are: {there}; scripts/lab --help"
    assert done.stderr.splitlines() == [said]


def test_every_command_about_a_lab_takes_the_site() -> None:
    """Nobody breaks the other one for want of an option."""
    commands: list[Any] = [cli.up, cli.reset, cli.down, cli.status, cli.execute, cli.enter]
    commands += [faults_cli.faults, faults_cli.variants, faults_cli.plant, faults_cli.mend]
    commands += [faults_cli.attempt, faults_cli.work_out]
    for one in commands:
        assert inspect.signature(one).parameters["at"].annotation == At, one


def test_only_what_a_machines_roles_name_is_added_to_its_image() -> None:
    """The image itself is the big site's, and so is who needs nothing more."""
    machines = {one.name: added.more(one).packages for one in layout(SMALL).machines}
    assert "nginx-light" in machines["solo"]
    assert machines["mon1"] == ()
    assert all(added.more(one).packages == () for one in layout().machines)
    home = Home(Path("/nonexistent/lab"), SMALL)
    assert added.layers(home, layout(SMALL).machine("mon1")) == [image.root(home)]
    assert len(added.layers(home, layout(SMALL).machine("solo"))) == 2


def test_a_frozen_state_is_about_the_roles_of_its_site() -> None:
    """A changed role of one site bootstraps no other anew."""
    names = {path.name for path in freeze.trees()}
    assert "base" in names
    assert "solo" not in names
    assert {"solo", "vault", "app", "campus"} <= {path.name for path in freeze.trees(SMALL)}


def test_secrets_are_those_that_a_sites_roles_name(tmp_path: Path) -> None:
    """Keys for its machines and its own programs, and passwords that nobody else needs."""
    made = Secrets(tmp_path / "secrets", SMALL)
    made.ensure()
    assert {path.stem for path in (tmp_path / "secrets/ssh/hosts").iterdir()} == {
        "mon1", "solo", "vault",
    }  # fmt: skip
    assert made.read("ssh/dumps").startswith(b"-----BEGIN OPENSSH")
    assert made.read(ACCOUNTS_KEY)
    assert not (tmp_path / "secrets/redis").exists()


def test_a_fault_is_planted_at_its_own_site_only(tmp_path: Path) -> None:
    """The error names the option."""
    fault = all_faults()["hsts-never-sent"]
    with pytest.raises(LabError, match="a fault of the site small: --site small"):
        mending.plant(Site(Home(tmp_path)), fault)
    with pytest.raises(LabError, match="no fault reddens 'CACHE-001'"):
        matrix.selected(SMALL, [], ["CACHE-001"])
    assert {one.site for one in matrix.selected(SMALL, [], [])} == {SMALL}
    assert {one.site for one in matrix.selected(LAB, [], [])} == {LAB}


ROW = """\
sick:
  title: It is stopped
  why: Nobody knows.
  site: small
  at: solo
  break: {service.stop: {unit: nginx}}
  reddens: {HOST-001: {solo: found}}
"""


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ("site: small", "site: smal", r":4:9: .*no such site \(did you mean 'small'\?\)"),
        ("at: solo", "at: edge1", r":5:7: .*no such machine .*, found edge1"),
        ("{solo: found}", "{edge1: found}", r":7:24: .*unknown subject edge1 of HOST-001"),
        ("HOST-001", "CACHE-001", r":7:13: .*unknown check CACHE-001"),
    ],
)
def test_a_row_is_held_against_its_site(old: str, new: str, refused: str, tmp_path: Path) -> None:
    """Machines, checks and subjects are those of the site that it names."""
    table = tmp_path / "small.yaml"
    table.write_text(ROW)
    assert read_table(table)["sick"].fault.site == SMALL
    table.write_text(ROW.replace(old, new))
    with pytest.raises(UsageError, match=refused):
        read_table(table)


def test_two_zones_of_one_number_are_refused(tmp_path: Path) -> None:
    """They would have the same addresses."""
    for name, zone in (("one", "campus"), ("two", "annexe")):
        (tmp_path / name).mkdir()
        text = f"[site]\nof = 'other'\n[site.zones]\n{zone} = 7\n"
        (tmp_path / name / "role.toml").write_text(text)
    with pytest.raises(WrongRole, match=r"site\.zones\.annexe: expected a name and a number of"):
        zones_of(load_all(tmp_path))


def test_a_site_more_is_roles(tmp_path: Path) -> None:
    """Machines with what all of them have below what is their own, in zones of the site's own."""
    said = {
        "plainest": "of = 'plain'\neverywhere = true\n[site.zones]\nhall = 20\ncellar = 21\n",
        "server": "of = 'plain'\n[site.machines]\nbox = {zone = 'cellar', number = 9}\n",
        "gate": "of = 'plain'\n[site.machines]\nmon1 = {zone = 'hall', number = 5}\n",
        "extra": "of = 'plain'\nalso_on = ['server']\n",
    }
    for name, text in said.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "role.toml").write_text(f"[site]\n{text}")
    roles = load_all(tmp_path)
    zones = zones_of(roles)
    mon1, box = machines_of(roles, zones, "plain")
    assert (mon1.name, str(mon1.v4), mon1.roles) == ("mon1", "198.18.20.5", ("plainest", "gate"))
    assert (str(box.v6), box.roles) == ("2001:2:0:21::9", ("plainest", "server", "extra"))
    assert {one.site for one in (mon1, box)} == {"plain"}
