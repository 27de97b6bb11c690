"""Reading the host: control groups, mounts, network commands; pure functions over recorded text."""

from pathlib import Path

from lab.cgroups import hierarchies
from lab.home import DEFAULT_HOME, Home
from lab.inventory import MACHINES, machine
from lab.mounts import below
from lab.network import address_commands, cable_commands, port

HYBRID = """\
30 25 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
32 30 0:28 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
33 30 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
40 25 0:40 / /lab/run/db1/root rw,relatime shared:1 - overlay overlay rw,lowerdir=/x
41 40 0:41 / /lab/run/db1/root/proc rw - proc proc rw
42 25 0:42 / /lab/runaway rw - tmpfs tmpfs rw
"""
UNIFIED = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_both_layouts_of_control_groups_are_understood() -> None:
    """The hybrid layout has two hierarchies that systemd uses, v2 alone has one."""
    hybrid = [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified")]
    assert hierarchies(HYBRID) == hybrid
    assert hierarchies(UNIFIED) == [Path("/sys/fs/cgroup")]


def test_mounts_below_a_folder_come_deepest_first() -> None:
    """They can be unmounted in this order; a folder whose name only begins alike is not meant."""
    assert below(Path("/lab/run"), HYBRID) == [
        Path("/lab/run/db1/root/proc"),
        Path("/lab/run/db1/root"),
    ]


def test_two_homes_do_not_meet() -> None:
    """Namespaces and control groups of another home have other names."""
    first, second = Home(DEFAULT_HOME), Home(Path("/elsewhere"))
    assert first.namespace("db1") == "lab-db1"
    assert first.namespace("db1") != second.namespace("db1")
    assert first.cgroup != second.cgroup


def test_names_of_cables_fit_the_kernel() -> None:
    """Linux allows 15 characters; each end of a cable needs its own name."""
    names = [port(each, card) for each in MACHINES for card in each.interfaces]
    assert max(map(len, names)) <= 15
    assert len(names) == len(set(names))
    assert len(cable_commands(Home(DEFAULT_HOME), MACHINES)) == 3 * len(names)


def test_the_router_has_no_default_route_and_others_have_two() -> None:
    """Every machine's way out is the router, over both families."""
    assert not any("route" in line for line in address_commands(machine("gw1")))
    routes = [line for line in address_commands(machine("db1")) if line.startswith("route")]
    assert routes == [
        "route add default via 198.18.3.1 dev eth0",
        "route add ::/0 via 2001:2:0:3::1 dev eth0",
    ]
