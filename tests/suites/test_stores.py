"""Checks of caches, backups and services, red on what the healthy lab said with one value altered.

These are defects that no recording under a fault shows yet, or that a lab can't be given.
"""

import re
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from replay import Memory, Recording, Silent, altered, load, replay

from readiness.drills.guards import require_fresh_backup
from readiness.evidence.claim import plain
from readiness.model.errors import NotRun
from readiness.model.words import Case, Outcome
from readiness.site.kinds import subjects
from readiness.site.subjects import Cluster
from readiness.systems.pgbackrest.reading import read_info

Alter = Callable[[Any], None]


@pytest.fixture(scope="module")
def healthy() -> Recording:
    """What an observe run of the healthy lab saw."""
    return load("healthy")


def timeout(milliseconds: int) -> Alter:
    """A Sentinel with this failover-timeout."""
    return lambda reading: reading["watched"].update(failover_timeout_ms=milliseconds)


@pytest.mark.parametrize(
    ("milliseconds", "outcome", "reason"),
    [
        (2000, Outcome.PASSED, ""),
        (1999, Outcome.FAILED, "until it gives a failover up at least 2000, found 1999"),
        (897_500, Outcome.PASSED, ""),
        (898_000, Outcome.FAILED, r"tries a failover again .* at most 1800\S*, found 1801"),
    ],
)
def test_a_failover_has_its_time_and_is_tried_again(
    healthy: Recording, milliseconds: int, outcome: Outcome, reason: str
) -> None:
    """Neither given up before an answer can come, nor tried again after the recovery time."""
    seen = altered(healthy, "sentinel", timeout(milliseconds), of="sessions/sentinel/cache2")
    result = replay(seen, Case("CACHE-003", "sessions"))
    assert result.outcome is outcome, result
    assert re.search(reason, result.reason), result.reason


def errors(error: bool | None) -> Alter:  # noqa: FBT001 - what pgBackRest says
    """A repository whose backups say this about their pages."""

    def alter(reading: Any) -> None:
        for one in reading["stanza"]["backups"]:
            one["error"] = error

    return alter


@pytest.mark.parametrize(
    ("error", "outcome"), [(None, Outcome.INCONCLUSIVE), (True, Outcome.FAILED)]
)
def test_a_backup_is_without_errors_only_when_it_says_so(
    healthy: Recording, outcome: Outcome, *, error: bool | None
) -> None:
    """A backup made by an older pgBackRest leaves it open: no evidence, and no green."""
    seen = altered(healthy, "repository", errors(error), of="paws360-backup")
    result = replay(seen, Case("BKP-001", "paws360-backup"))
    assert result.outcome is outcome, result
    assert re.search(r"expected errors in \S+F .* to be no", result.reason), result.reason


@pytest.mark.parametrize("error", [None, True])
def test_no_drill_begins_on_a_backup_that_leaves_errors_open(
    healthy: Recording, *, error: bool | None
) -> None:
    """Before anything is cut off the newest full backup must say that it has no error."""
    cluster = subjects(healthy.environment, "database_cluster")["paws360-db"]
    assert isinstance(cluster, Cluster)
    for alter, refused in ((errors(error=False), False), (errors(error), True)):
        memory = Memory(altered(healthy, "repository", alter, of="paws360-backup"))
        run = SimpleNamespace(
            environment=healthy.environment, writer=memory, case=None, on_disturbance=[]
        )
        with closing(Silent(run)) as clients:  # type: ignore[arg-type]
            clients.look = memory
            with pytest.raises(NotRun) if refused else nullcontext():
                require_fresh_backup(clients, cluster)


def checksums(on: bool | None) -> Alter:  # noqa: FBT001 - what PostgreSQL says
    """A server whose pages carry checksums, or don't, or that nobody asked."""
    return lambda reading: reading.update(data_checksums=on)


