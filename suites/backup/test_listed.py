"""Backups that a tool of the site's lists: seen where they are said to lie, and not believed."""

from readiness import Ask, Environment, Found, NotRun, Severity, check, derive, holds
from readiness.site.declared.machine import Machine
from readiness.site.subjects import BACKUP_LIST, BackupList
from readiness.systems.backup_list.content import EMPTY, ENCRYPTED, READABLE
from readiness.systems.backup_list.reading import (
    FITS,
    LISTING,
    PLACES,
    RECENT,
    Listed,
    Listing,
    Lying,
    Places,
    least_size,
    lies_there,
)
from readiness.systems.hosts.reading import ADDRESSES, TIMER
from readiness.systems.hosts.reading.mounts import VOLATILE

LIST = "the declared command that lists backups"
LOOK = "size, time, real path and first 64 bytes of what lies where the list says"
RIGHTS = "an SSH login that sudo lets run the list, and look into the folders of backups"
STATED = "stated only: nobody could look there"
# A service in any other state still runs, and its backup is not listed yet.
ENDED = ("inactive", "failed")
# Seconds: a backup is dated by one machine's clock, a timer by another's.
CLOCKS = 60


def newest_of(found: Found[Listing]) -> Listed:
    """The whole backup that ended last."""
    whole = found.reading.whole
    assert holds(found.fact("whole backups listed", len(whole)), ">=", 1)
    return whole[-1]


def seen_at(found: Found[Listing], places: Found[Places], listed: Listed) -> Lying:
    """What lies where a backup is said to lie, as big and as young as it is said to be."""
    lying, place = places.reading.at(listed.place), listed.place
    words = f"what lies at {place}" + ("" if lying else f" ({STATED})")
    there = derive(words, found.subject, lying.what if lying else None, found, places)
    assert holds(there, "in", ("file", "folder"))
    assert lying is not None
    if lying.what == "file":
        size = derive(f"bytes of {place}", found.subject, lying.size, found, places)
        assert holds(size, "==", listed.size)
        assert holds(size, ">=", 1)
    older = None if lying.modified is None else round(listed.end - lying.modified)
    words = f"seconds that {place} is older than the list says"
    assert holds(derive(words, found.subject, older, found, places), "<=", FITS)
    return lying


def dated(seen: Lying) -> bool:
    """Whether it shows when it was made, if it is there: a folder of no known tool does not."""
    return seen.what != "folder" or seen.modified is not None


@check(
    "BKP-013",
    "The newest backup that is listed is recent, whole, and lies where the list says",
    clauses=("ops.backup/age",),
    each=BACKUP_LIST,
    declared=("places", "ssh"),
    severity=Severity.CRITICAL,
    limit=120,
    risk="What is restored is days old, empty, cut off, or not there at all.",
    reads=(LIST, LOOK),
    rights=RIGHTS,
    remedy="see why the newest is none: the tool's log, its schedule, the disk that it writes to; "
    "then take a backup",
)
def test_newest_listed(backup_list: BackupList, ask: Ask) -> None:
    """Its end, its size beside those before it, and what lies there; nothing listed is gone."""
    declared = backup_list.backup
    found, places = ask(LISTING, backup_list), ask(PLACES, backup_list)
    newest = newest_of(found)
    age = found.fact(
        f"seconds since the end of {newest.place}", round(found.reading.asked - newest.end)
    )
    assert holds(age, "<=", declared.age)
    seen_at(found, places, newest)
    least = least_size(newest, found.reading.whole, declared.smallest_percent)
    if declared.smallest is not None:
        least = max(declared.smallest, least or 0)
    size = derive(f"bytes of the newest, {newest.place},", found.subject, newest.size, found)
    # With nothing to compare it with, one that is cut off looks like any other.
    assert holds(size, ">=", least)
    gone = [one.place for one in places.reading.lying if one.what == "nothing"]
    assert holds(places.fact("backups listed that are not there", gone), "==", [])


@check(
    "BKP-014",
    "Listed backups are taken on schedule, and their timer will elapse again",
    clauses=("ops.backup/schedule-met",),
    each=BACKUP_LIST,
    declared=("places", "ssh"),
    severity=Severity.HIGH,
    limit=120,
    risk="The last backup was the last one, and nobody will notice until it is needed.",
    reads=(LIST, LOOK, "systemctl list-timers and show"),
    rights=RIGHTS,
    remedy="enable and start what takes backups, and see why it last failed",
)
def test_listed_schedule(backup_list: BackupList, ask: Ask) -> None:
    """No longer time between those that lie there than the newest may be old; the timer is on."""
    found, places = ask(LISTING, backup_list), ask(PLACES, backup_list)
    newest = newest_of(found)
    recent = found.reading.whole[-RECENT:]
    lying = [(one, places.reading.at(one.place)) for one in recent]
    unseen = [one.place for one, seen in lying if seen is None or not dated(seen)]
    words = f"recent backups ({', '.join(unseen) or 'none'} {STATED})" if unseen else "backups seen"
    ends = [one.end for one, seen in lying if seen and lies_there(one, seen)]
    count = derive(words, found.subject, None if unseen else len(ends), found, places)
    assert holds(count, ">=", 1)
    gaps = [
        later - earlier
        for earlier, later in zip(ends, [*ends[1:], found.reading.asked], strict=True)
    ]
    longest = derive(
        "longest seconds between two backups", found.subject, round(max(gaps)), found, places
    )
    assert holds(longest, "<=", backup_list.backup.age)
    if backup_list.backup.timer is not None:
        timer_is_on(backup_list, backup_list.backup.timer, ask, newest.end)


