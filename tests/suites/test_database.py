"""What the database checks say of settings, on the healthy lab's answers with one value altered."""

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from replay import ROOT, Recording, Result, _module, altered, load, replay

from readiness.evidence.claim import Found
from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.model.words import Case, Outcome
from readiness.site.kinds import subjects
from readiness.site.subjects import StoreMember
from readiness.systems.postgres.reading.state import READ_ONLY

CLUSTER = "paws360-db"
# What a server answers that nobody configured: initdb's postgresql.conf on Linux.
DEFAULTS = {
    "recovery_target_timeline": "latest",
    "recovery_target": "",
    "recovery_target_lsn": "",
    "recovery_target_name": "",
    "recovery_target_time": "",
    "recovery_target_xid": "",
    "data_sync_retry": "off",
    "ignore_checksum_failure": "off",
    "wal_sync_method": "fdatasync",
    "zero_damaged_pages": "off",
    READ_ONLY: "off",
}
TARGETS = sorted(name for name in DEFAULTS if name.startswith("recovery_target"))
DAMAGE = sorted({*DEFAULTS} - {*TARGETS, READ_ONLY})
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def healthy() -> Recording:
    """The healthy lab, every member with the settings that nobody changes, and on a disk."""
    found = altered(load("healthy"), "postgresql", everyone)
    if any(one["source"] == "storage" for one in found.observations):
        return found
    subjects = [one["subject"] for one in found.observations if one["source"] == "postgresql"]
    disks = {"own": mount("/", "ext4"), "below": []}
    more = [{"subject": one, "source": "storage", "reading": deepcopy(disks)} for one in subjects]
    return replace(found, observations=(*found.observations, *more))


def mount(point: str, kind: str) -> dict[str, str]:
    """One line of /proc/mounts."""
    return {"source": "/dev/sda1", "point": point, "kind": kind}


def everyone(reading: dict[str, Any]) -> None:
    """Fill in what the recording is too old for."""
    for name, value in DEFAULTS.items():
        reading["settings"].setdefault(name, setting(name, value))


def setting(name: str, value: str) -> dict[str, Any]:
    """One line of pg_settings."""
    line = {"name": name, "value": value, "unit": "", "source": "default"}
    return {**line, "pending_restart": False}


def given(name: str, value: str) -> Change:
    """A setting that a member runs with."""
    return lambda reading: reading["settings"].update({name: setting(name, value)})


def without(name: str) -> Change:
    """A setting that nobody asked for."""
    return lambda reading: reading["settings"].pop(name)


def member(recording: Recording, *, primary: bool) -> str:
    """The id of the primary or of the first standby."""
    return next(
        str(one["subject"])
        for one in recording.observations
        if one["source"] == "postgresql" and one["reading"]["in_recovery"] is not primary
    )


def cast(recording: Recording) -> dict[str, str]:
    """The names of the leader and of both standbys: which member leads is another one each time."""
    leader = member(recording, primary=True).partition("/")[2]
    first, second = (
        one for one in recording.environment.database(CLUSTER).members if one != leader
    )
    return {"leader": leader, "first": first, "second": second}


def asked(check: str, recording: Recording, subject: str) -> Result:
    """What a check says."""
    return replay(recording, Case(check, subject))


@pytest.mark.parametrize("primary", [True, False])
def test_a_member_that_follows_any_timeline_is_green(healthy: Recording, *, primary: bool) -> None:
    """Primary and standby run with latest, and no target is set."""
    assert asked("PG-003", healthy, member(healthy, primary=primary)).outcome is Outcome.PASSED


@pytest.mark.parametrize("primary", [True, False])
@pytest.mark.parametrize("value", ["current", "3"])
def test_a_member_that_stays_on_a_timeline_is_red(
    healthy: Recording, value: str, *, primary: bool
) -> None:
    """It would not follow another primary; today's is a standby tomorrow."""
    subject = member(healthy, primary=primary)
    found = altered(healthy, "postgresql", given("recovery_target_timeline", value), of=subject)
    result = asked("PG-003", found, subject)
    assert result.outcome is Outcome.FAILED
    assert result.reason == (
        f"{subject}: expected recovery_target_timeline to be latest, found {value}"
    )


