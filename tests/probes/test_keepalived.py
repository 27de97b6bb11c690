"""What keepalived does to move an address: its log, process and files, as 2.2.7 has them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.model.errors import NotUnderstood
from readiness.systems.keepalived import file as keepalived_file
from readiness.systems.keepalived.reading import State, faults, patience, read_log, read_processes

PIDS = frozenset({40, 44})
# As keepalived 2.2.7 of Debian 12 wrote them.
STARTED = """Starting Keepalived v2.2.7 (01/16,2022)
Configuration file /etc/keepalived/keepalived.conf
Starting VRRP child process, pid=44"""
OK = "VRRP_Script(alive) succeeded"
FAILED = "VRRP_Script(alive) failed (exited with status 7)"
RELOADED = """Reloading ...
Configuration file /etc/keepalived/keepalived.conf
Reloading
VRRP_Script(alive) considered successful on reload"""
UNSAFE = """Unsafe permissions found for script '/usr/local/kachk/ok' - disabling.
Disabling track script alive due to insecure"""
MISSING = """Script /usr/local/kachk/nope cannot be accessed - No such file or directory
Disabling track script alive since not found/accessible"""
NOT_EXECUTABLE = (
    "WARNING - script '/usr/local/kachk/noexec' is not executable for uid:gid 65534:65534 "
    "- disabling."
)
NO_USER = "(/etc/k.conf: Line 35) Unable to set uid/gid for script '/usr/local/kachk/ok'"
UNKNOWN = "(/etc/k.conf: Line 55) (portal) track script alive not found, ignoring..."
PROCESSES = """    PID    PPID ELAPSED COMMAND
      1       0    2600 systemd
     40       1    2500 keepalived
     44      40    2499 keepalived
    812      44       0 keepalived
"""


PARENT, VRRP, CHECKER = 40, 44, 45
OF_THE_PARENT = ("Starting ", "Configuration file ", "Reloading ...")


def journal(*parts: str | tuple[int, str]) -> str:
    """Lines as `journalctl --output=json` gives them, a second apart, each of who writes such."""
    lines: list[tuple[int, str]] = []
    for one in parts:
        if isinstance(one, tuple):
            lines.append(one)
            continue
        lines += [
            (PARENT if line.startswith(OF_THE_PARENT) else VRRP, line) for line in one.splitlines()
        ]
    return "\n".join(
        json.dumps(
            {
                "MESSAGE": line,
                "_PID": str(writer),
                "__REALTIME_TIMESTAMP": str((100 + at) * 1_000_000),
            }
        )
        for at, (writer, line) in enumerate(lines)
    )


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ((STARTED, OK), State.SUCCEEDS),
        ((STARTED, FAILED, OK), State.SUCCEEDS),
        ((STARTED, OK, FAILED), State.FAILS),
        ((STARTED, OK, "VRRP_Script(alive) timed_out"), State.FAILS),
        ((STARTED, OK, "VRRP_Script(alive) failed (due to signal 9)"), State.FAILS),
        ((STARTED, FAILED, RELOADED.replace("successful", "unsuccessful")), State.FAILS),
        ((STARTED, UNSAFE), State.DISABLED),
        ((STARTED, MISSING), State.DISABLED),
        ((STARTED, UNKNOWN), State.DISABLED),
        ((STARTED, OK, RELOADED), State.SUCCEEDS),
        ((STARTED, OK, RELOADED, UNSAFE), State.DISABLED),
        ((STARTED, UNSAFE, RELOADED), State.SUCCEEDS),
        ((STARTED, OK, "Reloading", "Reload complete"), None),
        ((STARTED,), None),
    ],
)
def test_the_log_tells_what_became_of_a_script(said: tuple[str, ...], state: State | None) -> None:
    """What was said last counts, and nothing from before the configuration was read again."""
    log = read_log(journal(*said), PIDS)
    assert log.scripts.get("alive") == state
    assert log.whole
    assert log.process == 44


@pytest.mark.parametrize(
    ("line", "path"),
    [(NOT_EXECUTABLE, "/usr/local/kachk/noexec"), (NO_USER, "/usr/local/kachk/ok")],
)
def test_where_the_log_names_no_script_its_path_is_kept(line: str, path: str) -> None:
    """Which script that is stands in the configuration."""
    assert read_log(journal(STARTED, OK, line), PIDS).refused == (path,)


def test_a_child_may_write_before_its_parent_tells_of_it() -> None:
    """On a busy machine it does: what it wrote then counts."""
    parent = "Starting VRRP child process, pid=44"
    before = [(PARENT, "Starting Keepalived v2.2.7 (01/16,2022)"), (VRRP, UNSAFE.splitlines()[1])]
    log = read_log(journal(*before, (PARENT, parent)), PIDS)
    assert log.scripts == {"alive": State.DISABLED}
    assert (log.whole, log.process, log.read_at) == (True, VRRP, 100.0)
    late = [(VRRP, "Reloading"), (VRRP, UNSAFE.splitlines()[1]), (PARENT, "Reloading ...")]
    log = read_log(journal(STARTED, OK, *late, (CHECKER, "Reloading")), PIDS | {CHECKER})
    assert log.scripts == {"alive": State.DISABLED}


def test_an_earlier_keepalived_counts_for_nothing() -> None:
    """It had the same process id, before the machine's numbers began anew."""
    log = read_log(journal(STARTED, OK, STARTED), PIDS)
    assert (log.scripts, log.whole) == ({}, True)


