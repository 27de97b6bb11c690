"""What was read is remembered until the next disturbing action, and no longer: anywhere."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from engine import ENVIRONMENT
from local_servers import SshServer, ssh_server
from pki import hierarchy

import readiness
from readiness.drills.actions import disturbing, drill_target, settle, write_undo
from readiness.drills.permit import mint
from readiness.model.errors import Unreachable
from readiness.model.words import Case, Tier
from readiness.session.clients import Clients
from readiness.session.run import Run, RunRequest, open_run
from readiness.systems.hosts.reading import SOCKETS

SOURCES = Path(readiness.__file__).parent
SSH = """\
ssh:
  known_hosts: "file:known_hosts"
  config: "file:ssh_config"
  observe: {{user: {user}, key: "file:user"}}
  disrupt: {{user: {user}, key: "file:user"}}
permissions: {{tiers: [observe, touch], scan: false}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[SshServer]:
    """One sshd for the whole module."""
    with ssh_server() as running:
        yield running


@pytest.fixture
def run(server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """An open run against one machine, which is this one."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))
    for name, source in (("known_hosts", server.known_hosts), ("user", server.key_file)):
        (tmp_path / name).write_bytes(source.read_bytes())
        (tmp_path / name).chmod(0o600)
    (tmp_path / "ssh_config").write_text(f"Host *\n  Port {server.port}\n")
    (tmp_path / "root.pem").write_bytes(hierarchy().root.pem)
    file = tmp_path / "environment.yaml"
    file.write_text(ENVIRONMENT + SSH.format(user=server.user))
    opened = open_run(RunRequest(environment_file=file, reports=tmp_path / "reports"))
    yield opened
    assert opened.lease is not None
    opened.lease.release()


@pytest.fixture
def clients(run: Run) -> Iterator[Clients]:
    """What the run looks through."""
    opened = Clients(run)
    yield opened
    opened.close()


def by_a_permit(run: Run) -> None:
    """A drill shows the permit that the plan gave it."""
    case = Case("CHECK-001", "box")
    planned = SimpleNamespace(case=case, check=SimpleNamespace(tier=Tier.TOUCH))
    run.case = case
    object.__setattr__(run, "plan", SimpleNamespace(runs=(planned,), tier=Tier.TOUCH))
    mint(run).require(Tier.TOUCH)


def by_an_undo(run: Run) -> None:
    """The undo of what comes next is put on disk."""
    write_undo(run, "ledger.drop", {}, target="box")


def by_undoing(run: Run) -> None:
    """An undo was played."""
    entry = write_undo(run, "ledger.drop", {}, target="box")
    settle(run, entry, "gone")


def by_a_command(run: Run) -> None:
    """Something is done on a machine as the user that may disturb it."""
    with disturbing(run) as machines:
        machines.drill(drill_target(run.environment, "box")).run(["true"])


WAYS = (by_a_permit, by_an_undo, by_undoing, by_a_command)


@pytest.mark.parametrize("disturb", WAYS)
def test_a4_a_port_that_a_drill_opened_is_seen(
    run: Run, clients: Clients, disturb: Callable[[Run], None]
) -> None:
    """Sockets that were listed before it are listed again after it, over the same session."""
    box = run.environment.machine("box")
    before = {one.name for one in clients.ask(SOCKETS, box).reading}
    with socket.create_server(("0.0.0.0", 0)) as opened:  # noqa: S104 - as a careless server does
        name = f"{opened.getsockname()[1]}/tcp"
        assert name not in before
        assert name not in {one.name for one in clients.ask(SOCKETS, box).reading}, "not remembered"
        disturb(run)
        assert name in {one.name for one in clients.ask(SOCKETS, box).reading}


def test_a4_a_machine_that_could_not_be_reached_is_tried_again(
    run: Run, clients: Clients, server: SshServer, tmp_path: Path
) -> None:
    """That nobody answered is an answer too, and it ends with the same."""
    box = run.environment.machine("box")
    config = tmp_path / "ssh_config"
    reachable = config.read_text()
    config.write_text("Host *\n  Port 1\n")
    for _ in range(2):
        with pytest.raises(Unreachable):
            clients.session(box)
        config.write_text(reachable)
    run.disturbed()
    assert clients.session(box).fingerprint == server.fingerprint


def test_a4_drills_reach_machines_only_where_it_is_noticed() -> None:
    """Nothing but the seam that forgets, and undo beside it, logs in to disturb; no scan does."""
    texts = {
        file.relative_to(SOURCES).as_posix(): file.read_text() for file in SOURCES.rglob("*.py")
    }
    calls = {name for name, text in texts.items() if re.search(r"(?<!class )\bMachines\(\S", text)}
    assert calls == {
        "session/clients.py",
        "drills/actions.py",
        # Before there is a run: it looks at a site that has no file yet, and disturbs nothing.
        "drafting/looking.py",
        "systems/firewall/asking/__init__.py",
        # It finds out as whom the source of a planted attack logs in, and attacks nothing.
        "systems/intrusion/asking/__init__.py",
        # Undo alone, which has no run that could remember anything.
        "drills/intrusion_block.py",
    }
    drilling = {name for name, text in texts.items() if ".drill(" in text}
    assert {name.partition("/")[0] for name in drilling} == {"drills"}
