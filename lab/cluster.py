"""Database verbs that faults share: who has which part, SQL as superuser, settings of Patroni."""

import json
from collections.abc import Callable
from typing import Any

from lab.errors import LabError
from lab.inventory import machines_with
from lab.scene import Facts, Scene

CLUSTER = "paws360-db"
CONFIG = "/etc/patroni/config.yml"
MEMBERS = tuple(machine.name for machine in machines_with("db"))
PARTS = {"leader": "primary", "sync_standby": "sync", "replica": "async"}
SETTLED = {"leader": "running", "sync_standby": "streaming", "replica": "streaming"}
PATRONI_LIMIT = 45.0
# What PG-007 says of a standby that does not replay; a segment completed meanwhile is 16 MiB more.
BEHIND = r"(expected reached .*found no|bytes behind at most \d+, found \d+)"
# A commit with its record in the WAL; no row stays behind.
WRITE = "SELECT pg_logical_emit_message(true, 'lab', 'a commit')"


def view(scene: Scene, machine: str | None = None) -> dict[str, Any]:
    """The cluster as one member's Patroni sees it (``GET /cluster``); any member if None."""
    said = []
    for name in (machine,) if machine else MEMBERS:
        done = scene.looking().ask(name, *_curl("cluster"))
        if done.code == 0:
            return dict(json.loads(done.out))
        said.append(f"{name}: curl ended with {done.code}")
    raise LabError("; ".join(said))


def _curl(page: str, *more: str) -> tuple[str, ...]:
    # A change is asked for with a certificate of the lab's authority, as patronictl does.
    tls = "/etc/patroni/tls"
    identity = ("--cert", f"{tls}/server.pem", "--key", f"{tls}/server.key")
    words = ("curl", "-s", "--max-time", "5", "--cacert", f"{tls}/ca.pem", *identity, *more)
    return (*words, f"https://localhost:8008/{page}")


def status(scene: Scene, machine: str) -> dict[str, Any]:
    """What one Patroni says about itself (``GET /patroni``)."""
    return dict(scene.json(machine, *_curl("patroni")))


def parts(scene: Scene) -> Facts:
    """Who is ``primary``, ``sync`` and ``async``, all of them running and streaming.

    Raises:
        LabError: the cluster is not whole.
    """
    members = view(scene)["members"]
    found = {PARTS[one["role"]]: one["name"] for one in members if one["role"] in PARTS}
    well = all(one["state"] == SETTLED.get(one["role"]) for one in members)
    if len(members) != len(MEMBERS) or len(found) != len(MEMBERS) or not well:
        seen = ", ".join(f"{one['name']} {one['role']} {one['state']}" for one in members)
        raise LabError(f"the cluster is not whole: {seen}")
    return found


def leads(scene: Scene) -> str:
    """Who leads and runs, or nothing."""
    for one in view(scene)["members"]:
        if one["role"] == "leader" and one["state"] == "running":
            return str(one["name"])
    return ""


def survey(scene: Scene) -> Facts:
    """Who is ``primary``, ``sync`` and ``async``, waited for."""
    return dict(scene.wait("a whole cluster", lambda: _with_cluster(parts(scene)), PATRONI_LIMIT))


def _with_cluster(found: Facts) -> Facts:
    return {**found, "cluster": CLUSTER}