@pytest.mark.parametrize(
    ("on", "error", "outcome", "said"),
    [
        (True, False, Outcome.PASSED, "errors in .* (none is also said with checksum-page off"),
        (False, False, Outcome.PASSED, "a restore only, the database has no data checksums"),
        (False, None, Outcome.PASSED, "a restore only, the database has no data checksums"),
        (False, True, Outcome.FAILED, "errors in "),
        (None, False, Outcome.INCONCLUSIVE, "what shows whether pages of"),
    ],
)
def test_d2_pages_that_nobody_checked_are_not_called_right(
    healthy: Recording, outcome: Outcome, said: str, *, on: bool | None, error: bool | None
) -> None:
    """Without data checksums no claim says that there is no error: the restore is named instead."""
    seen = altered(healthy, "repository", errors(error), of="paws360-backup")
    result = replay(altered(seen, "archiving", checksums(on)), Case("BKP-001", "paws360-backup"))
    assert result.outcome is outcome, result
    told = "\n".join(map(str, result.claims))
    assert re.search(said.replace("(", r"\("), told), told
    assert ("errors in " in told) is bool(on or error)


def upgraded(name: str) -> Alter:
    """A repository of which pgBackRest 2.45 said this: two repositories, of two systems.

    The first kept both systems as numbers 1 and 2, the second knows the new one only, as number 1.
    """

    def alter(reading: Any) -> None:
        stanza = read_info((PGBACKREST / f"{name}.info.json").read_text(), "s", where="m")
        reading["stanza"] = plain(stanza)
        newest = stanza.newest_full
        assert newest is not None
        for one in reading["stanza"]["backups"]:
            one["databases"] = ["paws360"]
        reading["asked"] = newest.stopped + HOUR

    return alter


NEW_SYSTEM = "7713629008109261154"
PGBACKREST = Path(__file__).parents[1] / "recorded" / "pgbackrest"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("upgraded", Outcome.FAILED), ("upgraded-and-backed-up", Outcome.PASSED)],
)
def test_d1_a_backup_of_the_system_before_an_upgrade_is_none_of_this_one(
    healthy: Recording, name: str, outcome: Outcome
) -> None:
    """Its number is that of the live system in the other repository, and means nothing in this."""
    seen = altered(healthy, "repository", upgraded(name), of="paws360-backup")
    live = {"system_identifier": NEW_SYSTEM, "size": 23_000_000}
    seen = altered(seen, "archiving", lambda reading: reading.update(live))
    result = replay(seen, Case("BKP-001", "paws360-backup"))
    assert result.outcome is outcome, result
    if outcome is Outcome.FAILED:
        assert result.reason == (
            "paws360-backup: expected system identifier in 20261129-161957F to be "
            f"{NEW_SYSTEM}, found 7713628958611586812"
        )


def held_before(reading: Any) -> None:
    """What an archive holds of the system before an upgrade, under the names of today's."""
    stanza, segments = reading["stanza"], reading["segments"]
    (repository,) = stanza["repositories"]
    repository["archive"] = "15-2"
    for one in stanza["backups"]:
        one["archive"] = "15-2"
    old = [{**one, "archive": "15-1"} for one in segments]
    reading["segments"] = [*old, *({**one, "archive": "15-2"} for one in segments)]
    reading["histories"] = [one.replace("15-1", "15-2") for one in reading["histories"]]
    before = {**stanza["backups"][0], "archive": "15-1", "label": "20260101-000000F"}
    gone = {"system_identifier": "1", "started": 1.0, "stopped": 2.0, "kind": "full"}
    stanza["backups"].insert(0, {**before, **gone})


@pytest.mark.parametrize("check", ["BKP-005", "BKP-006", "BKP-007"])
def test_d1_what_is_kept_of_the_system_before_an_upgrade_is_no_gap(
    healthy: Recording, check: str
) -> None:
    """Its backups and its WAL lie beside those of today until they expire: nothing is wrong."""
    seen = altered(healthy, "repository", held_before, of="paws360-backup")
    before = {"system_identifier": "1", "label": "20260101-000000F"}

    def told(reading: Any) -> None:
        reading["backups"].insert(0, {**reading["backups"][0], **before})

    seen = altered(seen, "repository-answer paws360-backup", told)
    result = replay(seen, Case(check, "paws360-backup"))
    assert result.outcome is Outcome.PASSED, result


