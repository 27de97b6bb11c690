"""The lab comes up, goes back, and goes away without a trace; also when its tool is killed."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import cgroups, health, mending
from lab.home import REPOSITORY, current
from lab.inventory import MACHINES
from lab.machines import Lab
from lab.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900), pytest.mark.flaky(reruns=1)]

LAB = [sys.executable, "-m", "lab"]


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the lab's own command line."""
    return subprocess.run(
        [*LAB, *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def inits(lab: Lab) -> dict[str, int | None]:
    """Every machine's init, as the host numbers it."""
    return {machine.name: lab.leader(machine.name) for machine in MACHINES}


@pytest.fixture(scope="module")
def site(lab_site: Site) -> Iterator[Site]:
    """A lab that is up and healthy, and is again when these tests are over."""
    mending.bring_up(lab_site)
    yield lab_site
    mending.bring_up(lab_site)


def test_up_is_idempotent(site: Site) -> None:
    """A second `up` starts nothing and changes nothing that runs."""
    before = inits(site.lab)
    done = command("up", "--json")
    assert done.returncode == 0, done.stderr
    assert inits(site.lab) == before
    assert all(fact["healthy"] for fact in json.loads(done.stdout)["machines"])


def test_up_switches_a_dead_machine_on_again(site: Site) -> None:
    """A machine whose plug was pulled comes back with its own state, the others run on."""
    site.lab.check("app2", ["touch", "/root/kept"])
    before = inits(site.lab)
    site.lab.pull_the_plug("app2")
    assert "app2" not in site.lab.running()
    site.up()
    assert site.lab.check("app2", ["ls", "/root"]).split() == ["kept"]
    after = inits(site.lab)
    assert {name for name in after if after[name] != before[name]} == {"app2"}


def test_a_sick_machine_is_named_with_its_reason(site: Site) -> None:
    """Health says which machine and which role object, and why."""
    site.lab.check("edge2", ["systemctl", "stop", "haproxy.service"])
    said = {each.machine: each.reason for each in health.ask_all(site.lab, MACHINES)}
    site.lab.check("edge2", ["systemctl", "start", "haproxy.service"])
    assert said["edge2"] == "edge: haproxy is not active"


def test_each_machine_has_a_control_group_of_its_own(site: Site) -> None:
    """No process is in two machines' groups, and each group has its machine's init."""
    groups = {m.name: cgroups.members(site.lab.group(m.name)) for m in MACHINES}
    assert all(site.lab.leader(name) in pids for name, pids in groups.items())
    assert sum(map(len, groups.values())) == len(set().union(*groups.values()))


def test_zones_are_apart(site: Site) -> None:
    """The internet reaches the portal and no machine behind it; the app zone no etcd."""
    probe = (
        "import socket, sys\n"
        "for place in sys.argv[1:]:\n"
        "    host, port = place.rsplit('/', 1)\n"
        "    try:\n"
        "        socket.create_connection((host, int(port)), timeout=0.5).close()\n"
        "        print('open')\n"
        "    except OSError:\n"
        "        print('shut')\n"
    )

    def reach(name: str, *places: str) -> list[str]:
        return site.lab.check(name, ["python3", "-c", probe, *places]).split()

    portal = ["198.18.1.100/443", "2001:2:0:1::100/443"]
    inner = ["198.18.3.11/5432", "2001:2:0:3::11/5432", "198.18.2.11/8000", "198.18.1.11/22"]
    assert reach("stranger", *portal, *inner) == ["open"] * 2 + ["shut"] * 4
    assert reach("app1", "198.18.3.11/5432", "198.18.3.11/2379") == ["open", "shut"]


def test_the_router_stops_forwarding_when_its_rules_cannot_load(site: Site) -> None:
    """Without rules nothing passes: closed, not open."""
    rules = Path("etc/nftables-forward.conf")
    site.lab.check("gw1", ["systemctl", "stop", "forwarding.service"])
    whole = (site.lab.root("gw1") / rules).read_text()
    site.lab.check("gw1", ["tee", f"/{rules}"], stdin="no rule at all\n")
    assert site.lab.run("gw1", ["systemctl", "start", "forwarding.service"]).code != 0
    forwarding = site.lab.check("gw1", ["sysctl", "-n", "net.ipv4.ip_forward"]).strip()
    site.lab.check("gw1", ["tee", f"/{rules}"], stdin=whole)
    site.lab.check("gw1", ["systemctl", "start", "forwarding.service"])
    assert forwarding == "0"


@pytest.mark.usefixtures("site")
def test_enter_looks_from_mon1_and_leaves_the_host_as_it_is() -> None:
    """The command has the lab's names and mon1's address; the host's own names are untouched."""
    before = Path("/etc/hosts").read_bytes()
    code = (
        "import socket; s = socket.create_connection(('db1.lab.test', 22), timeout=5); "
        "print(s.getsockname()[0]); raise SystemExit(7)"
    )
    done = command("enter", "--", sys.executable, "-c", code)
    assert done.returncode == 7
    assert done.stdout.strip() in ("198.18.4.10", "2001:2:0:4::10")
    assert Path("/etc/hosts").read_bytes() == before
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("db1.lab.test", 22)


@pytest.mark.usefixtures("site")
def test_exec_passes_output_input_and_exit_code() -> None:
    """What runs inside a machine behaves as if it ran here."""
    done = command("exec", "db2", "--", "sh", "-c", "hostname; exit 5")
    assert (done.stdout, done.returncode) == ("db2\n", 5)


def test_unknown_machines_and_commands_are_one_clear_line() -> None:
    """No traceback for a typo; the exit code says usage where it is one."""
    done = command("exec", "db9", "--", "true")
    assert done.returncode == 1
    assert done.stderr.startswith("lab: error: no machine is called 'db9'; there are: gw1")
    assert command("frobnicate").returncode == 64


def test_reset_returns_to_the_frozen_state(site: Site) -> None:
    """What was changed is gone, the site is healthy, certificates are new."""
    site.lab.check("db1", ["touch", "/etc/changed"])
    issued = site.lab.check("db1", ["cat", "/etc/patroni/tls/server.pem"])
    identity = (current().secrets / "identity.json").read_text()
    site.reset()
    assert site.lab.run("db1", ["test", "-e", "/etc/changed"]).code == 1
    assert site.lab.check("db1", ["cat", "/etc/patroni/tls/server.pem"]) != issued
    assert (current().secrets / "identity.json").read_text() == identity
    assert all(health.ask_all(site.lab, MACHINES))


def test_nothing_stays_after_down_even_when_the_tool_was_killed(site: Site) -> None:
    """A tool killed while machines boot leaves a lab that `down` still removes whole."""
    process = subprocess.Popen([*LAB, "reset"], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    assert cgroups.wait_until(lambda: len(site.lab.running()) in range(1, 10), 60, pause=0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = command("down")
    assert done.returncode == 0, done.stderr
    assert site.leftovers() == []


def test_status_of_a_lab_that_is_down_is_not_a_success(site: Site) -> None:
    """Scripts can ask whether the lab is up."""
    command("down")
    assert command("status").returncode == 1
    assert (
        command("enter", "--", "true").stderr == "lab: error: the lab is not up; scripts/lab up\n"
    )
    assert site.lab.running() == []
