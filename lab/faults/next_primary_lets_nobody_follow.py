"""The access rules of one standby let no other member in for replication."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.scene import Scene

RULES = "    - hostssl replication replicator"
RULE_COUNT = (
    "SELECT count(*) FROM pg_hba_file_rules "
    "WHERE 'replication' = ANY(database) AND type = 'hostssl'"
)


def apply(scene: Scene) -> None:
    """Take the rules for other members from that member's own list."""
    name = scene["async"]

    def without(text: str) -> str:
        return "".join(one for one in text.splitlines(True) if not one.startswith(RULES))

    scene.change(name, cluster.CONFIG, without)
    scene.service(name, "reload", "patroni")


def took_effect(scene: Scene) -> str:
    """The server has read its new rules."""
    left = cluster.sql(scene, scene["async"], RULE_COUNT)
    return f"{scene['async']} has no rule for replication over the network" if left == "0" else ""


def undo(scene: Scene) -> None:
    """The rules of every member."""
    cluster.restore_config(scene, scene["async"])


FAULT = Fault(
    name="next-primary-lets-nobody-follow",
    title="One standby's access rules let no other member in for replication",
    why="Rules are each member's own: it streams as well as any, and is alone once it leads.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-027": cluster.per_member(
            r"as replicator to <async> to be let in, found .*no pg_hba\.conf entry",
            "<primary>",
            "<sync>",
        )
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
)
