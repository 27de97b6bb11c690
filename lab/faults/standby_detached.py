"""The primary's own firewall refuses one standby; everything else reaches both."""

from lab import cluster
from lab.faults import Fault
from lab.inventory import machine
from lab.scene import Scene

TABLE = "lab_fault_detached"
KICK = """SELECT pg_terminate_backend(pid) FROM pg_stat_replication
WHERE application_name = '{name}'"""
RULES = """table inet {table}
delete table inet {table}
table inet {table} {{
  chain input {{
    type filter hook input priority -200; policy accept;
    ip saddr {v4} tcp dport 5432 reject with tcp reset
    ip6 saddr {v6} tcp dport 5432 reject with tcp reset
  }}
}}
"""


def apply(scene: Scene) -> None:
    """Refuse the standby's replication at the primary, then commit something."""
    one = machine(scene["async"])
    rules = RULES.format(table=TABLE, v4=one.v4, v6=one.v6)
    scene.run(scene["primary"], "nft", "-f", "-", stdin=rules)
    # A connection that is idle would not meet the rule before the next keepalive.
    cluster.sql(scene, scene["primary"], cluster.WRITE)
    cluster.sql(scene, scene["primary"], KICK.format(name=one.name))
    cluster.sql(scene, scene["primary"], cluster.WRITE)


def took_effect(scene: Scene) -> str:
    """The primary does not list the standby."""
    found = cluster.streaming(scene, scene["primary"])
    return "" if scene["async"] in found else f"{scene['primary']} lists {', '.join(found)} only"


def undo(scene: Scene) -> None:
    """Drop the rule, on whichever member."""
    for name in cluster.MEMBERS:
        scene.shell(name, 'nft delete table inet "$1" 2>/dev/null || true', TABLE)


FAULT = Fault(
    name="standby-detached",
    title="The primary's firewall refuses one standby's replication",
    why="A rule was tightened on one machine; the standby runs, answers and falls behind.",
    kind="database",
    reddens={
        "PG-002": cluster.per_member(r"receiver to be streaming, found none", "<async>"),
        "PG-003": cluster.per_member(r"expected reached .*found no", "<async>"),
        "PG-007": cluster.per_member(cluster.BEHIND, "<async>"),
        "PG-012": cluster.per_member(r"server it receives from .*found none", "<async>"),
        "PG-027": cluster.per_member(r"primary_conninfo leads to be let in, found", "<async>"),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
)
