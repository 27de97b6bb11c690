"""Sites with less than the lab: no Patroni, no store, no Sentinel, one member, no backups.

What the healthy lab said is put again to the checks, under a file that declares less of it.
"""

import hashlib
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from replay import Recording, Result, altered, cases, load, replay_all

from readiness.catalogue.checks import gaps, load_catalogue
from readiness.model.words import Case, Json, Outcome, Tier
from readiness.session.plan import make_plan
from readiness.site.environment import Environment
from readiness.site.needs import Why
from readiness.systems.postgres.reading.state import GIVEN_BY_PATRONI

Declare = Callable[[Json], object]
CLUSTER = "paws360-db"
ON_PATRONI = {"OBJ-002", "PG-005", "PG-006", "PG-008", "PG-009"}
ON_SENTINEL = {"CACHE-002", "CACHE-003", "CACHE-005", "CACHE-012"}


@pytest.fixture(scope="module")
def healthy() -> Recording:
    """What an observe run of the healthy lab saw."""
    return load("healthy")


def declared(recording: Recording, *changes: Declare) -> Recording:
    """The same answers, under a file that was changed."""
    written = json.loads(recording.environment.model_dump_json(by_alias=True, exclude_unset=True))
    for change in changes:
        change(written)
    return replace(recording, environment=Environment.model_validate_json(json.dumps(written)))


def bare(written: Json, *, automation: str | None = None) -> None:
    """No automation anywhere: declared as none, or not declared."""
    for part in (*written["databases"], *written["caches"]):
        # The program that tries replication anew asks Patroni with what it would follow others.
        for key in ("patroni", "consensus", "sentinel", "replication_login"):
            part.pop(key, None)
        if automation:
            part["automation"] = automation
    for part in written["caches"]:
        part.pop("failover", None)  # a drill asks the Sentinels who leads


def without_automation(recording: Recording, automation: str | None = None) -> Recording:
    """The lab as it would be without Patroni and Sentinel: nobody answers for them."""
    silent = ("patroni", "patroni-status", "etcd", "sentinel")
    kept = tuple(one for one in recording.observations if one["source"] not in silent)
    fewer = replace(recording, observations=kept, known={})
    return declared(by_hand(fewer), lambda written: bare(written, automation=automation))


def by_hand(recording: Recording) -> Recording:
    """Servers whose settings nobody gives on the command line."""
    line = {"value": "", "unit": "", "source": "configuration file", "pending_restart": False}
    given = {name: {"name": name, **line} for name in GIVEN_BY_PATRONI}

    def alter(reading: Any) -> None:
        reading["settings"].update(deepcopy(given))

    return altered(recording, "postgresql", alter)


def ended(recording: Recording, *checks: str) -> dict[str, Result]:
    """How the cases of these checks, or all, end; those that the plan lets run."""
    lacking = gaps(load_catalogue(), recording.environment)
    some = [
        case
        for case in cases(recording)
        if case.key not in lacking and (not checks or case.check in checks)
    ]
    return {one.case.key: one for one in replay_all(recording, some)}


def one(recording: Recording, check: str, subject: str) -> Result:
    """How one case ends."""
    return replay_all(recording, [Case(check, subject)])[0]


@pytest.mark.parametrize("automation", [None, "none"])
def test_a2_without_automation_the_servers_answer_for_themselves(
    healthy: Recording, automation: str | None
) -> None:
    """Every case that still has something to ask ends as in the lab with its automation."""
    recording = without_automation(healthy, automation)
    lacking = gaps(load_catalogue(), recording.environment)
    # Those that are cases with an automation: without one they have nothing to ask.
    observed = {case.key for case in cases(healthy)} & lacking.keys()
    observed = {name for name in observed if not name.startswith("PG-027|")}
    assert {name.partition("|")[0] for name in observed} == ON_PATRONI | ON_SENTINEL
    for name in observed:
        spared = Why.SPARED if name.partition("|")[0] in {"CACHE-002", "OBJ-002"} else Why.ABSENT
        assert lacking[name].why is (spared if automation else Why.UNDECLARED)
    found = ended(recording)
    wrong = {name: one.reason for name, one in found.items() if one.outcome is not Outcome.PASSED}
    # The lab's standbys were promoted once since the first backup.
    assert set(wrong) <= {"BKP-005|paws360-backup"}, wrong


