"""The password of replication was changed at the primary, and no member was told."""

import secrets

from lab import cluster
from lab.faults import Fault
from lab.faults._database import all_stream
from lab.faults._synchronous import leader
from lab.inventory import machine
from lab.scene import Scene

ROLE = "replicator"
CONNECT = (
    "IFS= read -r PGPASSWORD; export PGPASSWORD; exec psql -XAtqw -c IDENTIFY_SYSTEM "
    f'-d "user={ROLE} sslmode=require replication=true host=$1" 2>&1'
)
REFUSED = rf'to be let in, found .*password authentication failed for user "{ROLE}"'


def apply(scene: Scene) -> None:
    """Another password, which nobody knows."""
    _set(scene, secrets.token_hex(16))


def _set(scene: Scene, password: str) -> None:
    """Give the role that password; the server's log has none."""
    change = f"SET log_statement = 'none'; ALTER ROLE {ROLE} PASSWORD '{password}'"
    cluster.sql(scene, leader(scene), change)


def _known(scene: Scene) -> str:
    """The password that every member has."""
    return scene.site.secrets.read("pg/replication.password").decode().strip()


def took_effect(scene: Scene) -> str:
    """A connection with the password that every member has is refused."""
    first = leader(scene)
    words = ("sh", "-c", CONNECT, "fault", str(machine(first).v4))
    said = scene.ask(scene["async"], *words, stdin=f"{_known(scene)}\n").out
    refused = "password authentication failed" in said
    return f"{first} refuses {ROLE} with the password that every member has" if refused else ""


def undo(scene: Scene) -> None:
    """The password that the members have."""
    _set(scene, _known(scene))


FAULT = Fault(
    name="replication-password-changed",
    title="The password of replication was changed at the primary, and on no member",
    why="Rotated by hand: both standbys stream on, until one of them, or the primary, starts anew.",
    kind="database",
    shape="false-green",
    reddens={"PG-027": cluster.per_member(REFUSED, *cluster.MEMBERS)},
    survey=cluster.survey,
    apply=apply,
    took_effect=took_effect,
    undo=undo,
    naive=all_stream,
)
