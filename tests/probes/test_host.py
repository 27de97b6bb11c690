"""Services and clock: recorded answers of real machines, and a live session on loopback."""

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_servers import ssh_server

from readiness.model.errors import NotUnderstood
from readiness.probes.commands import NotPermitted, require_allowed
from readiness.probes.ssh import Machines, ObserveSession
from readiness.probes.ssh_target import SshTarget
from readiness.probes.testinfra_backend import testinfra_host as vocabulary
from readiness.systems.answer import Answer
from readiness.systems.hosts.asking import host
from readiness.systems.hosts.reading import host as host_host

RECORDED = Path(__file__).parents[1] / "recorded" / "host"


@pytest.fixture(scope="module")
def session() -> Iterator[ObserveSession]:
    """A session with this machine itself, over a real sshd."""
    with ssh_server() as server, Machines() as machines:
        yield machines.observe(
            SshTarget(
                name="here",
                address="127.0.0.1",
                user=server.user,
                port=server.port,
                key_file=server.key_file,
                known_hosts=server.known_hosts,
            )
        )


def recorded(name: str) -> Answer:
    """A recorded answer of a machine."""
    return Answer(0, (RECORDED / name).read_bytes(), b"")


def test_a_steered_clock_names_its_source() -> None:
    """A client of a time server: reference, stratum, offset, leap status, the source selected."""
    state = host_host.read_clock(
        recorded("client.tracking.csv"), recorded("client.sources.csv"), where="x"
    )
    assert state.answers
    assert state.tracking is not None
    assert (state.tracking.reference, state.tracking.stratum) == ("127.0.0.1", 9)
    assert state.tracking.system_offset == -0.000001662
    assert state.tracking.leap_status == "Normal"
    assert state.tracking.reference_time == 1795389416.586716775
    assert state.selected is not None
    assert (state.selected.name, state.selected.reach) == ("127.0.0.1", 0o377)
    dead = state.sources[1]
    assert (dead.state, dead.reach, dead.last_sample_age) == ("?", 0, None)


def test_a_local_reference_has_no_source() -> None:
    """A machine that follows its own clock is synchronised by its own word, but by no source."""
    state = host_host.read_clock(
        recorded("local-reference.tracking.csv"), recorded("local-reference.sources.csv"), where="x"
    )
    assert state.tracking is not None
    assert (state.tracking.reference_id, state.tracking.reference) == ("7F7F0101", "")
    assert state.sources == ()
    assert state.selected is None


def test_a_silent_chronyd_is_an_answer() -> None:
    """Chrony not running is what a check wants to know, not an error of the probe."""
    silent = Answer(1, b"506 Cannot talk to daemon\n", b"")
    state = host_host.read_clock(silent, silent, where="x")
    assert (state.answers, state.problem) == (False, "506 Cannot talk to daemon")


@pytest.mark.parametrize("text", ["", "noise", "a,b,c", ",".join("x" * 14)])
def test_an_unreadable_tracking_is_said_to_be(text: str) -> None:
    """Anything but chrony's 14 fields is NotUnderstood, naming the machine."""
    with pytest.raises(NotUnderstood, match="db1: chronyc's answer is unreadable"):
        host_host.read_clock(Answer(0, text.encode(), b""), Answer(0, b"", b""), where="db1")


def test_services_are_read_as_asked() -> None:
    """A running unit, a timer, an unknown and a failed one, in one answer."""
    text = (RECORDED / "services.txt").read_text()
    units = ["ssh.service", "systemd-tmpfiles-clean.timer", "nonsense.service", "etcd.service"]
    running, timer, unknown, failed = host_host.read_services(text, units, where="x")
    assert (running.load, running.active, running.sub) == ("loaded", "active", "running")
    assert running.restarts == 0
    assert running.main_pid
    assert running.since is not None
    assert running.since > 1.7e9
    assert (timer.sub, timer.restarts, timer.main_pid) == ("waiting", None, None)
    assert (unknown.load, unknown.active, unknown.since) == ("not-found", "inactive", None)
    assert (failed.active, failed.result, failed.main_pid) == ("failed", "exit-code", None)


def test_a_unit_that_starts_nothing_is_told() -> None:
    """Of each entry the program counts, not its words; `true` does nothing."""
    entry = "ExecStart={{ path={} ; argv[]={} ; ignore_errors=no ; start_time=[@1] ; pid=0 }}\n"
    rules = host_host.read_programs(
        entry.format("/usr/sbin/nft", "/usr/sbin/nft -f /etc/nftables.conf")
    )
    assert rules == ("/usr/sbin/nft",)
    several = entry.format("/usr/bin/true", "true") + entry.format("/bin/sh", "sh -c { path=true ;")
    programs = host_host.read_programs(several)
    assert programs == ("/usr/bin/true", "/bin/sh")
    assert host_host.read_programs("") == ()
    once = "Type=oneshot\nLoadState=loaded\nActiveState=active\nSubState=exited\n"
    (unit,) = host_host.read_services(once, ["postgresql.service"], where="x")
    assert unit.does is None
    assert replace(unit, starts=("/bin/true", "/usr/bin/true")).does == ()
    assert replace(unit, starts=programs).does == ("/bin/sh",)