def test_d1_a_segment_of_the_system_before_an_upgrade_is_not_todays(healthy: Recording) -> None:
    """Both systems name their segments alike: what lies in the old archive is not archived."""
    told = (one["reading"] for one in healthy.observations if one["source"] == "archiving")
    last = max(one["last_archived"] for one in told if not one["in_recovery"])

    def alter(reading: Any) -> None:
        held_before(reading)
        reading["segments"] = [
            one for one in reading["segments"] if one["archive"] == "15-1" or one["name"] != last
        ]

    seen = altered(healthy, "repository", alter, of="paws360-backup")
    result = replay(seen, Case("BKP-006", "paws360-backup"))
    assert result.outcome is Outcome.FAILED, result
    assert re.search(r"last segment archived by db\d to be one of", result.reason)


def test_after_a_backup_its_segment_is_looked_for_in_each_repository(healthy: Recording) -> None:
    """The archiver sends the backup's history file last: its name tells the segment."""
    told = (one["reading"] for one in healthy.observations if one["source"] == "archiving")
    last = max(one["last_archived"] for one in told if not one["in_recovery"])

    def alter(reading: Any) -> None:
        if not reading["in_recovery"]:
            reading["last_archived"] = f"{last}.00000028.backup"

    late = replay(
        altered(
            altered(healthy, "archiving", alter),
            "repository",
            repositories(last, f"{int(last, 16) - 1:024X}"),
            of="paws360-backup",
        ),
        Case("BKP-006", "paws360-backup"),
    )
    assert late.outcome is Outcome.FAILED, late
    assert f"repositories that end before {last} to be none, found 2" in late.reason


def repositories(*last: str, young: bool = True) -> Alter:
    """A stanza with that many repositories, which end with these segments.

    Each holds the same backups; those of the second are an hour or a month old.
    """

    def alter(reading: Any) -> None:
        stanza = reading["stanza"]
        cipher = stanza["cipher"]
        stanza["repositories"] = [
            {"key": key, "status": 0, "cipher": cipher, "last_wal": segment}
            for key, segment in enumerate(last, 1)
        ]
        stopped = reading["asked"] - (HOUR if young else MONTH)
        stanza["backups"] = [{**one, "repository": 1} for one in stanza["backups"]] + [
            {**one, "repository": key, "stopped": stopped}
            for key in range(2, len(last) + 1)
            for one in stanza["backups"]
        ]

    return alter


HOUR, MONTH = 3600, 30 * 86400
LATE = "0000000F00000000000000FF"


@pytest.mark.parametrize(
    ("check", "alter", "reason"),
    [
        ("BKP-001", repositories(LATE), None),
        ("BKP-006", repositories(LATE), None),
        ("BKP-001", repositories(LATE, LATE), None),
        ("BKP-006", repositories(LATE, LATE), None),
        ("BKP-001", repositories(LATE, LATE, young=False), r"end of \S+ of repository 2 at most"),
        ("BKP-006", repositories(LATE, ""), "repositories that end before .* to be none, found 2"),
        ("BKP-006", repositories(LATE, "0" * 24), "repositories that end before .*, found 2"),
    ],
)
def test_every_repository_holds_a_young_backup_and_the_last_segment(
    healthy: Recording, check: str, alter: Alter, reason: str | None
) -> None:
    """What the first repository holds says nothing about the second."""
    seen = altered(healthy, "repository", alter, of="paws360-backup")
    result = replay(seen, Case(check, "paws360-backup"))
    assert result.outcome is (Outcome.FAILED if reason else Outcome.PASSED), result
    assert re.search(reason or "", result.reason), result.reason