@pytest.mark.parametrize("name", [name for name in TARGETS if not name.endswith("timeline")])
def test_a_standby_with_a_target_is_red(healthy: Recording, name: str) -> None:
    """Its replay ends there."""
    subject = member(healthy, primary=False)
    result = asked("PG-003", altered(healthy, "postgresql", given(name, "x"), of=subject), subject)
    assert result.outcome is Outcome.FAILED
    assert result.reason == f"{subject}: expected {name} to be empty, found x"


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_that_nobody_read_is_not_green(healthy: Recording, name: str) -> None:
    """Nothing is known of a setting that is not in the answer."""
    subject = member(healthy, primary=False)
    result = asked("PG-003", altered(healthy, "postgresql", without(name), of=subject), subject)
    assert result.outcome is Outcome.INCONCLUSIVE


def override(name: str, value: str, role: str = "reports", **more: object) -> Change:
    """What a role is given by ALTER ROLE … SET."""
    line = {"role": role, "database": "", "name": name, "value": value, "writes": None, **more}
    return lambda reading: reading["overrides"].append(line)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("data_sync_retry", "on", "to be off"),
        ("ignore_checksum_failure", "on", "to be off"),
        ("zero_damaged_pages", "on", "to be off"),
        ("wal_sync_method", "none", "to be one of .*fdatasync.*"),
    ],
)
def test_a_member_that_goes_on_with_lost_data_is_red(
    healthy: Recording, name: str, value: str, wanted: str
) -> None:
    """The one member is named with the setting; the others are green."""
    subject, other = (member(healthy, primary=primary) for primary in (False, True))
    found = altered(healthy, "postgresql", given(name, value), of=subject)
    result = asked("PG-010", found, subject)
    assert result.outcome is Outcome.FAILED
    assert re.fullmatch(f"{subject}: expected {name} {wanted}, found {value}", result.reason)
    assert asked("PG-010", found, other).outcome is Outcome.PASSED


@pytest.mark.parametrize("name", DAMAGE)
def test_a_setting_that_nobody_read_is_not_green(healthy: Recording, name: str) -> None:
    """Nothing is known of what is not in the answer."""
    subject = member(healthy, primary=False)
    result = asked("PG-010", altered(healthy, "postgresql", without(name), of=subject), subject)
    assert result.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("name", "value", "outcome"),
    [
        ("zero_damaged_pages", "on", Outcome.FAILED),
        ("ignore_checksum_failure", "TRUE", Outcome.FAILED),
        ("zero_damaged_pages", "No", Outcome.PASSED),
        ("synchronous_commit", "remote_apply", Outcome.PASSED),
        ("synchronous_commit", "off", Outcome.FAILED),
        (READ_ONLY, "on", Outcome.PASSED),
    ],
)
def test_what_a_role_is_given(healthy: Recording, name: str, value: str, outcome: Outcome) -> None:
    """A setting of a role's own counts as weaker by its own measure."""
    subject = member(healthy, primary=True)
    result = asked(
        "PG-010", altered(healthy, "postgresql", override(name, value), of=subject), subject
    )
    assert result.outcome is outcome
    if outcome is Outcome.FAILED:
        assert result.reason.endswith(f"found {name}={value} for role reports in database all")


DATA = "/var/lib/postgresql/15/main"


@pytest.mark.parametrize(
    ("reading", "outcome", "at"),
    [
        ({"own": mount(DATA, "xfs"), "below": []}, Outcome.PASSED, ""),
        ({"own": mount("/var/lib", "tmpfs"), "below": []}, Outcome.FAILED, "/var/lib"),
        (
            {"own": mount("/", "ext4"), "below": [mount(f"{DATA}/pg_wal", "tmpfs")]},
            Outcome.FAILED,
            f"{DATA}/pg_wal",
        ),
        (
            {"own": mount("/", "ext4"), "below": [mount(f"{DATA}/pg_stat_tmp", "tmpfs")]},
            Outcome.PASSED,
            "",
        ),
    ],
)
def test_what_data_lie_on(
    healthy: Recording, reading: dict[str, Any], outcome: Outcome, at: str
) -> None:
    """A disk, whole: of what lies in memory only statistics may be lost."""
    subject = member(healthy, primary=False)
    change = reading.items()
    found = altered(healthy, "storage", lambda old: old.update(change), of=subject)
    result = asked("PG-010", found, subject)
    assert result.outcome is outcome
    if outcome is Outcome.FAILED:
        wanted = f"{subject}: expected file system at {at} to be none of ramfs, tmpfs, found tmpfs"
        assert result.reason == wanted


def test_data_that_nobody_looked_for_are_not_green(healthy: Recording) -> None:
    """Without SSH to the member's machine nothing is known of its disks."""
    subject = member(healthy, primary=False)
    seen = tuple(one for one in healthy.observations if one["source"] != "storage")
    found = replace(healthy, observations=seen, known={})
    assert asked("PG-010", found, subject).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("primary", [True, False])
