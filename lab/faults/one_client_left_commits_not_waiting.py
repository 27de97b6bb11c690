"""A client of the portal's pool said SET, and its session went back to the pool as it was."""

from lab import cluster
from lab.errors import LabError
from lab.faults import Fault
from lab.scene import Scene

NODE = "app2"
# Asked over the portal's own pool: PgBouncer gives whichever session it used last.
SAY = (
    "PGPASSFILE=/etc/portal/pgpass exec psql -XAtq -v ON_ERROR_STOP=1 "
    '-h 127.0.0.1 -p 6432 -U portal -d paws360 -c "$1"'
)
# The one that was used last is among the first that are given; each is held for the others.
AT_ONCE = 4
TELL = "SELECT current_setting('synchronous_commit') FROM pg_sleep(0.5)"


def apply(scene: Scene) -> None:
    """A bulk import in the portal's name, which forgot to say LOCAL."""
    scene.shell(NODE, SAY, "SET synchronous_commit TO off")


def told(scene: Scene) -> list[str]:
    """What the sessions of the pool say, as many at once as there may be."""
    each = f"for n in $(seq {AT_ONCE}); do ( {SAY} ) & done; wait"
    return scene.shell(NODE, each, TELL).split()


def took_effect(scene: Scene) -> str:
    """A session of the pool still says so."""
    count = told(scene).count("off")
    return f"{count} of the portal's sessions on {NODE} say synchronous_commit = off" * bool(count)


def undo(scene: Scene) -> None:
    """The pooler gives its sessions up, and begins new ones."""
    scene.service(NODE, "restart", "pgbouncer")


def naive(scene: Scene) -> str:
    """Ask every member, and a session that begins now, as the portal's role."""
    value = {cluster.setting(scene, one, "synchronous_commit") for one in cluster.MEMBERS}
    first = cluster.leads(scene)
    role = cluster.sql(scene, first, "SET ROLE portal; SHOW synchronous_commit", database="paws360")
    if value != {"on"} or role != "on":
        raise LabError(f"synchronous_commit is {value}, {role} of the portal")
    return f"synchronous_commit is on at every member, and of the portal's role on {first}"


FAULT = Fault(
    name="one-client-left-commits-not-waiting",
    title="A session of the portal's pool has kept one client's SET synchronous_commit = off",
    why="In transaction pooling nothing resets a session: whoever gets it next loses commits with "
    "the primary, and no server shows what another session runs with.",
    kind="database",
    shape="false-green",
    tier="touch",
    only=("PG-014", "PG-026"),
    reddens={
        "PG-026": {
            cluster.CLUSTER: rf"synchronous_commit in a session kept for portal by the pooler of "
            rf"{NODE} to be one of on, remote_apply, found off"
        }
    },
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=naive,
)
