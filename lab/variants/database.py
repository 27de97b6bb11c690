"""Healthy variants of the database, its automation and its backups."""

import json
import re
import secrets

from lab import cluster
from lab.faults import _backup as backup
from lab.faults._synchronous import leader
from lab.scene import Facts, Scene
from lab.steps import Step, altered, edited, patroni, shell, statements
from lab.variants import variant

OF_COMMITS = ("PG-004", "PG-006", "PG-007", "PG-010", "OBJ-002")
OF_REPLICATION = ("PG-001", "PG-002", "PG-003", "PG-007", "PG-011", "PG-012")
OF_ARCHIVING = ("BKP-005", "BKP-006", "BKP-007", "OBJ-003")
RESTORES = ("BKP-010", "BKP-011", "BKP-012", "OBJ-004")
SPACE = "/var/lib/postgresql/archive-space"
QUIET = 180
USERLIST, PGPASS = "/etc/pgbouncer/userlist.txt", "/etc/portal/pgpass"
APPS = ("app1", "app2")
POOLER = "/etc/pgbouncer/pgbouncer.ini"
KEEP_APART = f"""CREATE TABLESPACE archive_space LOCATION '{SPACE}';
CREATE TABLE kept_apart (id int PRIMARY KEY, term text) TABLESPACE archive_space;
ALTER TABLE kept_apart OWNER TO portal_owner;
INSERT INTO kept_apart SELECT n, 'Fall ' || n FROM generate_series(1, 500) n"""  # noqa: S608
ARCHIVED = (
    "SELECT failed_count, coalesce(last_archived_time > last_failed_time, false), "
    "coalesce(last_archived_time > now() - interval '10 min', false) FROM pg_stat_archiver"
)
SILENCE = """SELECT extract(epoch FROM now() - last_archived_time)::int FROM pg_stat_archiver
WHERE NOT EXISTS (SELECT FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')"""


def members_are(scene: Scene, **wanted: int) -> bool:
    """Whether the members run or stream, and as many as wanted have each role."""
    members = cluster.view(scene)["members"]
    seen = [one["role"] for one in members if one["state"] in {"running", "streaming"}]
    return len(seen) == len(cluster.MEMBERS) and all(
        seen.count(role) == count for role, count in wanted.items()
    )


AS_PORTAL = (
    "PGPASSFILE=/etc/portal/pgpass psql -XAtq -v ON_ERROR_STOP=1 -h 127.0.0.1 -p 6432 -U portal "
    "-d paws360"
)
SKIP = "synchronous_commit TO off"


def names(scene: Scene) -> str:
    """Whom commits wait for, as the primary says."""
    return cluster.setting(scene, leader(scene), "synchronous_standby_names")


def quorum(scene: Scene) -> str:
    """Patroni and PostgreSQL say so, and commits wait."""
    said = names(scene)
    right = said.startswith("ANY 1") and members_are(scene, leader=1, quorum_standby=2)
    return f"synchronous_standby_names is {said}" if right else ""


def both_wait(scene: Scene) -> str:
    """Both standbys are synchronous."""
    said = names(scene)
    right = "2 (" in said and members_are(scene, leader=1, sync_standby=2)
    return f"synchronous_standby_names is {said}" if right else ""


def replay_awaited(scene: Scene) -> str:
    """Every member has the setting, and Patroni is strict."""
    said = {cluster.setting(scene, one, "synchronous_commit") for one in cluster.MEMBERS}
    strict = cluster.dynamic(scene).get("synchronous_mode_strict")
    right = said == {"remote_apply"} and strict is True
    return "synchronous_commit is remote_apply, synchronous_mode_strict is on" if right else ""


def seldom_reports(scene: Scene) -> str:
    """Every member has the settings."""
    query = "SHOW wal_receiver_status_interval; SHOW wal_sender_timeout"
    said = {cluster.sql(scene, one, query) for one in cluster.MEMBERS}
    return "receivers report every 30 s" if said == {"30s\n1min"} else ""


def led_by_another(scene: Scene) -> str:
    """Another member leads, and the cluster is whole."""
    now = cluster.parts(scene)["primary"]
    return f"{now} leads instead of {scene['primary']}" if now != scene["primary"] else ""


def moved(scene: Scene) -> None:
    """Switch over to the synchronous standby."""
    cluster.make_primary(scene, scene["sync"])


def moved_back(scene: Scene) -> None:
    """Switch back."""
    cluster.make_primary(scene, scene["primary"])


def restarted(scene: Scene) -> str:
    """The standby has been up for a moment and streams."""
    query = "SELECT extract(epoch FROM now() - pg_postmaster_start_time())::int"
    age = int(cluster.sql(scene, scene["async"], query))
    fresh = age < 60 and cluster.parts(scene)  # noqa: PLR2004 - a minute
    return f"{scene['async']} was started {age} s ago" if fresh else ""


