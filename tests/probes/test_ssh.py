"""SSH sessions against a real sshd on loopback."""

import shlex
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from local_servers import SshServer, free_port, keygen, ssh_server

from readiness.model.errors import AccessDenied, NotUnderstood, TimedOut, Unreachable, WrongTarget
from readiness.probes.commands import NotPermitted
from readiness.probes.ssh import Command, Machines, ObserveSession
from readiness.probes.ssh_target import SshTarget


@pytest.fixture(scope="module")
def server() -> Iterator[SshServer]:
    """One sshd for the whole module."""
    with ssh_server() as running:
        yield running


@pytest.fixture
def target(server: SshServer) -> SshTarget:
    """The server as a machine named db1."""
    return SshTarget(
        name="db1",
        address="127.0.0.1",
        user=server.user,
        port=server.port,
        key_file=server.key_file,
        known_hosts=server.known_hosts,
    )


@pytest.fixture
def said() -> list[Command]:
    """What was sent, as the record callback saw it."""
    return []


@pytest.fixture
def machines(said: list[Command]) -> Iterator[Machines]:
    """An empty set of connections, closed afterwards."""
    with Machines(said.append) as opened:
        yield opened


def test_a_session_knows_itself_and_runs_listed_commands(
    machines: Machines, target: SshTarget, server: SshServer, said: list[Command]
) -> None:
    """User and host key fingerprint are known, an allowed command answers and is recorded."""
    session = machines.observe(target)
    answer = session.run("uname -s")
    assert answer.text == "Linux\n"
    assert session.user == server.user
    assert session.fingerprint == server.fingerprint
    assert [(c.machine, c.user, c.command, c.answer) for c in said] == [
        ("db1", server.user, "uname -s", answer)
    ]


def test_an_unlisted_command_is_never_sent(
    machines: Machines, target: SshTarget, said: list[Command]
) -> None:
    """A refused command leaves no trace in the record: nothing went over the wire."""
    session = machines.observe(target)
    with pytest.raises(NotPermitted):
        session.run("touch /tmp/x")
    assert said == []


def test_answers_are_remembered_until_forgotten(
    machines: Machines, target: SshTarget, said: list[Command]
) -> None:
    """The same question is asked once, again after `forget`."""
    session = machines.observe(target)
    session.run("uname -s")
    session.run("uname -s")
    assert len(said) == 1
    session.forget()
    session.run("uname -s")
    assert len(said) == 2


def test_many_machines_connect_at_once_and_fail_alone(
    machines: Machines, target: SshTarget
) -> None:
    """One unreachable machine among others is one error under its name, the others answer."""
    dead = replace(target, name="dead", port=free_port())
    targets = [replace(target, name=f"m{i}") for i in range(4)] + [dead]
    found = machines.connect(targets)
    assert isinstance(found["dead"], Unreachable)
    sessions = [s for s in found.values() if isinstance(s, ObserveSession)]
    assert [s.run("uname -s").exit_code for s in sessions] == [0, 0, 0, 0]


def test_one_connection_serves_many_threads(machines: Machines, target: SshTarget) -> None:
    """Thirty threads at once share one connection: more than sshd admits sessions."""
    session = machines.observe(target)
    answers: list[str] = []

    def ask() -> None:
        answers.append(session.run("uname -s", remember=False).text)

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["Linux\n"] * 30


def test_an_unreachable_port_is_one_line(machines: Machines, target: SshTarget) -> None:
    """Nobody listening: Unreachable, naming machine, address and user, without line breaks."""
    dead = replace(target, port=free_port())
    with pytest.raises(Unreachable) as refused:
        machines.observe(dead)
    text = str(refused.value)
    assert "\n" not in text
    assert text.startswith(f"db1 (127.0.0.1 port {dead.port}) as {target.user}: ")


def test_a_foreign_user_key_is_denied(
    machines: Machines, target: SshTarget, tmp_path: Path
) -> None:
    """A key the server doesn't know is AccessDenied."""
    stranger = replace(target, key_file=keygen(tmp_path / "stranger"))
    with pytest.raises(AccessDenied, match="SSH login refused"):
        machines.observe(stranger)


def test_a_missing_key_file_is_denied_by_name(machines: Machines, target: SshTarget) -> None:
    """A key file that isn't there is named."""
    with pytest.raises(AccessDenied, match="/nowhere/key"):
        machines.observe(replace(target, key_file=Path("/nowhere/key")))