def test_a_server_whose_sessions_begin_read_only_is_red(
    healthy: Recording, *, primary: bool
) -> None:
    """On the primary nobody can write; on a standby nobody could after the next failover."""
    subject = member(healthy, primary=primary)
    result = asked(
        "PG-001", altered(healthy, "postgresql", given(READ_ONLY, "on"), of=subject), CLUSTER
    )
    assert result.outcome is Outcome.FAILED
    assert result.reason == f"{subject}: expected {READ_ONLY} to be off, found on"


@pytest.mark.parametrize(
    ("change", "outcome", "reason"),
    [
        (override(READ_ONLY, "on", writes=False), Outcome.PASSED, ""),
        (override(READ_ONLY, "off", writes=True), Outcome.PASSED, ""),
        (
            override(READ_ONLY, "on", writes=True, database="elsewhere"),
            Outcome.PASSED,
            "",
        ),
        (
            override(READ_ONLY, "on", writes=True),
            Outcome.FAILED,
            "sessions that can only read to be none, found role reports in database all",
        ),
        (
            override(READ_ONLY, "on", "", writes=True, database="paws360"),
            Outcome.FAILED,
            "sessions that can only read to be none, found role all in database paws360",
        ),
        (override(READ_ONLY, "on"), Outcome.INCONCLUSIVE, "sessions that can only read"),
        (
            override(READ_ONLY, "on", "readiness_observe", writes=False),
            Outcome.INCONCLUSIVE,
            "hidden by what readiness_observe is given",
        ),
        (without(READ_ONLY), Outcome.INCONCLUSIVE, READ_ONLY),
    ],
)
def test_who_begins_read_only(
    healthy: Recording, change: Change, outcome: Outcome, reason: str
) -> None:
    """It is red for who may write there; what our login itself is given hides the server's."""
    result = asked("PG-001", altered(healthy, "postgresql", change), CLUSTER)
    assert result.outcome is outcome
    assert reason in result.reason


def learner(name: str) -> Change:
    """A member list in which one has no vote."""

    def change(reading: dict[str, Any]) -> None:
        for one in reading["members"]:
            one["learner"] = one["name"] == name
        reading["status"]["learner"] = reading["status"]["member_id"] in {
            one["member_id"] for one in reading["members"] if one["learner"]
        }

    return change


def test_a_declared_member_without_a_vote_is_red(healthy: Recording) -> None:
    """It says that it is healthy, and every member lists it."""
    result = asked("PG-009", altered(healthy, "etcd", learner("db2")), CLUSTER)
    assert result.outcome is Outcome.FAILED
    assert result.reason == (
        "paws360-db: expected members that vote to include db1, db2, db3, found db1, db3"
    )


def test_one_list_in_which_it_has_no_vote_is_enough(healthy: Recording) -> None:
    """Who is behind may still list it as it was."""
    found = altered(healthy, "etcd", learner("db2"), of="etcd/db1")
    assert asked("PG-009", found, CLUSTER).outcome is Outcome.FAILED


def test_a_learner_is_no_healthy_member(healthy: Recording) -> None:
    """Three votes with one of them silent: a healthy learner beside them does not fill in."""

    def change(reading: dict[str, Any]) -> None:
        reading["members"].append({**reading["members"][0], "member_id": "9", "name": "db9"})
        reading["members"][-1]["learner"] = True

    found = altered(healthy, "etcd", change)
    found = altered(found, "etcd", lambda one: one["status"].update(member_id="9"), of="db3")
    result = asked("PG-009", found, CLUSTER)
    assert result.outcome is Outcome.FAILED
    assert result.reason == "paws360-db: expected healthy members of 3 at least 3, found 2"


def silent(seconds: float, at: str) -> Change:
    """Whoever sends to the standby at that address had no word of it for so long."""

    def change(reading: dict[str, Any]) -> None:
        for one in reading["replicas"]:
            if one["client_address"] == at:
                one["reply_time"] = reading["server_clock"] - seconds

    return change