def test_a2_the_primary_is_who_is_not_in_recovery(healthy: Recording) -> None:
    """Three of them are three primaries, whoever else could say so."""
    recording = without_automation(healthy, "none")
    thrice = altered(recording, "postgresql", lambda one: one.update(in_recovery=False))
    result = one(thrice, "PG-001", CLUSTER)
    wanted = f"{CLUSTER}: expected primaries to be 1, found 3"
    assert (result.outcome, result.reason) == (Outcome.FAILED, wanted)


@pytest.mark.parametrize("automation", [None, "none"])
def test_a2_patroni_that_is_not_declared_is_found(
    healthy: Recording, automation: str | None
) -> None:
    """The lab's own answers, under a file without Patroni: its settings tell who started it."""
    recording = declared(healthy, lambda written: bare(written, automation=automation))
    result = one(recording, "PG-011", CLUSTER)
    assert result.outcome is Outcome.FAILED
    assert "started by a Patroni that is not declared to be no, found yes" in result.reason
    assert ended(recording, "PG-001")[f"PG-001|{CLUSTER}"].outcome is Outcome.PASSED


def leading(recording: Recording, *, instead: bool = False) -> str:
    """The machine that was the primary when it was recorded, or another member."""
    found = [
        one["subject"].partition("/")[2]
        for one in recording.observations
        if one["source"] == "postgresql" and one["reading"]["in_recovery"] is instead
    ]
    return str(min(found))


def alone(written: Json, member: str) -> None:
    """One server and one Redis, with nothing that would take over."""
    bare(written, automation="none")
    database, cache = written["databases"][0], written["caches"][0]
    database["members"], cache["members"] = [member], ["cache1"]
    database.pop("failover")


def single(healthy: Recording, *changes: Declare) -> Recording:
    """The lab's primary and its master as if they had always been alone, and were declared so."""

    def forgets(reading: Any) -> None:
        reading.update(replicas=[], slots=[])
        reading["settings"]["synchronous_standby_names"]["value"] = ""

    def leads(reading: Any) -> None:
        reading.update(role="master", followers=[], link=None, good_replicas=None)

    recording = altered(without_automation(healthy), "postgresql", forgets)
    first: Declare = lambda written: alone(written, leading(healthy))  # noqa: E731
    return declared(altered(recording, "redis", leads, of="cache1"), first, *changes)


def test_a2_a_single_server_and_a_single_redis_are_judged(healthy: Recording) -> None:
    """What is about redundancy is a gap that was declared; everything else is asked, and green."""
    recording = single(healthy)
    lacking = gaps(load_catalogue(), recording.environment)
    gone = {
        name.partition("|")[0]
        for name, gap in lacking.items()
        if gap.why in {Why.ABSENT, Why.SPARED}
    }
    observed = {one for one in gone if load_catalogue()[one].tier is Tier.OBSERVE}
    taking_over = {
        "PG-002",
        "PG-003",
        "PG-004",
        "PG-007",
        "PG-012",
        "PG-027",
        "CACHE-004",
        "CACHE-006",
    }
    assert observed == ON_PATRONI | ON_SENTINEL | taking_over
    found = ended(recording)
    wrong = {name: one.reason for name, one in found.items() if one.outcome is not Outcome.PASSED}
    assert set(wrong) <= {"BKP-005|paws360-backup"}, wrong
    asked = {one.case.check for one in found.values()}
    assert asked >= {"PG-001", "PG-010", "PG-011", "PG-025", "CACHE-001", "CACHE-007", "CACHE-009"}


def history(timeline: int) -> Declare:
    """A primary that writes this timeline."""
    return lambda reading: reading.update(timeline=timeline)