def test_a_log_without_its_beginning_is_not_whole() -> None:
    """Lines were dropped, it is another process's start, or the login may not read any."""
    assert not read_log(journal(OK), PIDS).whole
    assert not read_log("", PIDS).whole
    assert not read_log(journal(STARTED.replace("44", "45"), OK), PIDS).whole


def test_a_line_that_is_no_text_is_read_and_rubbish_is_passed_over() -> None:
    """Bytes come as a list; a torn line is nothing."""
    odd = json.dumps(
        {
            "MESSAGE": list(b"VRRP_Script(x\xff) succeeded"),
            "_PID": "44",
            "__REALTIME_TIMESTAMP": "1",
        }
    )
    found = read_log("\n".join([odd, "{", "[]", json.dumps({"MESSAGE": "x"})]), PIDS)
    assert found.scripts == {"x\ufffd": State.SUCCEEDS}


@given(st.text())
def test_any_log_is_read(text: str) -> None:
    """Whatever it says, it makes no script succeed by accident."""
    assert not read_log(text, PIDS).scripts
    assert not read_log(journal(text), PIDS).whole


def test_processes_of_keepalived_without_what_they_began() -> None:
    """A script is called keepalived until it has become itself."""
    assert read_processes(PROCESSES, where="lb1") == {40: (1, 2500), 44: (40, 2499)}


def test_processes_that_are_hidden_are_not_missing() -> None:
    """With hidepid a login sees its own only: that none of keepalived's is there says nothing."""
    with pytest.raises(NotUnderstood, match="hidepid"):
        read_processes("PID PPID ELAPSED COMMAND\n 900 899 0 ps\n", where="lb1")


def test_what_ended_children_cost() -> None:
    """Field 11 of /proc/PID/stat, behind a name that may hold anything."""
    line = "44 (keepalived) S 40 40 40 0 -1 4194624 4705 231604 0 11 1 20 131 141 20 0"
    assert faults(line) == 231604
    assert faults(line.replace("keepalived", "a) b (c 1 2 3")) == 231604
    with pytest.raises(NotUnderstood):
        faults("44 (keepalived)")