def test_what_ends_by_itself_is_told_from_a_daemon() -> None:
    """A unit's type says whether `exited` is right for it; a timer has none."""
    once = "Type=oneshot\nLoadState=loaded\nActiveState=active\nSubState=exited\n"
    daemon = once.replace("oneshot", "forking")
    timer = "LoadState=loaded\nActiveState=active\nSubState=waiting\n"
    units = ["nftables.service", "keepalived.service", "backup.timer"]
    states = host_host.read_services(f"{once}\n{daemon}\n{timer}", units, where="x")
    assert [(one.kind, one.sub) for one in states] == [
        ("oneshot", "exited"),
        ("forking", "exited"),
        ("", "waiting"),
    ]


@pytest.mark.parametrize(
    "said",
    [
        "UnitFileState=enabled",
        "UnitFileState=disabled\nTriggeredBy=dump.timer",
        "UnitFileState=static\nWantedBy=\nRequiredBy=patroni.service",
    ],
)
def test_what_starts_with_its_machine(said: str) -> None:
    """Enabled, or pulled in by another unit."""
    assert running(said).comes_back


@pytest.mark.parametrize(
    "said", ["disabled", "static", "enabled-runtime", "", "disabled\nTriggeredBy=ssh.socket"]
)
def test_what_does_not_start_with_its_machine(said: str) -> None:
    """What was started by hand and nothing pulls in."""
    assert not running(f"UnitFileState={said}\nWantedBy=").comes_back


def of_socket(name: str, service: str) -> tuple[host_host.ServiceState, host_host.ServiceState]:
    """A service and its socket, as systemd 252 showed both."""
    units = [f"{service}.service", f"{service}.socket"]
    unit, socket = host_host.read_services((RECORDED / f"{name}.txt").read_text(), units, where="x")
    return unit, socket


@pytest.mark.parametrize(
    ("name", "service", "active", "listens"),
    [
        ("ssh-by-socket", "ssh", "inactive", True),  # Accept=yes: each login is a unit of its own
        ("demo-listening", "demo", "inactive", True),  # Accept=no: nobody came yet
        ("demo-started", "demo", "active", True),
        ("demo-off", "demo", "inactive", False),
    ],
)
def test_b5_a_service_that_its_socket_starts(
    name: str, service: str, active: str, *, listens: bool
) -> None:
    """The socket listens, also after a restart of the machine; the service need not run."""
    unit, socket = of_socket(name, service)
    assert (unit.active, host_host.is_listening(socket)) == (active, listens)
    assert (unit.started_by == (socket.unit,)) is listens
    assert not unit.comes_back
    assert replace(unit, listening=unit.started_by).comes_back is listens


def test_b5_a_unit_is_known_by_its_other_name_too() -> None:
    """Debian's sshd.service is ssh.service: its processes are listed under its own name."""
    (unit,) = host_host.read_services(
        (RECORDED / "sshd.txt").read_text(), ["sshd.service"], where="x"
    )
    assert (unit.unit, unit.id, unit.active) == ("sshd.service", "ssh.service", "active")


@pytest.mark.parametrize("mode", [None, 0o644])
def test_b5_a_program_that_is_not_there_or_not_ours_has_not_answered(
    session: ObserveSession, tmp_path: Path, mode: int | None
) -> None:
    """Its shell ends with 127 or 126, and nothing is known."""
    folder = tmp_path
    for each in (tmp_path, *tmp_path.parents[:-1]):
        each.chmod(each.stat().st_mode | 0o055)
    if mode is not None:
        (folder / "ss").write_text("")
        (folder / "ss").chmod(mode)
    with pytest.raises(NotUnderstood, match=r"here .*(not found|Permission denied|No such file)"):
        session.run(f"{folder}/ss --numeric --listening")


def test_b5_a_socket_whose_name_is_escaped() -> None:
    """What `systemd-escape` made of a name reaches systemd as it is, and the list lets it pass."""
    unit = r"gunicorn@portal\x2dapi.socket"

    class Shown:
        """A machine whose portal such a socket starts."""

        where = "app1"

        def run(self, command: str, **_: object) -> Answer:
            """What systemd says of the unit that the shell hands on."""
            require_allowed(command)
            if command.startswith("ps"):
                return Answer(0, b"STAT UNIT\n", b"")
            if shlex.split(command)[-1] == unit:
                return Answer(0, SOCKET, b"")
            return Answer(0, SERVICE + f"TriggeredBy={unit}\n".encode(), b"")

    found = host.services(Shown(), ["portal"])["portal"]  # type: ignore[arg-type]
    assert (found.listening, found.comes_back) == ((unit,), True)