@pytest.mark.parametrize("check", ["BKP-001", "BKP-006"])
def test_repositories_that_nobody_lists_are_no_evidence(healthy: Recording, check: str) -> None:
    """An old pgBackRest does not say how many there are."""

    def alter(reading: Any) -> None:
        reading["stanza"]["repositories"] = None

    seen = altered(healthy, "repository", alter, of="paws360-backup")
    assert replay(seen, Case(check, "paws360-backup")).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("starts", "outcome"),
    [
        (["/usr/sbin/nft"], Outcome.PASSED),
        (["/bin/true"], Outcome.FAILED),
        ([], Outcome.FAILED),
        (None, Outcome.INCONCLUSIVE),
    ],
)
def test_a_unit_that_ends_has_done_something(
    healthy: Recording, starts: list[str] | None, outcome: Outcome
) -> None:
    """A oneshot unit that runs `true`, or nothing, is active and no evidence of a service."""

    def alter(reading: Any) -> None:
        assert reading["nftables"]["kind"] == "oneshot"
        reading["nftables"]["starts"] = starts

    result = replay(altered(healthy, "systemd", alter, of="edge1"), Case("HOST-001", "edge1"))
    assert result.outcome is outcome, result
    expected = "" if outcome is Outcome.PASSED else "programs that nftables starts at least 1"
    assert expected in result.reason


def keeping_snapshots(recording: Recording) -> Recording:
    """The same cache, declared to keep snapshots, each change for ten minutes at most unsaved."""
    site = recording.environment
    (cache,) = site.caches
    other = cache.model_copy(update={"persistence": "snapshots", "snapshot_age": 600.0})
    return replace(recording, environment=site.model_copy(update={"caches": (other,)}))


@pytest.mark.parametrize(
    ("told", "outcome", "reason"),
    [
        ({"rdb_saves": 3, "unsaved_changes": 0, "rdb_saved_seconds_ago": 86400}, "passed", ""),
        ({"rdb_saves": 3, "unsaved_changes": 9, "rdb_saved_seconds_ago": 599}, "passed", ""),
        (
            {"rdb_saves": 3, "unsaved_changes": 9, "rdb_saved_seconds_ago": 601},
            "failed",
            "seconds that changes may be unsaved at most 600, found 601",
        ),
        ({"rdb_saves": 0, "rdb_loaded_keys": 5, "unsaved_changes": 0}, "passed", ""),
        (
            {"rdb_saves": 0, "rdb_loaded_keys": 0, "unsaved_changes": 0, "keys": None},
            "inconclusive",
            "a snapshot since its start",
        ),
        (
            {"rdb_saves": 0, "rdb_loaded_keys": 0, "unsaved_changes": 0, "keys": 0},
            "inconclusive",
            "a snapshot since its start (empty and never written to: log in once)",
        ),
        (
            {"rdb_saves": 0, "rdb_loaded_keys": 0, "unsaved_changes": 0, "keys": 1},
            "inconclusive",
            "a snapshot since its start",
        ),
        (
            {"rdb_saves": 0, "unsaved_changes": 2, "rdb_saved_seconds_ago": 599, "keys": 0},
            "inconclusive",
            "a snapshot since its start",
        ),
        ({"rdb_saves": 1, "unsaved_changes": 9, "rdb_saving_seconds": 2}, "passed", ""),
        ({"rdb_saves": 1, "unsaved_changes": 9, "rdb_saving_seconds": 700}, "failed", "700"),
    ],
)
def test_d3_snapshots_are_judged_by_what_they_lack(
    healthy: Recording, told: dict[str, int | None], outcome: str, reason: str
) -> None:
    """Not by the time since the last one: a start counts as one, and an idle server makes none."""
    seen = altered(keeping_snapshots(healthy), "redis", lambda one: one.update(told), of="cache1")
    result = replay(seen, Case("CACHE-007", "sessions/cache1"))
    assert result.outcome is Outcome(outcome), result
    assert reason in result.reason


def by_socket(*listening: str, **more: object) -> Alter:
    """An ssh.service that its socket starts: disabled itself, and up since somebody came."""

    def alter(reading: Any) -> None:
        (name,) = (one for one in reading if one in ("ssh", "ssh.service"))
        own = {"enabled": "disabled", "started_by": ["ssh.socket"], "listening": list(listening)}
        reading[name].update(own | more)

    return alter


