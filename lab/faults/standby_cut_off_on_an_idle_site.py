"""The way between the primary and one standby is cut while nobody writes."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.inventory import machine
from lab.scene import Scene

TABLE = "lab_fault_idle_cut"
# As a site has it over a slow line: until then both ends take the link for whole.
PATIENCE = "10min"
TIMEOUTS = ("wal_sender_timeout", "wal_receiver_timeout")
SILENT = 30  # seconds: a reply is due each 10 s, and 10 s of lag are declared
RULES = """table inet {table}
delete table inet {table}
table inet {table} {{
  chain input {{
    type filter hook input priority -200; policy accept;
    ip saddr {v4} tcp dport 5432 drop
    ip saddr {v4} tcp sport 5432 drop
    ip6 saddr {v6} tcp dport 5432 drop
    ip6 saddr {v6} tcp sport 5432 drop
  }}
}}
"""
REPLY = """SELECT extract(epoch FROM now() - reply_time)::int FROM pg_stat_replication
WHERE application_name = '{name}' AND state = 'streaming'"""
# What the standby can't say any more: it stands where it stood.
SAID = r"seconds since <primary> had a word of it.* at most 20, found"


def apply(scene: Scene) -> None:
    """Let both ends be patient, then drop what the standby sends to the primary."""
    for member in cluster.MEMBERS:
        for name in TIMEOUTS:
            cluster.alter_system(scene, member, name, PATIENCE)
    one = machine(scene["async"])
    rules = RULES.format(table=TABLE, v4=one.v4, v6=one.v6)
    scene.run(scene["primary"], "nft", "-f", "-", stdin=rules)


def took_effect(scene: Scene) -> str:
    """The primary calls it streaming, and has had no reply for longer than one is due."""
    said = cluster.sql(scene, scene["primary"], REPLY.format(name=scene["async"]))
    if not said or int(said) < SILENT:
        return ""
    return f"{scene['primary']} lists {scene['async']} as streaming, silent for {said} s"


def undo(scene: Scene) -> None:
    """Take the rules away on whichever member, and the patience."""
    for name in cluster.MEMBERS:
        scene.shell(name, 'nft delete table inet "$1" 2>/dev/null || true', TABLE)
    for member in cluster.MEMBERS:
        for name in TIMEOUTS:
            cluster.alter_system(scene, member, name, None)


FAULT = Fault(
    name="standby-cut-off-on-an-idle-site",
    title="One standby is cut off while nobody writes, and both ends say that it streams",
    why="Positions agree where nothing is written. Until wal_sender_timeout has passed only the "
    "time of the last reply tells, and what is committed then is on one machine less.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-002": cluster.per_member(SAID, "<async>"),
        "PG-003": cluster.per_member(rf"({SAID}|expected reached .*found no)", "<async>"),
        "PG-007": cluster.per_member(rf"({SAID}|{cluster.BEHIND})", "<async>"),
        "PG-012": cluster.per_member(SAID, "<async>"),
        "PG-027": {
            **cluster.per_member(r"to <async> to be let in, found", "<primary>"),
            **cluster.per_member(r"primary_conninfo leads to be let in, found", "<async>"),
        },
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
    settle=120,
)