class Scripted:
    """A machine of which some answers are recorded."""

    where = "db1"

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers

    def run(self, command: str, **_: object) -> Answer:
        """The answer of the program."""
        return self.answers[command.partition(" ")[0]]


SERVICE = b"LoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=disabled\n"
SOCKET = b"LoadState=loaded\nActiveState=active\nSubState=listening\nUnitFileState=enabled\n"
SILENT = Answer(1, b"506 Cannot talk to daemon\n", b"")


def test_b5_a_chronyd_that_runs_and_cannot_be_asked_leaves_it_open() -> None:
    """Chronyc's 506 says nothing of a daemon that systemd calls active."""
    runs, stopped = recorded("chronyd-active.txt"), recorded("chronyd-stopped.txt")
    with pytest.raises(NotUnderstood, match="db1: chronyd can't be asked: 506 Cannot talk"):
        host.clock(Scripted(chronyc=SILENT, systemctl=runs))  # type: ignore[arg-type]
    found = host.clock(Scripted(chronyc=SILENT, systemctl=stopped))  # type: ignore[arg-type]
    assert (found.answers, found.problem) == (False, "506 Cannot talk to daemon")


def running(said: str) -> host_host.ServiceState:
    """A unit that runs, and what else systemd says about it."""
    text = f"LoadState=loaded\nActiveState=active\nSubState=running\n{said}\n"
    (state,) = host_host.read_services(text, ["x.service"], where="x")
    return state


def test_an_answer_about_too_few_units_is_refused() -> None:
    """One block for two units can't be told apart: NotUnderstood with both counts."""
    with pytest.raises(NotUnderstood, match="about 1 units, expected 2"):
        host_host.read_services("Id=a.service\n", ["a.service", "b.service"], where="x")


def test_the_offset_to_ourselves_is_zero_within_its_error(session: ObserveSession) -> None:
    """Asked over SSH, our own clock differs from itself by nothing, within the stated error."""
    found = host.offset(session)
    assert abs(found.value) <= found.error
    assert found.samples == 3


@given(
    offset=st.floats(-1e4, 1e4),
    trips=st.lists(
        st.tuples(st.floats(0, 1e5), st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=8
    ),
)
def test_the_true_offset_lies_within_the_error(
    offset: float, trips: list[tuple[float, float, float]]
) -> None:
    """Whatever the delays there and back, the truth lies within value ± error."""
    taken = [(start, start + there + offset, start + there + back) for start, there, back in trips]
    found = host_host.best_offset(taken)
    assert abs(found.value - offset) <= found.error + 1e-9
    shortest = min(there + back for _, there, back in trips)
    assert found.error <= shortest / 2 + 1e-9


def test_a_foreign_date_is_refused() -> None:
    """`date` without nanoseconds (another implementation) is NotUnderstood."""
    with pytest.raises(NotUnderstood, match=r"answered '1700000000\.N'"):
        host_host.read_date("1700000000.N\n", where="x")


def test_testinfra_speaks_over_the_session(session: ObserveSession) -> None:
    """Files, users and packages through testinfra's own words."""
    machine = vocabulary(session)
    passwd = machine.file("/etc/passwd")
    assert passwd.exists
    assert passwd.mode == 0o644
    assert passwd.user == "root"
    assert "root:" in passwd.content_string
    assert not machine.file("/etc/nonsense").exists
    assert machine.system_info.distribution == "debian"
    assert machine.user("root").uid == 0
    assert machine.package("openssh-server").is_installed
    assert machine.exists("sh")


def test_testinfra_cannot_leave_the_list(session: ObserveSession) -> None:
    """A free command through testinfra is refused like any other."""
    machine = vocabulary(session)
    with pytest.raises(NotPermitted):
        machine.run("touch /etc/x")
    with pytest.raises(NotPermitted):
        machine.file("/etc/a;reboot").exists  # noqa: B018


def test_processes_are_counted_by_unit(session: ObserveSession) -> None:
    """Every process of this machine is seen with its state, the one that asks among them."""
    found = [state for states in host.processes(session).values() for state in states]
    assert "R" in found
    assert set(found) <= set("DIRSTtWXZ")


def test_the_distance_of_two_clocks_is_known_no_better_than_the_trip() -> None:
    """A second apart within 0.2 s is at most 1.2 s; in step within 0.2 s may be in step."""
    apart = host_host.ClockOffset(-1.0, 0.2, samples=5, taken=0.0).distance
    in_step = host_host.ClockOffset(0.1, 0.2, samples=5, taken=0.0).distance
    assert (apart.lower, apart.value, apart.upper) == (0.8, 1.0, 1.2)
    assert in_step.lower == 0.0