def tagged(scene: Scene) -> str:
    """The members have the tags."""
    seen = [cluster.tags(scene, one).get("clonefrom") for one in cluster.MEMBERS]
    return "every member has tags: clonefrom, failover_priority" if all(seen) else ""


def tag(scene: Scene) -> None:
    """Give every member tags that bar it from nothing."""
    for number, one in enumerate(cluster.MEMBERS, 1):
        cluster.set_tags(scene, one, f"{{clonefrom: true, failover_priority: {number}}}")


def fail_once_and_switch(scene: Scene) -> None:
    """One failure of the archiver, and two switchovers after it succeeded again."""
    first, second = scene["primary"], scene["sync"]
    cluster.alter_system(scene, first, "archive_command", "false")
    cluster.sql(scene, first, backup.SWITCH)
    failed = "SELECT failed_count > 0 FROM pg_stat_archiver"
    scene.wait("a failure", lambda: cluster.sql(scene, first, failed) == "t", 60)
    cluster.alter_system(scene, first, "archive_command", None)
    # It tries again a minute after three failures, or when it is told that there is work.
    cluster.sql(scene, first, backup.SWITCH)
    scene.wait("an archived segment", lambda: _recovered(scene, first), 120)
    cluster.make_primary(scene, second)
    cluster.make_primary(scene, first)
    cluster.sql(scene, first, backup.SWITCH)


def _recovered(scene: Scene, name: str) -> bool:
    return cluster.sql(scene, name, ARCHIVED).split("|")[1] == "t"


def failed_long_ago(scene: Scene) -> str:
    """The primary still tells of the failure, and has archived since."""
    count, since, lately = cluster.sql(scene, scene["primary"], ARCHIVED).split("|")
    right = count != "0" and since == "t" and lately == "t"
    return f"{scene['primary']} tells of {count} failures before two switchovers" if right else ""


def forgotten(scene: Scene) -> None:
    """The same member leads, and its archiver tells of no failure."""
    first = scene["primary"]
    cluster.alter_system(scene, first, "archive_command", None)
    cluster.make_primary(scene, first)
    cluster.sql(scene, first, "SELECT pg_stat_reset_shared('archiver')")
    cluster.sql(scene, first, backup.SWITCH)
    scene.wait("an archived segment", lambda: backup.archiver(scene, first)["last"], 60)


def silence(scene: Scene) -> str:
    """Nothing was archived for minutes, because nothing waits for it."""
    age = cluster.sql(scene, scene["primary"], SILENCE)
    return f"nothing was written for {age} s" if age and int(age) > QUIET else ""


def has_tablespace(scene: Scene) -> str:
    """Every member has the tablespace and the table in it."""
    query = "SELECT count(*) FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace"
    query += " WHERE spcname = 'archive_space' AND relname = 'kept_apart'"
    said = {cluster.sql(scene, one, query, database="paws360") for one in cluster.MEMBERS}
    return f"every member has a table in a tablespace at {SPACE}" if said == {"1"} else ""


def incremental(scene: Scene) -> str:
    """The newest backup in the repository is one."""
    newest = backup.newest(scene)
    return f"{newest['label']} is the newest backup" if newest["type"] == "incr" else ""


def expire_incremental(scene: Scene) -> None:
    """Drop incremental backups."""
    while (newest := backup.newest(scene))["type"] == "incr":
        backup.pgbackrest(scene, f"--set={newest['label']}", "expire")


def from_a_standby(scene: Scene) -> str:
    """The newest full backup's manifest says so."""
    (found,) = json.loads(backup.pgbackrest(scene, "--output=json", "info"))
    label = [one["label"] for one in found["backup"] if one["type"] == "full"][-1]
    manifest = backup.pgbackrest(scene, "repo-get", f"backup/paws360/{label}/backup.manifest")
    said = re.search("^option-backup-standby=true$", manifest, re.MULTILINE)
    return f"{label} was copied from a standby" if said else ""


def with_next_password(scene: Scene) -> Facts:
    """The cluster's parts, and the password that the application gets."""
    return {**cluster.survey(scene), "next": secrets.token_hex(16)}


def rotate(scene: Scene) -> None:
    """Give the application another password, at the database, its poolers and itself."""
    _set_password(scene, scene["next"])
    old = scene.site.secrets.read("pg/app.password").decode().strip()
    for one in APPS:
        for path in (USERLIST, PGPASS):
            scene.change(one, path, lambda text: text.replace(old, scene["next"]))
        _take(scene, one)