def on(timeline: int) -> Declare:
    """Segments of which every one is of this timeline."""

    def alter(reading: Any) -> None:
        for segment in reading["segments"]:
            segment["name"] = f"{timeline:08X}{segment['name'][8:]}"

    return alter


def test_a2_wal_is_whole_by_the_servers_own_word(healthy: Recording) -> None:
    """One timeline since the oldest backup needs no history; of another nothing tells the end."""
    recording = single(healthy)
    (found,) = [one for one in recording.observations if one["source"] == "repository"]
    oldest = min(one["first_wal"] for one in found["reading"]["stanza"]["backups"])
    begun = int(oldest[:8], 16)
    for source in ("repository", "archiving"):
        recording = altered(recording, source, on(begun))
    recording = altered(recording, "postgresql", history(begun))
    assert one(recording, "BKP-005", "paws360-backup").outcome is Outcome.PASSED

    def loses(reading: Any) -> None:
        reading["segments"] = [one for one in reading["segments"] if one["name"] != oldest]

    gone = altered(altered(recording, "repository", loses), "archiving", loses)
    result = one(gone, "BKP-005", "paws360-backup")
    assert result.outcome is Outcome.FAILED
    assert f"to be none, found {oldest}" in result.reason
    promoted = altered(recording, "postgresql", history(begun + 7))
    result = one(promoted, "BKP-005", "paws360-backup")
    assert result.outcome is Outcome.INCONCLUSIVE
    assert f"the oldest backup is of timeline {begun}, {begun + 7} is written now" in result.reason


def standby(name: str) -> Json:
    """A line of pg_stat_replication that nobody declared."""
    lags = dict.fromkeys(("write_lag", "flush_lag", "replay_lag", "reply_time"))
    places = dict.fromkeys(("sent", "written", "flushed", "replayed"), 1)
    return {
        "application_name": name,
        "client_address": "203.0.113.7",
        "state": "streaming",
        "sync_state": "async",
        **places,
        **lags,
    }


def follower() -> Json:
    """A replica that nobody declared."""
    return {"address": "203.0.113.7", "port": 6379, "state": "online", "offset": 1, "lag": 0}


def link(reading: Any) -> None:
    """A Redis that follows somebody."""
    reading.update(role="slave")


FOUND: dict[str, tuple[str, Callable[[Any], object], str, str]] = {
    "a standby": (
        "postgresql",
        lambda one: one.update(replicas=[standby("stranger")]),
        f"PG-011|{CLUSTER}",
        "undeclared replication clients to be none, found stranger at 203.0.113.7",
    ),
    "a slot": (
        "postgresql",
        lambda one: one.update(
            slots=[
                {
                    "name": "left",
                    "kind": "physical",
                    "active": False,
                    "restart": 1,
                    "wal_status": "",
                }
            ]
        ),
        f"PG-011|{CLUSTER}",
        "undeclared replication slots to be none, found left",
    ),
    "a replica": (
        "redis",
        lambda one: one.update(followers=[follower()]),
        "CACHE-001|sessions",
        "replicas of the master to be none, found 203.0.113.7:6379",
    ),
    "a master": (
        "redis",
        link,
        "CACHE-001|sessions",
        "masters",
    ),
}


@pytest.mark.parametrize("what", FOUND)
def test_a2_what_is_found_beside_a_single_server_is_a_finding(
    healthy: Recording, what: str
) -> None:
    """A standby, a slot, a replica or a master of what is declared to be alone."""
    source, alter, key, reason = FOUND[what]
    recording = altered(single(healthy), source, alter)
    check, _, subject = key.partition("|")
    assert one(single(healthy), check, subject).outcome is Outcome.PASSED
    result = one(recording, check, subject)
    assert result.outcome is Outcome.FAILED
    assert reason in result.reason


