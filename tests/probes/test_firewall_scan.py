"""Scans from vantage points through a real sshd on loopback, with the clients of a run."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from local_servers import SshServer, keygen, ssh_server
from rich.console import Console

from readiness.commands.doctor import _scratch_run, run_doctor
from readiness.evidence.record import FILE_NAME
from readiness.model.errors import NotRun
from readiness.model.words import Permission
from readiness.session.clients import Clients
from readiness.site.environment import Environment
from readiness.systems.firewall.reading import SCAN, SCAN_LOGIN, Answers, answers
from readiness.systems.firewall.reading.scan import Known, Scan
from readiness.systems.firewall.segmentation import vantages

# One more than are asked at once of a kind that does not say how many; sshd drops logins beyond 10.
EVERYBODY = 9
WEB = "127.0.0.200"
# What the scanning key runs: it waits until so many are there, and then runs what was sent.
GATE = """\
#!/bin/sh
touch "{there}/$$"
for _ in $(seq 200); do
    [ "$(ls "{there}" | wc -l)" -ge {wanted} ] && exec {user} /usr/bin/python3 -I -
    sleep 0.1
done
echo "others were not asked meanwhile" >&2
exit 1
"""
# A scanning login is no superuser's, which whoever runs the tests may be.
ORDINARY = "" if os.geteuid() else "setpriv --reuid 65534 --regid 65534 --clear-groups"


@dataclass(frozen=True)
class Site:
    """A site whose machine and outsiders are all one sshd, and the folder of a run over it."""

    environment: Environment
    folder: Path

    @contextmanager
    def looking(self, *permissions: Permission) -> Iterator[Clients]:
        """Clients of a run that is permitted this."""
        run = _scratch_run(self.environment, self.folder)
        clients = Clients(replace(run, plan=replace(run.plan, permissions=permissions)))
        try:
            yield clients
        finally:
            clients.close()

    def scanned(self, clients: Clients) -> Answers[Scan]:
        """What every vantage point found, or why it found nothing."""
        return answers(clients.ask, SCAN, vantages(self.environment))

    def events(self, kind: str) -> Sequence[dict[str, Any]]:
        """What the record holds of that kind."""
        lines = map(json.loads, (self.folder / FILE_NAME).read_text().splitlines())
        return [one for one in lines if one["kind"] == kind]


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test leaves anything in this user's state folder."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))


@pytest.fixture
def server() -> Iterator[SshServer]:
    """A sshd that knows another key besides: the scanner's."""
    with ssh_server() as running:
        keygen(running.folder / "scanner")
        yield running


def site(
    server: SshServer, folder: Path, *, wanted: int = 1, most: int = 5_000, ssh: bool = False
) -> Site:
    """One machine, and the outsiders that it is scanned from; the scanner's key runs the gate."""
    for name in ("there", "run"):
        (folder / name).mkdir()
    gate = folder / "gate"
    gate.write_text(GATE.format(there=folder / "there", wanted=wanted, user=ORDINARY))
    gate.chmod(0o755)
    with (server.folder / "user.pub").open("a") as admitted:
        scanner = (server.folder / "scanner.pub").read_text()
        admitted.write(f'restrict,command="{gate}" {scanner}')
    (folder / "known_hosts").write_text("any.key " + (server.folder / "host.pub").read_text())
    (folder / "config").write_text(
        f"Host *\n  Port {server.port}\n  HostName 127.0.0.1\n  HostKeyAlias any.key\n"
    )
    machine = {"name": "web", "zone": "front", "role": "web", "addresses": [WEB], "ssh": ssh}
    outside = range(1, EVERYBODY + 1)
    described = {
        "schema": 1, "name": "mini", "kind": "rehearsal", "zones": ["world", "front"],
        "looks_from": "front", "machines": [machine],
        "ssh": {
            "known_hosts": f"file:{folder}/known_hosts", "config": f"file:{folder}/config",
            "observe": {"user": server.user, "key": f"file:{server.key_file}"},
        },
        "firewall": {
            "networks": {"world": ["127.0.0.0/25"], "front": ["127.0.0.128/25"]},
            "login": {"user": server.user, "key": f"file:{server.folder}/scanner"},
            "vantage_points": [], "most_connections": most,
            "outsiders": [{"name": f"out{n}", "addresses": [f"127.0.0.{n}"]} for n in outside],
            "flows": [{"from": "world", "to": "web", "ports": [server.port], "why": "users"}],
        },
        "objectives": {
            "availability": 99.9, "recovery_time": "30 min", "recovery_point": "5 min",
            "database_recovery_time": "60 s",
        },
    }  # fmt: skip
    return Site(Environment.model_validate_json(json.dumps(described)), folder / "run")


def test_everybody_scans_at_once(server: SshServer, tmp_path: Path) -> None:
    """However many they are: an address is known to be alive only while others are closed there."""
    here = site(server, tmp_path, wanted=EVERYBODY)
    with here.looking(Permission.SCAN) as clients:
        found = here.scanned(clients)
    assert found.missing == {}
    towards = [one for each in found.readings.values() for one in each.towards]
    known = [one.known for one in towards if one.address == WEB]
    # sshd listens at another address of loopback, which answers for this one.
    assert known == [(Known(server.port, ("refused",) * 3),)] * EVERYBODY


def test_nobody_scans_without_the_permission(server: SshServer, tmp_path: Path) -> None:
    """Whoever asks, an own check too: nobody is logged in to, before a disturbance and after."""
    here = site(server, tmp_path)
    with here.looking() as clients:
        for _ in range(2):
            why = {str(one) for one in here.scanned(clients).missing.values()}
            assert why == {"needs --scan"}
            clients.run.disturbed()
    assert here.events("command") == here.events("observation") == []


def test_what_listens_is_asked_once_for_everybody(server: SshServer, tmp_path: Path) -> None:
    """Nine that ask beside each other send a machine its question once."""
    here = site(server, tmp_path, ssh=True, most=1)
    with here.looking(Permission.SCAN) as clients:
        missing = here.scanned(clients).missing
    assert len(missing) == EVERYBODY
    for one in missing.values():
        assert isinstance(one, NotRun)
        assert "more than firewall.most_connections allows (1)" in str(one)
    assert set(Counter(one["command"] for one in here.events("command")).values()) == {1}


def test_doctor_logs_in_and_scans_nothing(server: SshServer, tmp_path: Path) -> None:
    """It needs no permission for it, and says as whom."""
    here = site(server, tmp_path)
    said = StringIO()
    run_doctor(here.environment, Console(file=said, width=200))
    for one in vantages(here.environment):
        line = f"ok    scan-login {one.id}: reached as {server.user} (an ordinary user"
        assert line in said.getvalue()
    with here.looking() as clients:
        assert not answers(clients.ask, SCAN_LOGIN, vantages(here.environment)).missing
    assert {one["source"] for one in here.events("observation")} == {SCAN_LOGIN.name}