def rotate_back(scene: Scene) -> None:
    """Give it the first one back."""
    _set_password(scene, scene.site.secrets.read("pg/app.password").decode().strip())
    for one in APPS:
        for path in (USERLIST, PGPASS):
            scene.put_back(one, path)
        _take(scene, one)


def _set_password(scene: Scene, password: str) -> None:
    statement = f"SET log_statement = 'none'; ALTER ROLE portal PASSWORD '{password}'"
    cluster.sql(scene, leader(scene), statement)


def _take(scene: Scene, name: str) -> None:
    """Have pooler and portal take what their files say; the portal logs in anew."""
    scene.service(name, "reload", "pgbouncer")
    scene.service(name, "restart", "portal")


def rotated(scene: Scene) -> str:
    """Both poolers know it, and both portals are ready."""
    for one in APPS:
        if scene["next"] not in scene.read(one, USERLIST):
            return ""
        page = "http://127.0.0.1:8000/health/ready"
        if scene.ask(one, "curl", "-sf", "--max-time", "3", "-o", "/dev/null", page).code:
            return ""
    return "the application logs in with its next password"


def resets(scene: Scene) -> str:
    """What the next client of each pooler is given, once a client said otherwise."""
    ask = f"{AS_PORTAL} -c 'SHOW synchronous_commit'"
    said = {one: scene.shell(one, ask).strip() for one in APPS}
    mode = "pool_mode = session" in scene.read(APPS[1], POOLER)
    right = mode and set(said.values()) == {"on"}
    return "after SET and SET LOCAL the next client has synchronous_commit = on" if right else ""


def ended(scene: Scene) -> str:
    """Every member has it."""
    query = "SELECT rolvaliduntil < now() FROM pg_roles WHERE rolname = 'postgres'"
    said = {cluster.sql(scene, one, query) for one in cluster.MEMBERS}
    return "postgres has a password's end in 2001, and logs in by peer" if said == {"t"} else ""