def test_another_host_key_is_the_wrong_target(
    machines: Machines, target: SshTarget, tmp_path: Path
) -> None:
    """A machine whose key differs from the known one is another system: the run must stop."""
    public = keygen(tmp_path / "other").with_suffix(".pub").read_text()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{target.port} {public}")
    with pytest.raises(WrongTarget, match="host key is not the known one"):
        machines.observe(replace(target, known_hosts=known))


def test_an_unknown_host_key_is_not_accepted(
    machines: Machines, target: SshTarget, tmp_path: Path
) -> None:
    """Without a known key there is no connection and no claim that it is another system."""
    empty = tmp_path / "known_hosts"
    empty.write_text("# nobody\n")
    with pytest.raises(NotUnderstood, match="no known host key"):
        machines.observe(replace(target, known_hosts=empty))


def test_a_silent_server_times_out(machines: Machines, target: SshTarget) -> None:
    """A port that accepts and never speaks ends at the limit."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = replace(target, port=silent.getsockname()[1])
        with pytest.raises(TimedOut, match=r"no SSH login within 0\.5 s"):
            machines.observe(mute, timeout=0.5)


def test_ssh_config_and_proxyjump_are_honoured(
    machines: Machines, server: SshServer, tmp_path: Path
) -> None:
    """A target known only to ssh_config, behind a jump host, answers."""
    public = (server.folder / "host.pub").read_text()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{server.port} {public}inner.key {public}")
    config = tmp_path / "config"
    config.write_text(
        f"Host *\n  UserKnownHostsFile {known}\n  IdentityFile {server.key_file}\n"
        f"  User {server.user}\n  Port {server.port}\n  HostName 127.0.0.1\n"
        f"Host inner\n  ProxyJump outer\n  HostKeyAlias inner.key\n"
    )
    session = machines.observe(SshTarget(name="db9", address="inner", config_file=config))
    assert session.run("uname -s").text == "Linux\n"
    assert session.fingerprint == server.fingerprint


def test_verification_turned_off_by_ssh_config_is_refused(
    machines: Machines, target: SshTarget, tmp_path: Path
) -> None:
    """`UserKnownHostsFile none` doesn't talk us into trusting anyone."""
    config = tmp_path / "config"
    config.write_text("UserKnownHostsFile none\n")
    with pytest.raises(NotUnderstood, match="verification off"):
        machines.observe(replace(target, known_hosts=None, config_file=config))


def test_a_lost_connection_is_opened_again(target: SshTarget) -> None:
    """The server dies and comes back on the same port: the next command reconnects or says why."""
    with Machines() as machines, ssh_server() as first:
        here = replace(
            target, port=first.port, key_file=first.key_file, known_hosts=first.known_hosts
        )
        drill = machines.drill(here)
        session = machines.observe(here)
        # The session's own sshd child is the parent of the shell it starts.
        with pytest.raises(Unreachable):
            drill.run(["sh", "-c", "kill -9 $PPID"])
        assert session.run("uname -s").exit_code == 0
        assert drill.run(["uname", "-s"]).text == "Linux\n"


def test_a_drill_session_quotes_every_argument(machines: Machines, target: SshTarget) -> None:
    """Arguments arrive as they are, whatever the shell would make of them; input arrives, too."""
    nasty = ["a b", "$(echo no)", "; echo no", "'", '"', "*", "\n", "", "ü"]
    drill = machines.drill(target)
    answer = drill.run(["printf", "%s\\0", *nasty])
    assert answer.stdout.decode().split("\0")[:-1] == nasty
    assert drill.run(["cat"], stdin=b"secret\0\xff").stdout == b"secret\0\xff"


def test_a_drill_command_ends_at_its_limit(
    machines: Machines, target: SshTarget, said: list[Command]
) -> None:
    """A command that doesn't end is TimedOut, and the record says so."""
    drill = machines.drill(target)
    with pytest.raises(TimedOut, match="sleep 30"):
        drill.run(["sleep", "30"], timeout=0.5)
    assert said[-1].answer is None
    assert "no end of" in said[-1].problem
    assert drill.run(["true"]).exit_code == 0


def test_exit_code_and_complaint_come_back(machines: Machines, target: SshTarget) -> None:
    """A failing command's code and last words are there for a message."""
    answer = machines.drill(target).run(
        ["sh", "-c", "echo out; echo one >&2; echo two >&2; exit 3"]
    )
    assert (answer.exit_code, answer.text, answer.complaint) == (3, "out\n", "two")
    assert shlex.split("true") == ["true"]