def no_backups(written: Json) -> None:
    """No backups, on purpose."""
    written["backups"], written["absent"] = [], ["backups"]


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({}, Outcome.FAILED),
        ({"mode": "off"}, Outcome.PASSED),
        ({"configured": False}, Outcome.PASSED),
        ({"last_archived": ""}, Outcome.PASSED),
        # What is set where archive_mode is wanted for later: md5('/bin/true ').
        ({"digest": hashlib.md5(b"/bin/true ").hexdigest()}, Outcome.PASSED),  # noqa: S324
    ],
)
def test_a2_archived_wal_belies_that_there_are_no_backups(
    healthy: Recording, change: Json, outcome: Outcome
) -> None:
    """It goes somewhere, and nobody says where; a command that does nothing sends nothing."""
    recording = single(healthy, no_backups)
    recording = altered(recording, "archiving", lambda one: one.update(change))
    result = one(recording, "PG-011", CLUSTER)
    assert result.outcome is outcome, result.reason
    assert ("backups are declared as absent" in result.reason) is (outcome is Outcome.FAILED)


def test_a2_archiving_is_nobodys_finding_where_nobody_says_that_there_is_none(
    healthy: Recording,
) -> None:
    """Backups by another tool can't be declared yet: leaving them out says nothing."""
    recording = single(healthy, lambda written: written.update(backups=[]))
    assert one(recording, "PG-011", CLUSTER).outcome is Outcome.PASSED


def slots(reading: Any, *names: str, active: bool = True) -> None:
    """A server with these replication slots."""
    line = {"kind": "physical", "active": active, "restart": 1, "wal_status": "reserved"}
    reading["slots"] = [{"name": name, **line} for name in names]


def test_a2_a_standby_has_whatever_slot_it_receives_through(healthy: Recording) -> None:
    """Without Patroni a slot's name says nothing; who receives through it does."""
    recording = without_automation(healthy)

    def receives(reading: Any) -> None:
        if reading["receiver"]:
            reading["receiver"]["slot"] = f"slot_of_{reading['receiver']['slot']}"

    primary, standby = leading(recording), leading(recording, instead=True)
    own = f"slot_of_{standby}"
    recording = altered(recording, "postgresql", slots)
    recording = altered(recording, "postgresql", receives)
    leads = altered(recording, "postgresql", lambda one: slots(one, own), of=primary)
    assert one(leads, "PG-011", CLUSTER).outcome is Outcome.PASSED
    more = altered(recording, "postgresql", lambda one: slots(one, "left"), of=primary)
    assert one(more, "PG-011", CLUSTER).outcome is Outcome.FAILED
    # On a standby one may wait for a failover; one through which somebody receives does not.
    waits = altered(leads, "postgresql", lambda one: slots(one, "later", active=False), of=standby)
    assert one(waits, "PG-011", CLUSTER).outcome is Outcome.PASSED
    feeds = altered(leads, "postgresql", lambda one: slots(one, "now"), of=standby)
    assert one(feeds, "PG-011", CLUSTER).outcome is Outcome.FAILED
    # Whose it is can't be told while a standby receives nothing.
    away = altered(more, "postgresql", lambda one: one.update(receiver=None), of=standby)
    assert one(away, "PG-011", CLUSTER).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("automation", [None, "none"])
def test_a2_the_plan_says_what_can_not_be_asked(healthy: Recording, automation: str | None) -> None:
    """Before anything is asked, with the key that would let it run."""
    recording = without_automation(healthy, automation)
    plan = make_plan(load_catalogue(), recording.environment, Tier.DISRUPT)
    told = {case.case.key: (case.not_run, case.declare) for case in plan.cases}
    for key, (part, whom, name) in {
        f"PG-008|{CLUSTER}/db1": (f"the database {CLUSTER}", "a standby", "patroni"),
        f"PG-020|{CLUSTER}": (f"the database {CLUSTER}", "a standby", "patroni"),
        "CACHE-003|sessions": ("the cache sessions", "a replica", "sentinel"),
    }.items():
        site = part.rpartition(" ")[2]
        if automation:
            words = f"nothing would promote {whom} by itself: automation: none is declared"
            assert told[key] == (f"{site}: {words}", f"`{name}` of {part}")
        else:
            declare = f"`{name}`, or `automation: none`, of {part}"
            assert told[key] == (f"{site}: what promotes {whom} is not declared", declare)