def sql(scene: Scene, machine: str, statement: str, *, database: str = "postgres") -> str:
    """Run a statement as superuser over the local socket; what it gave, unadorned."""
    words = ("runuser", "-u", "postgres", "--", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1")
    return scene.run(machine, *words, "-d", database, "-f", "-", stdin=statement + ";\n").strip()


def alter_system(scene: Scene, machine: str, name: str, value: str | None) -> None:
    """Set a server's own setting, or take it back with None, and reload."""
    what = f"SET {name} = '{value}'" if value is not None else f"RESET {name}"
    sql(scene, machine, f"ALTER SYSTEM {what}")
    sql(scene, machine, "SELECT pg_reload_conf()")


def setting(scene: Scene, machine: str, name: str) -> str:
    """The value that a new session of the superuser sees."""
    return sql(scene.looking(), machine, f"SHOW {name}")


def set_dynamic(scene: Scene, change: dict[str, Any]) -> None:
    """Change Patroni's shared configuration (``PATCH /config``); None removes a key."""
    body = json.dumps(change)
    answer = scene.run(_any(scene), *_curl("config", "--fail", "-X", "PATCH", "--data", body))
    json.loads(answer)


def dynamic(scene: Scene) -> dict[str, Any]:
    """Patroni's shared configuration."""
    return dict(scene.json(_any(scene), *_curl("config")))


def _any(scene: Scene) -> str:
    for name in MEMBERS:
        if scene.looking().ask(name, *_curl("liveness", "--fail")).code == 0:
            return name
    raise LabError("no Patroni answers")


def paused(scene: Scene) -> list[str]:
    """The members that say they are paused."""
    return [name for name in MEMBERS if status(scene, name).get("pause")]


def set_tags(scene: Scene, machine: str, tags: str) -> None:
    """Give a member tags (YAML flow mapping, such as ``{nofailover: true}``) and reload it."""
    scene.change(machine, CONFIG, lambda text: text + f"\ntags: {tags}\n")
    scene.service(machine, "reload", "patroni")


def restore_config(scene: Scene, *machines: str) -> None:
    """Give members their original configuration and reload them."""
    for machine in machines:
        scene.put_back(machine, CONFIG)
        scene.service(machine, "reload-or-restart", "patroni")


def tags(scene: Scene, machine: str) -> dict[str, Any]:
    """The tags of a member as another one sees them."""
    other = next(name for name in MEMBERS if name != machine)
    for one in view(scene, other)["members"]:
        if one["name"] == machine:
            return dict(one.get("tags", {}))
    return {}


def rebuild_unless_streaming(scene: Scene, machine: str) -> None:
    """Copy a member anew from the primary if it does not stream in a moment, and wait for it."""
    try:
        scene.wait(f"{machine} streams", lambda: _streams(scene, machine), 10)
    except LabError:
        body = json.dumps({"force": True})
        scene.run(machine, *_curl("reinitialize", "--fail", "-X", "POST", "--data", body))
        scene.wait(f"{machine} streams", lambda: _streams(scene, machine), 2 * PATRONI_LIMIT)


def _streams(scene: Scene, machine: str) -> bool:
    states = {one["name"]: one["state"] for one in view(scene)["members"]}
    return states.get(machine) == "streaming"


def streaming(scene: Scene, primary: str) -> dict[str, str]:
    """Standby -> its state at the primary."""
    rows = sql(scene.looking(), primary, "SELECT application_name, state FROM pg_stat_replication")
    return dict(row.split("|") for row in rows.splitlines())


def behind(scene: Scene, primary: str, standby: str) -> int:
    """Bytes that the primary has written and the standby has not replayed."""
    written = sql(scene.looking(), primary, "SELECT pg_current_wal_lsn()")
    query = f"SELECT pg_wal_lsn_diff('{written}', pg_last_wal_replay_lsn())"
    return int(float(sql(scene.looking(), standby, query)))


def make_primary(scene: Scene, machine: str) -> None:
    """Switch over to a member and wait until the cluster is whole again."""
    now = survey(scene)
    if now["primary"] == machine:
        return
    if now["async"] == machine:
        # Only the synchronous standby takes over: the part moves when the other steps aside.
        make_primary(scene, now["sync"])
        make_primary(scene, machine)
        return
    body = json.dumps({"leader": now["primary"], "candidate": machine})
    words = _curl("switchover", "--fail", "-X", "POST", "--data", body)
    scene.run(now["primary"], *words, "--max-time", "60", limit=70.0)
    scene.wait(f"{machine} leads", lambda: parts(scene)["primary"] == machine, PATRONI_LIMIT)


def per_member(check: Callable[[str], str] | str, *members: str) -> dict[str, str]:
    """Subject -> pattern for members of the cluster, by name or placeholder."""
    return {
        f"{CLUSTER}/{name}": check if isinstance(check, str) else check(name) for name in members
    }
