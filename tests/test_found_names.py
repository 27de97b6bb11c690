"""What an environment file leaves to be found out: addresses behind names, whom a system trusts."""

from pathlib import Path

import pytest
from test_documents import several

from readiness.site import completed
from readiness.site.documents import load_environment
from readiness.site.environment import Environment

SITE = """\
schema: 1
name: small
kind: staging
machines:
  - {{name: web, {machine}}}
objectives: {{availability: 99, recovery_time: 1 h, recovery_point: 1 h,
  database_recovery_time: 1 min}}
{more}"""


def written(folder: Path, machine: str, more: str = "") -> Path:
    """The file of a site of one machine."""
    path = folder / "site.yaml"
    path.write_text(SITE.format(machine=machine, more=more))
    return path


def test_a_name_stands_for_the_addresses_behind_it(tmp_path: Path) -> None:
    """They are looked up, in one order, and stand in what a record keeps."""
    site = load_environment(written(tmp_path, "host: localhost"))
    assert "127.0.0.1" in site.machines[0].addresses
    assert site.machines[0].addresses == tuple(sorted(site.machines[0].addresses))
    again = Environment.model_validate_json(site.model_dump_json(by_alias=True))
    assert again.machines == site.machines


def test_what_was_found_once_in_a_run_is_not_asked_again(tmp_path: Path) -> None:
    """A name whose addresses change does not end a run in the middle."""
    path = written(tmp_path, "host: no-such-name.invalid")
    site = load_environment(path, {"web": ["192.0.2.7"]})
    assert site.machines[0].addresses == ("192.0.2.7",)


def test_declared_addresses_are_not_looked_up(tmp_path: Path) -> None:
    """Who declares both is believed; the name is for who reads the file."""
    path = written(tmp_path, "host: no-such-name.invalid, addresses: [192.0.2.7]")
    assert load_environment(path).machines[0].addresses == ("192.0.2.7",)


def test_a_name_that_leads_nowhere_is_refused_at_its_place(tmp_path: Path) -> None:
    """With the name and what the resolver said."""
    (line,) = several(tmp_path, SITE.format(machine="host: no-such-name.invalid", more=""))
    assert "5:23: machines[0].host: leads nowhere; expected a name with an address" in line
    assert "the name no-such-name.invalid does not resolve" in line


def test_a_name_of_a_whole_network_is_no_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty addresses are a content network; which of them is meant nobody can know."""
    many = tuple(f"192.0.2.{number}" for number in range(40))
    monkeypatch.setattr(completed, "resolve_all", lambda hosts: dict.fromkeys(hosts, many))
    (line,) = several(tmp_path, SITE.format(machine="host: www.example.edu", more=""))
    assert "expected at most 8 addresses, found 40 addresses" in line


@pytest.mark.parametrize("host", ["-web", "a b", "web;id", "''", "web."])
def test_what_is_no_name_of_a_host_is_refused(tmp_path: Path, host: str) -> None:
    """Before anybody is asked about it."""
    lines = several(tmp_path, SITE.format(machine=f"host: {host}, addresses: [192.0.2.1]", more=""))
    assert any("the name of a host, such as web1.example.edu" in line for line in lines), lines


def test_a_machine_needs_an_address_or_a_name(tmp_path: Path) -> None:
    """One of them; the refusal names the key."""
    (line,) = several(tmp_path, SITE.format(machine="role: web", more=""))
    assert "machines[0].addresses" in line


LISTENER = """\
listeners:
  - {name: web, protocol: https, port: 443, machines: [web], names: [a.example.edu], AUTHORITY}
"""


def test_the_systems_own_authorities_are_a_file_like_any_other(tmp_path: Path) -> None:
    """It is named in what a record keeps, so that it shows whom was trusted."""
    more = LISTENER.replace("AUTHORITY", "authority: system")
    site = load_environment(written(tmp_path, "addresses: [192.0.2.7]", more))
    file = site.path(site.authorities["system"])
    assert b"BEGIN CERTIFICATE" in file.read_bytes()


def test_without_a_word_of_the_systems_authorities_none_are_looked_for(tmp_path: Path) -> None:
    """Who names a file of their own needs no store."""
    more = LISTENER.replace("AUTHORITY", "authority: own") + 'authorities: {own: "file:x.pem"}\n'
    site = load_environment(written(tmp_path, "addresses: [192.0.2.7]", more))
    assert set(site.authorities) == {"own"}
