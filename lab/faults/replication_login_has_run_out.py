"""The password of the replication login ran out; the connections that there are go on."""

from lab import cluster
from lab.faults import Fault
from lab.faults._database import patroni_lists_all
from lab.scene import Scene

ROLE = "replicator"
RUN_OUT = f"SELECT rolvaliduntil < now() FROM pg_roles WHERE rolname = '{ROLE}'"  # noqa: S608 - a constant


def apply(scene: Scene) -> None:
    """Let it end yesterday."""
    day = cluster.sql(scene, scene["primary"], "SELECT now() - interval '1 day'")
    cluster.sql(scene, scene["primary"], f"ALTER ROLE {ROLE} VALID UNTIL '{day}'")


def took_effect(scene: Scene) -> str:
    """Every member has it, and the standbys stream all the same."""
    over = all(cluster.sql(scene, one, RUN_OUT) == "t" for one in cluster.MEMBERS)
    states = cluster.streaming(scene, scene["primary"])
    well = over and set(states.values()) == {"streaming"}
    return f"{ROLE} has run out, and {', '.join(sorted(states))} stream" if well else ""


def undo(scene: Scene) -> None:
    """Let it never end."""
    cluster.sql(scene, scene["primary"], f"ALTER ROLE {ROLE} VALID UNTIL 'infinity'")


FAULT = Fault(
    name="replication-login-has-run-out",
    title="The password of the replication login has run out",
    why="It was given an end when it was made. Who is connected stays; after the next failover no "
    "standby gets in any more, and there is one copy left.",
    kind="database",
    shape="false-green",
    reddens={
        "PG-025": cluster.per_member(
            rf"made anew to be none, found the password of {ROLE} has run out", *cluster.MEMBERS
        ),
        "PG-027": cluster.per_member(
            rf'to be let in, found .*password authentication failed for user "{ROLE}"',
            *cluster.MEMBERS,
        ),
    },
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=patroni_lists_all,
)