VARIANTS = (
    variant(
        "end-of-a-password-that-nobody-asks-for",
        "A role that logs in as its system user has a password that has run out",
        "VALID UNTIL is about the password alone, and peer asks for none.",
        kind="database",
        tempts=("PG-025", "PG-027"),
        survey=cluster.survey,
        steps=(
            statements(
                "ALTER ROLE postgres VALID UNTIL '2001-01-01'",
                "ALTER ROLE postgres VALID UNTIL 'infinity'",
            ),
        ),
        shows=ended,
    ),
    variant(
        "clients-set-what-ends-with-them",
        "Clients say SET where the pooler resets sessions, and SET LOCAL where it does not",
        "A bulk import may commit without waiting, as long as nobody else's commits do.",
        kind="database",
        tier="touch",
        only=("PG-014", "PG-026"),
        tempts=("PG-014", "PG-026"),
        steps=(
            edited(
                APPS[1:],
                POOLER,
                "pool_mode = transaction",
                "pool_mode = session",
                "pgbouncer",
                "restart",
            ),
            shell(APPS[1:], f"{AS_PORTAL} -c 'SET {SKIP}'", "true"),
            shell(APPS[:1], f"{AS_PORTAL} -c 'BEGIN; SET LOCAL {SKIP}; COMMIT'", "true"),
        ),
        shows=resets,
    ),
    variant(
        "commits-wait-for-any-one-standby",
        "Commits wait for a quorum: any one of two standbys",
        "synchronous_mode: quorum (Patroni 4): no standby is the synchronous one, either may be "
        "promoted after agreeing with a quorum.",
        kind="database",
        alone=True,
        tempts=(*OF_COMMITS, *OF_REPLICATION, "PG-005", "PG-008"),
        survey=cluster.survey,
        steps=(patroni({"synchronous_mode": "quorum"}, {"synchronous_mode": True}),),
        shows=quorum,
    ),
    variant(
        "both-standbys-are-synchronous",
        "Commits wait for both standbys where one was declared",
        "More than was promised.",
        kind="database",
        alone=True,
        tempts=(*OF_COMMITS, "PG-008"),
        survey=cluster.survey,
        steps=(patroni({"synchronous_node_count": 2}, {"synchronous_node_count": None}),),
        shows=both_wait,
    ),
    variant(
        "commits-wait-for-replay",
        "Commits wait until the standby has replayed them, and stop without one",
        "remote_apply and strict mode are stronger than what was promised.",
        kind="database",
        tempts=OF_COMMITS,
        survey=cluster.survey,
        steps=(
            patroni({"synchronous_mode_strict": True}, {"synchronous_mode_strict": False}),
            patroni(
                {"postgresql": {"parameters": {"synchronous_commit": "remote_apply"}}},
                {"postgresql": {"parameters": {"synchronous_commit": "on"}}},
            ),
        ),
        shows=replay_awaited,
    ),
    variant(
        "receivers-report-seldom",
        "Standbys report every 30 s, and senders wait a minute",
        "wal_receiver_status_interval is longer over a slow line; wal_sender_timeout is "
        "PostgreSQL's default: an answer that is 20 s old is no silence.",
        kind="database",
        tempts=OF_REPLICATION,
        survey=cluster.survey,
        steps=(
            altered("wal_sender_timeout", "60s"),
            altered("wal_receiver_timeout", "60s"),
            altered("wal_receiver_status_interval", "30s"),
        ),
        shows=seldom_reports,
    ),
    variant(
        "another-member-leads",
        "Another member leads than the one that was set up first",
        "A switchover before maintenance; timelines, slots and the archive's history move on.",
        kind="database",
        alone=True,
        tempts=(*OF_REPLICATION, *OF_ARCHIVING, "PG-004", "PG-006", "BKP-001"),
        survey=cluster.survey,
        steps=(Step(moved, moved_back),),
        shows=led_by_another,
    ),
    variant(
        "standby-restarted-a-moment-ago",
        "A standby was restarted less than a minute ago and streams",
        "A setting needed it; its connection, its slot and its statistics are new.",
        kind="database",
        alone=True,
        tempts=(*OF_REPLICATION, "PG-010", "HOST-001"),
        survey=cluster.survey,
        steps=(
            shell(["<async>"], "patronictl restart paws360 <async> --force >/dev/null", "true", 90),
        ),
        shows=restarted,
        past=True,
    ),
    variant(
        "members-with-tags",
        "Patroni's members have tags that bar nobody from promotion",
        "clonefrom and failover_priority say whom to prefer.",
        kind="database",
        tempts=("PG-005", "PG-006", "PG-008"),
        survey=cluster.survey,
        steps=(Step(tag, lambda scene: cluster.restore_config(scene, *cluster.MEMBERS)),),
        shows=tagged,
    ),
    variant(
        "archive-failed-before-two-switchovers",
        "The primary's archiver tells of a failure from before two switchovers",
        "pg_stat_archiver keeps the last failure for ever, with a segment of an old timeline.",
        kind="backup",
        alone=True,
        tempts=(*OF_ARCHIVING, "BKP-001"),
        survey=backup.survey,
        steps=(Step(fail_once_and_switch, forgotten),),
        shows=failed_long_ago,
    ),
    variant(
        "nobody-writes",
        "Nobody has written for three minutes",
        "Christmas night: no segment is due, so the last one is old, and replies are all there is.",
        kind="database",
        alone=True,
        tempts=(*OF_REPLICATION, *OF_ARCHIVING, "CACHE-004", "CACHE-007"),
        survey=cluster.survey,
        shows=silence,
        settle=500,
        past=True,
    ),
    variant(
        "database-with-a-tablespace",
        "A table lies in a tablespace of its own",
        "Old terms are kept on a slower disk; backups and restores have to move it.",
        kind="backup",
        tempts=("BKP-001", "BKP-005", "PG-003"),
        survey=cluster.survey,
        tier="load",
        only=RESTORES,
        steps=(
            shell(
                cluster.MEMBERS,
                f"install -d -o postgres -g postgres -m 700 {SPACE}",
                f"rm -rf {SPACE}",
            ),
            statements(
                KEEP_APART,
                "DROP TABLE IF EXISTS kept_apart;\nDROP TABLESPACE IF EXISTS archive_space",
            ),
            Step(backup.full_backup, backup.full_backup),
        ),
        shows=has_tablespace,
    ),
    variant(
        "backup-copied-from-a-standby",
        "The newest full backup was copied from a standby",
        "backup-standby=y spares the primary; start and end are still the primary's.",
        kind="backup",
        tempts=("BKP-001", "BKP-005", "BKP-006"),
        steps=(
            Step(
                lambda scene: backup.pgbackrest(scene, "--type=full", "--backup-standby", "backup"),
                backup.full_backup,
            ),
        ),
        shows=from_a_standby,
    ),
    variant(
        "newest-backup-is-incremental",
        "The newest backup is an incremental one",
        "Full ones on Sundays: what counts is that the chain to the full one is whole.",
        kind="backup",
        tempts=("BKP-001", "BKP-003", "BKP-005"),
        steps=(
            Step(
                lambda scene: backup.pgbackrest(scene, "--type=incr", "backup"), expire_incremental
            ),
        ),
        shows=incremental,
    ),
    variant(
        "password-rotated-everywhere",
        "The application's password was rotated at the database, the poolers and itself",
        "Every quarter, everywhere within a minute.",
        kind="database",
        tempts=("LB-001", "LB-002", "HOST-001"),
        survey=with_next_password,
        steps=(Step(rotate, rotate_back),),
        shows=rotated,
    ),
)