@pytest.mark.parametrize("check", ["PG-002", "PG-003", "PG-007", "PG-012"])
@pytest.mark.parametrize(
    ("seconds", "interval", "timeout", "outcome"),
    [
        (10, "10", "60000", Outcome.PASSED),  # an idle site, just before the next word
        (19, "10", "60000", Outcome.PASSED),
        (21, "10", "60000", Outcome.FAILED),
        (35, "0", "60000", Outcome.PASSED),  # asked for a word after half a minute
        (45, "0", "60000", Outcome.FAILED),
        (1, "0", "0", Outcome.INCONCLUSIVE),
    ],
)
def test_d5_a_standby_that_was_not_heard_when_it_was_due_is_red(
    healthy: Recording, check: str, seconds: float, interval: str, timeout: str, outcome: Outcome
) -> None:
    """Both ends say `streaming`, and on an idle site every position agrees: the silence tells."""
    found = altered(healthy, "postgresql", given("wal_receiver_status_interval", interval))
    found = altered(found, "postgresql", given("wal_sender_timeout", timeout))
    leader, first, second = cast(healthy).values()
    at = healthy.environment.machine(first).addresses[0]
    found = altered(found, "postgresql", silent(seconds, at), of=leader)
    result = asked(check, found, f"{CLUSTER}/{first}")
    assert result.outcome is outcome, result
    if outcome is not Outcome.PASSED:
        assert f"seconds since {leader} had a word of it" in result.reason
    other = altered(healthy, "postgresql", silent(99, at), of=leader)
    assert asked(check, other, f"{CLUSTER}/{second}").outcome is Outcome.PASSED


QUORUM = "ANY 1 ({first},{second})"


def quorum(names: str) -> Change:
    """The primary's commits wait for some of its standbys, which all count as synchronous."""

    def change(reading: dict[str, Any]) -> None:
        given("synchronous_standby_names", names)(reading)
        for one in reading["replicas"]:
            one["sync_state"] = "quorum"

    return change


def wanting(recording: Recording, standbys: int) -> Recording:
    """An environment that declares so many synchronous standbys."""
    site = recording.environment
    (database,) = site.databases
    other = database.model_copy(update={"synchronous_standbys": standbys})
    return replace(recording, environment=site.model_copy(update={"databases": (other,)}))


@pytest.mark.parametrize(
    ("names", "declared", "reason"),
    [
        (QUORUM, 1, ""),
        ("ANY 2 ({first},{second})", 2, ""),
        (QUORUM, 2, "standbys that a commit waits for at least 2, found 1"),
        ("ANY 3 ({first},{second},db4)", 2, "of those that it waits for at least 3, found 2"),
        ("FIRST 1 ({first},{second})", 2, "standbys that a commit waits for at least 2, found 1"),
    ],
)
def test_d7_of_a_quorum_a_commit_waits_for_some(
    healthy: Recording, names: str, declared: int, reason: str
) -> None:
    """How many it waits for counts, and that as many are there."""
    who = cast(healthy)
    change = quorum(names.format(**who))
    found = altered(wanting(healthy, declared), "postgresql", change, of=who["leader"])
    result = asked("PG-004", found, CLUSTER)
    assert result.outcome is (Outcome.FAILED if reason else Outcome.PASSED), result
    assert reason in result.reason


def in_quorum(reading: dict[str, Any]) -> None:
    """As Patroni 4.1 lists members in quorum mode."""
    for one in reading["cluster"]["members"]:
        if one["role"] != "leader":
            one["role"] = "quorum_standby"


def tagged(tags: dict[str, Any]) -> Change:
    """A member of Patroni's with tags of its own."""
    return lambda one: one["status"]["tags"].update(tags)


@pytest.mark.parametrize(
    ("names", "barred", "outcome"),
    [
        (QUORUM, False, Outcome.PASSED),
        (QUORUM, True, Outcome.FAILED),
        ("ANY 2 ({first},{second})", True, Outcome.PASSED),
    ],
)
def test_d7_who_may_take_over_has_every_commit(
    healthy: Recording, names: str, outcome: Outcome, *, barred: bool
) -> None:
    """Where a commit waits for one of two, what the other one has may be on it alone."""
    found = altered(healthy, "patroni", in_quorum)
    who = cast(healthy)
    found = altered(found, "postgresql", quorum(names.format(**who)), of=who["leader"])
    if barred:
        tags = {"nofailover": True, "raw": {"nofailover": True}}
        found = altered(found, "patroni", tagged(tags), of=who["second"])
    result = asked("PG-006", found, CLUSTER)
    assert result.outcome is outcome, result


def test_d7_a_standby_that_received_and_does_not_replay_is_behind(healthy: Recording) -> None:
    """Since Patroni 4.1 `lag` is what was received; what counts for a takeover is the replay."""

    def change(reading: dict[str, Any]) -> None:
        for one in reading["cluster"]["members"]:
            if one["role"] == "sync_standby":
                one.update(lag=0, receive_lag=0, replay_lag=64 * 1024**2)

    result = asked("PG-006", altered(healthy, "patroni", change), CLUSTER)
    assert result.outcome is Outcome.FAILED
    assert "it lags too far" in result.reason


