"""How far standbys are behind, and that what is acknowledged is on disk."""

from collections.abc import Callable

from readiness import Ask, Environment, Found, Severity, check, derive, holds
from readiness.site.subjects import DATABASE_MEMBER, Member
from readiness.systems.hosts.reading import mounts
from readiness.systems.postgres.reading import POSTGRES, REPLAY, STORAGE
from readiness.systems.postgres.reading.state import Override, silence

Storage = Callable[[Member], Found[mounts.Storage]]

READS = ("one read-only query of system views on every member",)
RIGHTS = "a login with pg_monitor and nothing more"
# Without these an acknowledged commit can be lost or a page torn (PostgreSQL 15, 30.1 and 20.5).
ON = ("fsync", "full_page_writes")
SAFE_COMMIT = ("on", "remote_write", "remote_apply")
# These make a server go on where it would stop, with data that are lost (20.14 and 20.17).
OFF = ("data_sync_retry", "ignore_checksum_failure", "zero_damaged_pages")
# Statistics that a server before 15 writes anew; its manual recommends memory for them.
MAY_BE_LOST = "/pg_stat_tmp"
SYNCING = ("fdatasync", "fsync", "fsync_writethrough", "open_datasync", "open_sync")


@check(
    "PG-007",
    "Every standby is less behind than the declared limits, in bytes and in time",
    clauses=("infra.database-ha/lag-within-limits",),
    each=DATABASE_MEMBER,
    declared=("standby",),
    severity=Severity.HIGH,
    risk="What a standby does not have yet is lost, or delays the takeover.",
    reads=(*READS, "the standby's replay position, until it reaches the primary's"),
    rights=RIGHTS,
    remedy="look for load, slow disks, long queries or a slow link on that standby",
)
def test_lag_is_small(database_member: Member, ask: Ask) -> None:
    """Bytes between primary and replay, and seconds to replay them, are within limits."""
    database = database_member.database
    found = ask(POSTGRES, database_member)
    if not found.reading.in_recovery:
        everyone = {one.machine.name: ask(POSTGRES, one) for one in database_member.cluster.members}
        leading = sorted(name for name, one in everyone.items() if not one.reading.in_recovery)
        role = derive("primaries", database_member.id, leading, *everyone.values())
        assert holds(role, "==", [database_member.machine.name])
        return
    caught_up = ask(REPLAY, database_member)
    lag = caught_up.fact("bytes behind", caught_up.reading.behind)
    assert holds(lag, "<=", database.lag_bytes)
    assert holds(caught_up.fact("reached", caught_up.reading.reached), "==", True)
    assert holds(
        caught_up.fact("seconds to replay it", caught_up.reading.seconds), "<=", database.lag_time
    )
    # On an idle site positions agree whatever became of the link.
    everyone = {one.machine.name: ask(POSTGRES, one) for one in database_member.cluster.members}
    known = {name: one.reading for name, one in everyone.items()}
    quiet = silence(found.reading, database_member.machine.addresses, known)
    if quiet is not None:
        words = f"seconds since {quiet.sender} had a word of it"
        age = derive(words, database_member.id, quiet.seconds, found, everyone[quiet.sender])
        most = None if quiet.due is None else quiet.due + database.lag_time
        assert holds(age, "<=", most)


@check(
    "PG-010",
    "Every member keeps what it acknowledges: durability settings are on everywhere",
    clauses=("infra.database-ha/durability-settings",),
    each=DATABASE_MEMBER,
    severity=Severity.CRITICAL,
    risk="A power cut loses acknowledged commits or corrupts the database.",
    reads=(*READS, "/proc/mounts of every member's machine, where SSH is declared for it"),
    rights=f"{RIGHTS}; an SSH login without privileges",
    remedy="where a setting is named, take it back where it was weakened: fsync, full_page_writes "
    "and synchronous_commit are on; data_sync_retry, ignore_checksum_failure and "
    "zero_damaged_pages off; where a file system is named, move what lies in memory to a disk",
)
def test_durability_is_on(database_member: Member, site: Environment, ask: Ask) -> None:
    """What is acknowledged is on disk, and damage stops the server; for every role and database.

    What the data lie on is read where the environment lets the gate look at the machine.
    """
    found = ask(POSTGRES, database_member)
    settings = found.reading.settings
    for name in ON:
        assert holds(found.fact(name, settings[name].value), "==", "on")
    commit = settings["synchronous_commit"].value
    assert holds(found.fact("synchronous_commit", commit), "in", SAFE_COMMIT)
    assert holds(found.fact("wal_level", settings["wal_level"].value), "in", ("replica", "logical"))
    weaker = [
        f"{one.name}={one.value} for role {one.role or 'all'} in database {one.database or 'all'}"
        for one in found.reading.overrides
        if is_weaker(one)
    ]
    assert holds(found.fact("weaker settings", ", ".join(weaker) or "none"), "==", "none")
    for name in OFF:
        assert holds(found.fact(name, found.reading.value(name)), "==", "off")
    method = found.reading.value("wal_sync_method")
    assert holds(found.fact("wal_sync_method", method), "in", SYNCING)
    if not (site.ssh and database_member.machine.ssh):
        return
    disks = ask(STORAGE, database_member)
    for mount in (disks.reading.own, *disks.reading.below):
        if not mount.point.endswith(MAY_BE_LOST):
            kind = disks.fact(f"file system at {mount.point}", mount.kind)
            assert holds(kind, "not in", mounts.VOLATILE)


def is_weaker(one: Override) -> bool:
    """Whether what a role or database is given keeps less than the server's own setting must."""
    if one.name == "synchronous_commit":
        return one.value not in SAFE_COMMIT
    return one.name in OFF and not one.off
