"""When the network goes, Patroni hangs with it: nobody stops the old primary's PostgreSQL."""

from lab import cluster
from lab.faults import Fault
from lab.faults import _backup as backup
from lab.faults._database import patroni_lists_all
from lab.faults._drill import one_trial
from lab.faults._synchronous import leader
from lab.inventory import machine
from lab.scene import Scene

UNIT = "lab-fault-hang"
SCRIPT = "/usr/local/sbin/lab-fault-hang"
ROLE = "readiness_touch"
KEPT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'readiness_touch'"
# Stands for a process that hangs on the network itself, as on a lost disk: no watchdog looks.
HANG = """#!/bin/sh
# Freezes Patroni while neither of the other members can be reached.
frozen=
while :; do
    if ping -q -c 1 -W 1 "$1" >/dev/null || ping -q -c 1 -W 1 "$2" >/dev/null; then
        [ -z "$frozen" ] || systemctl kill --kill-who=main --signal=CONT patroni
        frozen=
    elif [ -z "$frozen" ]; then
        systemctl kill --kill-who=main --signal=STOP patroni
        frozen=yes
    fi
    sleep 0.3
done
"""


def apply(scene: Scene) -> None:
    """Set the hang up on every member; commits of the drill's role do not wait."""
    cluster.sql(scene, leader(scene), f"ALTER ROLE {ROLE} SET synchronous_commit = local")
    for name in cluster.MEMBERS:
        others = [str(machine(one).v4) for one in cluster.MEMBERS if one != name]
        scene.write(name, SCRIPT, HANG)
        scene.run(name, "chmod", "0755", SCRIPT)
        scene.run(name, "systemd-run", "--quiet", f"--unit={UNIT}", SCRIPT, *others)


def took_effect(scene: Scene) -> str:
    """The hang is armed on every member."""
    states = [scene.ask(name, "systemctl", "is-active", UNIT).out for name in cluster.MEMBERS]
    armed = sum(state.strip() == "active" for state in states)
    return f"{UNIT} is armed on {armed} members" if armed else ""


def undo(scene: Scene) -> None:
    """Disarm it, wake whoever sleeps, and let commits wait again."""
    for name in cluster.MEMBERS:
        scene.shell(name, 'systemctl stop "$1" 2>/dev/null || true; rm -f "$2"', UNIT, SCRIPT)
        scene.run(name, "systemctl", "kill", "--kill-who=main", "--signal=CONT", "patroni")
    first = leader(scene)
    cluster.sql(scene, first, f"ALTER ROLE {ROLE} RESET synchronous_commit")
    # The poolers keep sessions that began with it.
    cluster.sql(scene, first, KEPT)
    for name in cluster.MEMBERS:
        if name != first:
            cluster.rebuild_unless_streaming(scene, name)
    # What the member that was left behind had not archived yet is gone.
    backup.full_backup(scene)


MEMBERS = ("<primary>", "<sync>", "<async>")
WHO = f"role {ROLE} in database all"

FAULT = Fault(
    name="old-primary-is-not-fenced",
    title="Patroni hangs when the network goes, and nothing stops its PostgreSQL",
    why="Without a watchdog a hung automation leaves the old primary serving whoever still "
    "reaches it; with commits that do not wait, two histories grow.",
    kind="failover",
    tier="disrupt",
    only=("PG-021", "PG-022"),
    reddens={
        "PG-004": {cluster.CLUSTER: rf"sessions that may skip them to be none, found {WHO}: local"},
        "PG-010": cluster.per_member(
            rf"weaker settings to be none, found synchronous_commit=local for {WHO}", *MEMBERS
        ),
        "PG-021": {cluster.CLUSTER: r"acknowledged writes lost in trial 1 .* at most 0, found \d"},
        "PG-022": {cluster.CLUSTER: r"two primaries accepting writes in trial 1 .*found yes"},
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    environment=one_trial,
    naive=patroni_lists_all,
)
