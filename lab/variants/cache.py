"""Healthy variants of the cache and its Sentinels."""

import secrets

from lab.faults import _cache as cache
from lab.inventory import DOMAIN, machine
from lab.scene import Facts, Scene
from lab.steps import Step, told
from lab.variants import variant

OF_MASTERS = ("CACHE-001", "CACHE-002", "CACHE-003", "CACHE-004", "CACHE-005")
HOSTS = "/etc/hosts"
SNAPSHOTS = "3600 1 300 100 60 10000"


def survey(scene: Scene) -> Facts:
    """Who is what, the master's addresses, and a password that nobody has yet."""
    found = cache.roles(scene)
    address = str(machine(found["master"]).v4)
    return {**found, "address": address, "next": secrets.token_hex(16)}


def moved(scene: Scene) -> str:
    """Another node is the master, the others follow it, and every Sentinel agrees."""
    now = cache.roles(scene)
    there = str(machine(now["master"]).v4)
    agreed = {cache.watched(scene, one, "ip") for one in cache.MEMBERS} == {there}
    up = all(
        cache.info(scene, now[one], "master_link_status") == "up" for one in ("replica", "other")
    )
    flags = {cache.watched(scene, one, "flags") for one in cache.MEMBERS} == {"master"}
    # A Sentinel asks a node for its role each ten seconds, and tells the old one until then.
    roles = {
        seen["role-reported"]
        for one in cache.MEMBERS
        for seen in cache.replicas_seen(scene, one).values()
    }
    right = now["master"] != scene["master"] and agreed and up and flags and roles == {"slave"}
    return f"{now['master']} is the master instead of {scene['master']}" if right else ""


def own_name(member: str) -> str:
    """A name of that node that has one address only.

    Sentinel 7.0 resolves a replica's word for its master to one address, of either family, and
    sends it to its own where they differ.
    """
    return f"{member}-v4.{DOMAIN}"


def name(scene: Scene) -> None:
    """Let the nodes know each other by these names."""
    lines = "".join(f"{machine(one).v4} {own_name(one)}\n" for one in cache.MEMBERS)
    for one in cache.MEMBERS:
        scene.change(one, HOSTS, lambda text: text + lines)


def unname(scene: Scene) -> None:
    """Forget them."""
    for one in cache.MEMBERS:
        scene.put_back(one, HOSTS)


def named(text: str) -> str:
    """Declare the names."""
    for one in cache.MEMBERS:
        line = f"  - name: {one}\n"
        text = text.replace(line, f"{line}    names: [{own_name(one)}]\n")
    return text


def followed_by_name(scene: Scene) -> str:
    """Both replicas tell a name as their master's, and every Sentinel leaves them alone."""
    there = own_name(scene["master"])
    for one in (scene["replica"], scene["other"]):
        up = cache.info(scene, one, "master_link_status") == "up"
        if not up or cache.info(scene, one, "master_host") != there:
            return ""
    seen = [one for at in cache.MEMBERS for one in cache.replicas_seen(scene, at).values()]
    right = all(one["master-host"] == there for one in seen)
    return f"both replicas follow {there}, and every Sentinel knows" if right else ""


def two_passwords(scene: Scene) -> str:
    """Every Redis knows two passwords of the portal's user."""
    for one in cache.MEMBERS:
        if cache.say(scene, one, "ACL", "GETUSER", "portal").count("\n") == 0:
            return ""
        line = next(
            row
            for row in cache.say(scene, one, "ACL", "LIST").splitlines()
            if row.startswith("user portal ")
        )
        if sum(word.startswith("#") for word in line.split()) != 2:  # noqa: PLR2004 - two
            return ""
    return "every Redis takes two passwords of the user portal"


def by_snapshots(scene: Scene) -> str:
    """Every Redis takes snapshots, has none under way, and writes no append-only file."""
    for one in cache.MEMBERS:
        seen = [cache.info(scene, one, key) for key in ("aof_enabled", "rdb_bgsave_in_progress")]
        if seen != ["0", "0"] or cache.setting(scene, one, "save") != SNAPSHOTS:
            return ""
    return "every Redis keeps what it has in snapshots only"


VARIANTS = (
    variant(
        "another-node-is-master",
        "Sentinel has made another node the master than the one that was set up first",
        "That is what it is for; the first one is a replica like any other.",
        kind="cache",
        alone=True,
        tempts=OF_MASTERS,
        survey=survey,
        steps=(
            told(["<master>"], ("SENTINEL", "FAILOVER", cache.CACHE), ("PING",), cache.SENTINEL),
        ),
        shows=moved,
        past=True,
    ),
    variant(
        "replicas-follow-by-name",
        "The replicas follow their master by its name",
        "Sentinel's resolve-hostnames, for sites whose addresses move.",
        kind="cache",
        alone=True,
        tempts=OF_MASTERS,
        survey=survey,
        steps=(
            Step(name, unname),
            told(
                cache.MEMBERS,
                ("SENTINEL", "CONFIG", "SET", "resolve-hostnames", "yes"),
                ("SENTINEL", "CONFIG", "SET", "resolve-hostnames", "no"),
                cache.SENTINEL,
            ),
            told(
                ["<replica>", "<other>"],
                ("REPLICAOF", own_name("<master>"), cache.REDIS),
                ("REPLICAOF", "<address>", cache.REDIS),
            ),
        ),
        environment=named,
        shows=followed_by_name,
    ),
    variant(
        "cache-user-with-two-passwords",
        "The portal's user of the cache has two passwords for now",
        "How a password is rotated without an outage: the next one is added before the first goes.",
        kind="cache",
        tempts=("CACHE-005", "CACHE-009"),
        survey=survey,
        steps=(
            told(
                cache.MEMBERS,
                ("ACL", "SETUSER", "portal", "><next>"),
                ("ACL", "SETUSER", "portal", "<<next>"),
            ),
        ),
        shows=two_passwords,
    ),
    variant(
        "cache-keeps-snapshots",
        "The cache is kept in snapshots instead of an append-only file, and nobody writes",
        "Sessions of an hour ago may be lost here, and it is declared; an idle server saves "
        "nothing, since there is nothing to save.",
        kind="cache",
        tempts=("CACHE-007", "CACHE-008"),
        survey=survey,
        steps=(
            told(
                cache.MEMBERS, ("CONFIG", "SET", "save", SNAPSHOTS), ("CONFIG", "SET", "save", "")
            ),
            told(
                cache.MEMBERS,
                ("CONFIG", "SET", "appendonly", "no"),
                ("CONFIG", "SET", "appendonly", "yes"),
            ),
            # A server that is kept so has read a snapshot or written one since it started.
            told(cache.MEMBERS, ("BGSAVE", "SCHEDULE"), ("PING",)),
        ),
        environment=lambda text: text.replace(
            "    replicates_as: replication\n",
            "    replicates_as: replication\n    persistence: snapshots\n    snapshot_age: 2 h\n",
        ),
        shows=by_snapshots,
    ),
)