ASLEEP = {"active": "inactive", "sub": "dead", "main_pid": None, "processes": 0, "up": None}


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        (by_socket("ssh.socket", up=0.4), ""),
        (by_socket("ssh.socket", **ASLEEP), ""),
        (by_socket(**ASLEEP), "state of ssh to be active, found inactive"),
        (by_socket(), "start of ssh with its machine"),
        (by_socket("ssh.socket", **ASLEEP | {"active": "failed"}), "found failed"),
        (by_socket("ssh.socket", **ASLEEP | {"result": "signal"}), "last end of ssh to be success"),
        (by_socket("ssh.socket", up=0.4, restarts=3), "restarted by its manager at least 3600"),
    ],
)
def test_b5_a_service_that_its_socket_starts_is_up_while_that_listens(
    healthy: Recording, alter: Alter, reason: str
) -> None:
    """Asleep or woken by our own login; not without its socket, and not when it failed."""
    result = replay(altered(healthy, "systemd", alter, of="app1"), Case("HOST-001", "app1"))
    assert result.outcome is (Outcome.FAILED if reason else Outcome.PASSED), result
    assert reason in result.reason


def named(after: str) -> Alter:
    """A cache whose servers know each other by name and not by address."""

    def alter(reading: Any) -> None:
        for one in (reading["link"], *reading["followers"]):
            if one is not None:
                one["address"] = f"cache{one['address'][-1]}{after}"

    return alter


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        ("", Outcome.PASSED),
        (".example.org", Outcome.PASSED),
        (".EXAMPLE.org.", Outcome.PASSED),
        ("9.example.org", Outcome.FAILED),
        ("-old", Outcome.FAILED),
    ],
)
@pytest.mark.parametrize("case", [("CACHE-001", "sessions"), ("CACHE-004", "sessions/cache2")])
def test_b5_a_replica_that_follows_its_master_by_name_is_green(
    healthy: Recording, case: tuple[str, str], after: str, outcome: Outcome
) -> None:
    """Short or whole; a name of no declared machine stays a stranger's."""
    result = replay(altered(healthy, "redis", named(after)), Case(*case))
    assert result.outcome is outcome, result


def test_b5_a_machine_is_known_by_its_further_names(healthy: Recording) -> None:
    """What is declared beside its own name; an address is never taken for a name."""
    machine = healthy.environment.machine("cache1").model_copy(
        update={"names": ("sessions-1.lan",)}
    )
    known = ("cache1", "Cache1.lan.", "sessions-1.lan", *machine.addresses)
    assert all(machine.known_as(one) for one in known)
    others = ("sessions-1", "cache11.lan", "192.0.2.1", "", "lan.cache1", "2001:db8::1")
    assert not any(machine.known_as(one) for one in others)


def portal(**changes: object) -> Alter:
    """A server at which the portal's login is like this."""
    return lambda reading: reading["clients"][0].update(changes)


@pytest.mark.parametrize(
    ("check", "at", "changes", "reason"),
    [
        (
            "CACHE-011",
            "sessions/cache2",
            {"answer": "WRONGPASS"},
            "login of portal to be OK, found",
        ),
        ("CACHE-011", "sessions/cache2", {"runs": [], "lacks": ["set"]}, "not run here to be none"),
        ("CACHE-011", "sessions/cache2", {"runs": ["flushall"]}, "may more run here to be none"),
        ("CACHE-011", "sessions/cache2", {"lacks": ["a-newer-command"]}, ""),
        (
            "CACHE-012",
            "sentinel/cache2",
            {"answer": "WRONGPASS"},
            "login of portal to be OK, found",
        ),
    ],
)
def test_missed_1_a_program_is_let_in_everywhere_with_its_rights(
    healthy: Recording, check: str, at: str, changes: dict[str, object], reason: str
) -> None:
    """Another password or other rights at one node are red; a command that one lacks is not."""
    node = "sessions/cache2" if check == "CACHE-011" else "sessions"
    seen = altered(healthy, "admissions", portal(**changes), of=f"{at} at 198.18.3.22")
    result = replay(seen, Case(check, node))
    assert result.outcome is (Outcome.FAILED if reason else Outcome.PASSED), result
    assert re.search(reason, result.reason), result.reason