FILE = """! Made by hand
global_defs {
    script_user root   # who runs them
    enable_script_security
}
vrrp_script alive {
    script "/usr/bin/curl --user ops:hunter2hunter2 http://127.0.0.1/alive"
    interval 2
    timeout 3
}
vrrp_script preferred { script "/usr/local/bin/preferred" ; weight 20 }
vrrp_script preferred_too {
    script /usr/local/bin/preferred
    weight -20
}
vrrp_sync_group portal {
    group {
        v4
        v6
    }
    track_script {
        alive
    }
}
vrrp_instance v4 {
    interface eth0
    authentication {
        auth_type PASS
        auth_pass $3cret#12
    }
    @lb1 priority 110
    @lb2 priority 100
    virtual_ipaddress {
        192.0.2.10/32 dev eth0
    }
    track_interface {
        eth1 weight 10
    }
    @lb2 track_script {
    @lb2     only_there
    @lb2 }
}
vrrp_instance v6 {
    interface eth0
    track_process { haproxy }
    virtual_ipaddress {
        fe80::100/64
        2001:DB8:0:0::10/128
    }
    virtual_ipaddress_excluded { 192.0.2.11 }
    track_script {
        preferred_too weight 5
    }
}
vrrp_instance other {
    virtual_ipaddress { 192.0.2.99 }
    track_script { theirs }
}
"""


def test_what_decides_about_an_address() -> None:
    """Its instance's tracking, its group's, and that of the others in the group."""
    found = keepalived_file.read([FILE], ["lb1"], whole=True)
    assert found.whole
    mover = found.movers["192.0.2.10"]
    assert [one.name for one in mover.scripts] == ["alive", "preferred_too"]
    assert mover == found.movers["2001:db8::10"].__class__(
        "v4", mover.scripts, ("track_process haproxy",), ("track_interface eth1",)
    )
    assert found.movers["192.0.2.11"].scripts == found.movers["2001:db8::10"].scripts
    assert {one.name for one in found.movers["2001:db8::10"].scripts} == {"alive", "preferred_too"}
    assert [one.name for one in found.movers["192.0.2.99"].scripts] == ["theirs"]
    assert found.movers["192.0.2.99"].scripts[0].program == ""
    alive, too = mover.scripts
    assert (alive.program, alive.weight, alive.interval, alive.timeout) == (
        "/usr/bin/curl",
        0,
        2,
        3,
    )
    assert (too.program, too.weight) == ("/usr/local/bin/preferred", 5)
    assert patience(found, ["192.0.2.10"]) == 4.0
    assert patience(found, ["192.0.2.200"]) is None


def test_a_condition_counts_on_its_machine_only() -> None:
    """`@NAME` is for where keepalived has that name, `@^NAME` for everywhere else."""
    there = keepalived_file.read([FILE], ["lb2"], whole=True)
    assert "only_there" in [one.name for one in there.movers["192.0.2.10"].scripts]
    turned = FILE.replace("@lb2", "@^lb2")
    assert keepalived_file.read([turned], ["lb2"], whole=True) == keepalived_file.read(
        [FILE], ["lb1"], whole=True
    )


def test_no_secret_of_the_file_is_kept() -> None:
    """Neither the password of VRRP nor the words of a script."""
    found = repr(keepalived_file.read([FILE], ["lb1"], whole=True))
    for secret in ("hunter2", "3cret", "PASS", "alive http", "127.0.0.1"):
        assert secret not in found


@pytest.mark.parametrize(
    "line",
    ["$VIP=192.0.2.10", "vrrp_instance x {\n virtual_ipaddress { $VIP }\n}", "~SEQ(a,1,2) x"],
)
def test_what_is_computed_is_not_known(line: str) -> None:
    """Definitions and sequences are keepalived's to work out."""
    assert not keepalived_file.read([FILE, line], ["lb1"], whole=True).whole


def test_included_files_are_named() -> None:
    """Wherever they stand, and however strict the inclusion is."""
    text = "include /etc/keepalived/conf.d/*.conf\nvrrp_instance a {\n  includer more.conf\n}\n"
    assert keepalived_file.includes(text) == ["/etc/keepalived/conf.d/*.conf", "more.conf"]


@given(st.text(alphabet="{}\"'@!#$\\\n ab", max_size=60))
def test_any_file_is_read(text: str) -> None:
    """Broken ones too; keepalived itself refuses those."""
    keepalived_file.read([text], ["a"], whole=True)