def timer_is_on(one: BackupList, timer: str, ask: Ask, newest: float) -> None:
    """It is on, due within the interval, its service did not fail, and left a backup."""
    timed = ask(TIMER.of(timer), one.machine)
    assert holds(timed.fact(f"{timer} active", timed.reading.active), "==", "active")
    assert holds(timed.fact(f"{timer} enabled", timed.reading.enabled), "==", "enabled")
    found = ask(LISTING, one)
    following = timed.reading.next
    assert holds(timed.fact("timer due again", following is not None), "==", True)
    due = None if following is None else round(following - found.reading.asked)
    assert holds(timed.fact("seconds until it is due", due), "<=", one.backup.every)
    ended = timed.fact(f"last end of {timed.reading.service or 'no service'}", timed.reading.result)
    assert holds(ended, "==", "success")
    last, state = timed.reading.last, timed.reading.service_state
    if last is not None and state in (None, *ENDED):
        name = f"seconds from the end of the newest backup to the last {timer}"
        passed = None if state is None else round(last - newest)
        assert holds(derive(name, one.id, passed, found, timed), "<=", CLOCKS)


@check(
    "BKP-015",
    "Every listed backup that was looked at is encrypted",
    clauses=("ops.backup/encrypted",),
    each=BACKUP_LIST,
    declared=("encryption", "places", "ssh"),
    severity=Severity.CRITICAL,
    limit=120,
    risk="Whoever gets hold of a backup reads every student's record.",
    reads=(LIST, LOOK),
    rights=RIGHTS,
    remedy="encrypt what the tool writes, and remove what lies there readable",
)
def test_listed_encrypted(backup_list: BackupList, ask: Ask) -> None:
    """By their bytes and not by the list: each begins as what a known tool encrypted."""
    found, places = ask(LISTING, backup_list), ask(PLACES, backup_list)
    newest = newest_of(found)
    plain = [one.place for one in found.reading.backups if not one.encrypted]
    assert holds(found.fact("backups listed as not encrypted", plain), "==", [])
    lying = [one for one in places.reading.lying if one.what in {"file", "folder"}]
    readable = [f"{one.place} ({one.begins})" for one in lying if one.begins in READABLE]
    assert holds(places.fact("backups that anybody can read", readable), "==", [])
    seen_at(found, places, newest)
    looked = {one.place for one in places.reading.lying}
    unclear = [one.place for one in lying if one.begins not in {*ENCRYPTED, *READABLE, EMPTY}]
    unclear += [one.place for one in found.reading.whole[-RECENT:] if one.place not in looked]
    told = f"what is encrypted ({STATED}, or no known format: {', '.join(unclear)})"
    shown = sorted({one.begins for one in lying if one.begins in ENCRYPTED})
    kept = places.fact(told if unclear else "what they are encrypted as", shown)
    kept = derive(kept.name, kept.subject, None if unclear else shown, found, places)
    assert holds(kept, "within", sorted(ENCRYPTED))


def keeper(lying: Lying | None, site: Environment) -> Machine | None:
    """The declared machine whose disk a backup lies on; None where nobody can tell."""
    server = lying.server if lying else None
    return next((one for one in site.machines if server and one.known_as(server)), None)


@check(
    "BKP-016",
    "A recent listed backup lies on another machine than the database, on a disk",
    clauses=("ops.backup/off-host-copy",),
    each=BACKUP_LIST,
    declared=("places", "ssh"),
    severity=Severity.CRITICAL,
    limit=120,
    risk="What destroys the database destroys its backups with it.",
    reads=(LIST, LOOK, "/proc/mounts and addresses of the machines that backups lie on"),
    rights=RIGHTS,
    remedy="copy each backup to a machine, and a disk, that shares nothing with the database",
)
def test_listed_elsewhere(backup_list: BackupList, ask: Ask, site: Environment) -> None:
    """The newest that lies elsewhere is young enough; a share counts for the machine that has it.

    What lies where nobody could look, or on a share of a machine that is not declared, is open.
    """
    found, places = ask(LISTING, backup_list), ask(PLACES, backup_list)
    newest_of(found)
    young = [
        one
        for one in reversed(found.reading.whole)
        if found.reading.asked - one.end <= backup_list.backup.age
    ]
    assert holds(found.fact("whole backups that are recent", len(young)), ">=", 1)
    members = backup_list.cluster.machines
    kept = [(one, keeper(places.reading.at(one.place), site)) for one in young]
    away = [pair for pair in kept if pair[1] not in (None, *members)]
    listed, machine = (away or [one for one in kept if one[1] is None] or kept)[0]
    name = machine.name if machine else None
    words = f"machine that keeps {listed.place}" + ("" if machine else f" ({STATED})")
    keeping = derive(words, found.subject, name, found, places)
    assert holds(keeping, "not in", [one.name for one in members])
    lying = seen_at(found, places, listed)
    assert lying.mount is not None
    kind = places.fact(f"file system at {lying.mount.point}", lying.mount.kind)
    assert holds(kind, "not in", VOLATILE)
    if machine is not None and machine.name == lying.machine:
        held = ask(ADDRESSES, machine)
        theirs = [address for one in members for address in one.addresses]
        assert holds(held.fact("addresses", held.reading), "without", theirs)


@check(
    "BKP-017",
    "What is written after a listed backup is archived, too",
    clauses=("ops.backup/wal-continuous",),
    each=BACKUP_LIST,
    declared=("wal",),
    severity=Severity.CRITICAL,
    risk="Whatever was written after the newest backup is lost with the database.",
    reads=("nothing: a list of backups says nothing of WAL",),
    rights="none",
    remedy="archive the WAL by a tool that can be asked for it (`kind: pgbackrest`)",
)
def test_nothing_tells_of_wal(backup_list: BackupList) -> None:
    """Never green: the plan says what to declare instead."""
    raise NotRun(f"{backup_list.id}: a list of backups says nothing of WAL")