def following(host: str) -> Change:
    """A standby whose receiver names its primary so."""
    return lambda one: one["receiver"].update(sender_host=host)


@pytest.mark.parametrize(
    ("host", "outcome"),
    [
        ("{address}", Outcome.PASSED),
        ("{leader}", Outcome.PASSED),
        ("{leader}.example.org", Outcome.PASSED),
        ("{second}.example.org", Outcome.FAILED),
        ("{leader}1.example.org", Outcome.FAILED),
    ],
)
def test_b5_a_standby_that_follows_its_primary_by_name_is_green(
    healthy: Recording, host: str, outcome: Outcome
) -> None:
    """The name of the primary's machine, short or whole, is as good as its address."""
    who = cast(healthy)
    named = host.format(**who, address=healthy.environment.machine(who["leader"]).addresses[0])
    found = altered(healthy, "postgresql", following(named), of=who["first"])
    assert asked("PG-012", found, f"{CLUSTER}/{who['first']}").outcome is outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Unreachable("no route"), Outcome.FAILED),
        (TimedOut("no answer"), Outcome.FAILED),
        (AccessDenied("TLS refused us"), Outcome.INCONCLUSIVE),
        (NotUnderstood("no JSON"), Outcome.INCONCLUSIVE),
    ],
)
def test_b5_a_store_member_that_refuses_us_is_not_called_missing(
    healthy: Recording, error: ProbeError, outcome: Outcome
) -> None:
    """Our certificate may be the one that is wrong: nothing is known of that member."""
    with pytest.raises(AssertionError if outcome is Outcome.FAILED else type(error)):
        quorum_where_one_fails(healthy, error)


def test_b5_a_learner_that_refuses_us_is_told_by_the_others(healthy: Recording) -> None:
    """A learner does not list members: that it has no vote is what the others say."""
    found = altered(healthy, "etcd", learner("db2"))
    with pytest.raises(AssertionError):
        quorum_where_one_fails(found, NotUnderstood("rpc not supported for learner"))


def quorum_where_one_fails(recording: Recording, error: ProbeError) -> None:
    """Ask PG-009 where db2's store ends every question so."""
    suite = _module(ROOT / "suites/database/test_topology.py")
    cluster = subjects(recording.environment, "database_cluster")[CLUSTER]
    readings = {
        one["subject"]: Found(recording.reading(number), one["subject"], number)
        for number, one in enumerate(recording.observations)
        if one["source"] == "etcd"
    }

    def ask(_: object, member: StoreMember) -> Found[Any]:
        if member.machine.name == "db2":
            raise error
        return readings[member.id]

    suite.test_consensus_quorum(cluster, ask)


def without_store(recording: Recording, member: str, **told: object) -> Recording:
    """A member that answers /patroni at once, with what it says, and hangs on everything else."""
    subject = f"{CLUSTER}/{member}"
    (whole,) = (
        one
        for one in recording.observations
        if (one["subject"], one["source"]) == (subject, "patroni")
    )
    status = whole["reading"]["status"]
    said = {**status, "clock": status["dcs_last_seen"] + 3.0, **told}
    more = {"subject": subject, "source": "patroni-status", "reading": said}
    left = tuple(one for one in recording.observations if one is not whole)
    return replace(recording, observations=(*left, more), known={})


@pytest.mark.parametrize(
    ("told", "outcome", "reason"),
    [
        ({"cluster_unlocked": True}, Outcome.FAILED, "leader lock to be held, found free"),
        (
            {"dcs_last_seen": 1795748700, "clock": 1795748730.0},
            Outcome.FAILED,
            "seconds without its consensus store (the ttl is the limit) at most 20, found 30",
        ),
        # It is in touch, and still does not answer: nobody knows why.
        ({}, Outcome.INCONCLUSIVE, "nothing was recorded of patroni"),
        ({"clock": None}, Outcome.INCONCLUSIVE, "seconds without its consensus store"),
    ],
)
def test_d6_a_member_that_lost_its_store_is_red_by_its_own_word(
    healthy: Recording, told: dict[str, object], outcome: Outcome, reason: str
) -> None:
    """It says so at once, while what it would ask the store for never comes."""
    found = without_store(healthy, "db2", **told)
    result = asked("PG-008", found, "paws360-db/db2")
    assert result.outcome is outcome, result
    assert reason in result.reason
    assert asked("PG-008", found, "paws360-db/db3").outcome is Outcome.PASSED
