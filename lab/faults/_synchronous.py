"""What the ways to be synchronous in name only share: commits that wait for nobody."""

from lab import cluster
from lab.scene import Scene

LOCAL = "local"


def overrides(scene: Scene) -> str:
    """Settings of synchronous_commit given to roles and databases."""
    query = (
        "SELECT coalesce(rolname, 'all'), coalesce(datname, 'all'), setconfig "
        "FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = setrole "
        "LEFT JOIN pg_database d ON d.oid = setdatabase "
        "WHERE setconfig::text LIKE '%synchronous_commit%'"
    )
    return cluster.sql(scene, leader(scene), query).replace("\n", "; ")


def leader(scene: Scene) -> str:
    """Who leads now: an undo may come after a failover."""
    return str(scene.wait("somebody leads", lambda: cluster.leads(scene), cluster.PATRONI_LIMIT))


def given_to(what: str) -> dict[str, dict[str, str]]:
    """The cases that a weaker setting of a role or database turns red.

    It stands in a shared catalogue, so every member shows it.
    """
    members = ("<primary>", "<sync>", "<async>")
    return {
        "PG-004": {
            cluster.CLUSTER: rf"sessions that may skip them to be none, found {what}: local"
        },
        "PG-010": cluster.per_member(
            rf"weaker settings to be none, found synchronous_commit=local for {what}", *members
        ),
    }
