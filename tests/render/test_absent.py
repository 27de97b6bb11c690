"""Every need and every section: absent is red, unsaid is a question, and who needs it not is free.

The base is the rehearsal site with what only other sites of the lab have, so that it has
everything, under a run in which all that was asked is green; each case takes one thing out of its
file.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest
from stories import SEEN_RED, Bad, Story
from test_needs import OURS, clause, requiring, told

from readiness.catalogue.checks import Check, gaps
from readiness.judging.verdict import Verdict
from readiness.model.words import Decision, Json, Severity, Tier
from readiness.site.declared.machine import Machine
from readiness.site.documents import load_environment
from readiness.site.environment import Environment, SectionName
from readiness.site.kinds import KINDS
from readiness.site.needs import NEEDS, Why
from readiness.systems.token import Kind

ENVIRONMENTS = Path(__file__).parents[2] / "environments"


def written_in(name: str) -> Json:
    """The file of one of the lab's sites, as it is written."""
    read = load_environment(ENVIRONMENTS / f"{name}.yaml")
    written: Json = json.loads(read.model_dump_json(by_alias=True, exclude_unset=True))
    return written


def moved(part: Any, names: dict[str, str]) -> Any:
    """A part of another site's file under the names of machines and authorities here."""
    if isinstance(part, dict):
        return {key: moved(value, names) for key, value in part.items()}
    if isinstance(part, list):
        return [moved(one, names) for one in part]
    return names.get(part, part) if isinstance(part, str) else part


# What the watched site alone has.
WATCHING = ("metrics", "alerting", "dashboards", "runbooks")


def whole() -> Json:
    """The rehearsal site with logs, metrics, alerting, traces, an attack and a cluster."""
    site, logged, watched = written_in("lab"), written_in("logged"), written_in("watched")
    site["logs"] = moved(logged["logs"], {"log1": "mon1", "hall": "internal"})
    site["logs"][0]["ships"] = [one["name"] for one in site["machines"]]
    # There is a receiver by the name of its machine, which is called otherwise here, too.
    here = {"prom1": "mon1", "prom2": "backup1", "pager": "spare", "web1": "edge1"}
    site |= {name: moved(watched[name], here) for name in ("metrics", "alerting")}
    site["balancing"] = moved(written_in("balanced")["balancing"], {"web1": "app1"})
    site |= {name: moved(watched[name], here) for name in WATCHING}
    site["tracing"] = moved(written_in("traced")["tracing"], {"trace1": "mon1"})
    site["scans"] = written_in("forge")["scans"]
    # What small sites say of what runs, under no names of machines.
    small = written_in("small")
    for key in ("known_holes", "integrity"):
        site["hardening"][key] = small["hardening"][key]
    site["hardening"] |= {"services": {}, "alike": {}}
    site["secrets"] |= {"defaults": {}, "keys": {}, "ages": {"certificates": "398 d"}}
    here = {"desk1": "mon1", "198.18.55.66": "198.18.4.166", "2001:2:0:55::66": "2001:2:0:4::166"}
    site["intrusion"] = moved(written_in("guarded")["intrusion"], here)
    return site | {"clusters": written_in("cluster")["clusters"]}


LAB = whole()
PROVEN = dict.fromkeys(OURS, SEEN_RED)
CONTROL = "slo.objectives/objectives-consistent"
Change = Callable[[Json], object]


def lacking(change: Change) -> Json:
    """The rehearsal site's file with something taken out."""
    written = deepcopy(LAB) | {"release": "2026.2"}
    change(written)
    # What a file speaks of has to be in it.
    names = {one["name"] for one in written["listeners"]}
    for key in ("acme_challenges", "balancers", "load_tests", "pages", "tracing"):
        written[key] = [one for one in written[key] if one["listener"] in names]
    written["scans"] = [one for one in written.get("scans", []) if names >= set(one["listeners"])]
    bases = {one["name"] for one in written["databases"]}
    written["backups"] = [one for one in written["backups"] if one["database"] in bases]
    known = {one["name"] for one in written["balancers"]}
    written["balancing"] = [one for one in written["balancing"] if one["balancer"] in known]
    if not written["balancers"] or not bases:
        written.pop("audit", None)
    if "metrics" not in written:
        written.pop("alerting", None)
        written.pop("dashboards", None)
    return written


# As if the network might be scanned.
EVERY = {name: one.model_copy(update={"permission": None}) for name, one in OURS.items()}
# All that is asked in a run without a cut: of a cut the number of its trials would decide.
CHECKS = {name: one for name, one in EVERY.items() if one.tier is not Tier.DISRUPT}
Checks = dict[str, Check]


def run(
    folder: Path,
    environment: Json,
    bad: dict[str, Bad] | None = None,
    checks: Checks = CHECKS,
) -> Story:
    """A run over it in which all that was asked is green, but for what is bad."""
    parts: Json = {"matrix": PROVEN, "checks": checks, "tier": Tier.LOAD, "drills": False}
    story = Story(folder, environment=environment, bad=bad or {}, **parts)
    story.write()
    return story


def judged(folder: Path, environment: Json, *required: str, checks: Checks = CHECKS) -> Verdict:
    """The verdict under a policy of these clauses; who requires none of them is not blocked.

    Nothing that nobody could ask blocks by its severity.
    """
    story = run(folder, environment, checks=checks)
    free = story.verdict_under(requiring(CONTROL, blocking=tuple(Severity)))
    assert free.decision is Decision.GO, told(free)
    return story.verdict_under(requiring(CONTROL, *required))


def clauses_of(*checks: str) -> tuple[str, ...]:
    """Every clause that one of these checks serves."""
    return tuple(sorted({one for name in checks for one in OURS[name].clauses}))


@dataclass(frozen=True)
class Lack:
    """How a need is declared as absent, how it is not declared, and the key that is asked for."""

    key: str
    absent: Change | None = None
    unsaid: Change | None = None


def database(**more: object) -> Change:
    """The one database, altered; None takes a key out."""
    return lambda written: alter(written["databases"][0], more)


def cache(**more: object) -> Change:
    """The one cache, altered."""
    return lambda written: alter(written["caches"][0], more)


def logs(**more: object) -> Change:
    """The one central log, altered."""
    return lambda written: alter(written["logs"][0], more)


def balancing(**more: object) -> Change:
    """The drill of the one balancer, altered."""
    return lambda written: alter(written["balancing"][0]["drill"], more)


def cluster(**more: object) -> Change:
    """The one cluster, altered."""
    return lambda written: alter(written["clusters"][0], more)


def backups(**more: object) -> Change:
    """The backups, altered."""
    return lambda written: alter(written["backups"][0], more)


def restore(**more: object) -> Change:
    """The place for restores, altered."""
    return lambda written: alter(written["backups"][0]["restore"], more)


LISTED: Json = {
    "name": "dumps",
    "kind": "command",
    "database": LAB["databases"][0]["name"],
    "machine": "backup1",
    "user": "dumper",
    "list": ["/usr/local/bin/list-dumps"],
    "every": "4 min",
    "age": "5 min",
    "places": [{"machine": "backup1", "folder": "/srv/dumps", "user": "dumper"}],
}


def listed(*, beside: bool = False, **more: object) -> Change:
    """Backups that a command lists, in the place of pgBackRest's or beside them."""

    def change(written: Json) -> None:
        one = deepcopy(LISTED)
        alter(one, more)
        written["backups"] = [*(written["backups"] if beside else ()), one]

    return change


def alter(part: Json, more: Json) -> None:
    """Set keys; None takes one out."""
    part |= more
    for key in [name for name, value in more.items() if value is None]:
        del part[key]


def every_machine(key: str) -> Change:
    """Machines of which something is not said."""
    return lambda written: [one.pop(key, None) for one in written["machines"]]


def section(name: str, *, absent: bool) -> Change:
    """A whole section left out, or declared as absent."""

    def change(written: Json) -> None:
        if isinstance(written[name], list):
            written[name] = []
        else:
            del written[name]
        if name == "listeners":  # what is said of an application is said of its listener
            written["access"] = []
        if absent:
            written["absent"] = [name]

    return change


def nobody_signs_in(written: Json) -> None:
    """Nobody is declared, and nothing is said of anybody."""
    written["identities"] = []
    written.pop("audit", None)
    written["access"][0] |= {"roles": {}, "values": {}}
    written["pages"] = [one for one in written["pages"] if "as" not in one]


def no_shared_addresses(written: Json) -> None:
    """Every listener stays where it is."""
    for one in written["listeners"]:
        one.pop("shared_addresses", None)


def one_of(members: str) -> Change:
    """A balancer of which one machine is left, or one server behind it."""

    def change(written: Json) -> None:
        balancer = written["balancers"][0]
        balancer[members] = balancer[members][:1]

    return change


def ships_all_but(name: str) -> Change:
    """A machine of which nobody says that its lines reach a central log."""
    return lambda written: written["logs"][0]["ships"].remove(name)


NO_PATRONI = database(patroni=None, consensus=None)
# A drill asks the Sentinels who leads: a file that has one without them is refused.
NO_SENTINEL = cache(sentinel=None, failover=None)
NONE_FOR_CACHE = cache(sentinel=None, failover=None, automation="none")


def unsaid_of(name: str, key: str) -> Change:
    """A section that does not say something."""
    return lambda written: written[name].pop(key)


ROTATION = ("backends-in-rotation", "servers-as-declared")
LACKS = {
    "services": Lack("`services`", unsaid=every_machine("services")),
    "listens": Lack("`listens`", unsaid=every_machine("listens")),
    # Declared services are a reason to look: without SSH they are closed, and block.
    "ssh": Lack("`ssh`"),
    # So does one machine alone: of that there is a test of its own.
    "ssh everywhere": Lack("`ssh`"),
    "held services": Lack("`services`", unsaid=unsaid_of("hardening", "services")),
    "known holes": Lack("`known_holes`", unsaid=unsaid_of("hardening", "known_holes")),
    "integrity": Lack("`integrity`", unsaid=unsaid_of("hardening", "integrity")),
    "alike": Lack("`alike`", unsaid=unsaid_of("hardening", "alike")),
    "published logins": Lack("`defaults`", unsaid=unsaid_of("secrets", "defaults")),
    "shown keys": Lack("`keys`", unsaid=unsaid_of("secrets", "keys")),
    "ages of secrets": Lack("`ages`", unsaid=unsaid_of("secrets", "ages")),
    "balancer": Lack(
        "`balancers`", section("balancers", absent=True), section("balancers", absent=False)
    ),
    "scans": Lack("`scans`", section("scans", absent=True), section("scans", absent=False)),
    # Of a balancer that tells nothing about itself there is a test of its own.
    "statistics": Lack(
        "`balancers`", section("balancers", absent=True), section("balancers", absent=False)
    ),
    "identities": Lack("`identities`", unsaid=nobody_signs_in),
    "shared address": Lack(
        "`shared_addresses`", section("balancers", absent=True), no_shared_addresses
    ),
    "moved by keepalived": Lack(
        "`moved_by: keepalived`", unsaid=lambda written: written["balancers"][0].pop("moved_by")
    ),
    "standby": Lack("`members`", database(members=["db1"])),
    "synchronous standby": Lack("`synchronous_standbys`", database(synchronous_standbys=0)),
    "automation": Lack(
        "`patroni`", database(patroni=None, consensus=None, automation="none"), NO_PATRONI
    ),
    "any automation": Lack("`patroni`", unsaid=NO_PATRONI),
    "any sentinel": Lack("`sentinel`", unsaid=NO_SENTINEL),
    "consensus store": Lack(
        "`consensus`",
        database(patroni=None, consensus=None, automation="none"),
        database(consensus=None),
    ),
    "failover drill": Lack("`failover`", unsaid=database(failover=None)),
    "application login": Lack(
        "`clients`",
        unsaid=lambda written: written["databases"][0]["failover"]["pooled"].pop("clients"),
    ),
    "touch schema": Lack("`touch_schema`", unsaid=database(failover=None)),
    "touch login": Lack(
        "`touch`", unsaid=lambda written: written["databases"][0]["logins"].pop("touch")
    ),
    "application roles": Lack("`application`", unsaid=database(application=[])),
    "replication login": Lack("`replication_login`", unsaid=database(replication_login=None)),
    "backups": Lack("`backups`", section("backups", absent=True), section("backups", absent=False)),
    "restore": Lack("`restore`", unsaid=backups(restore=None)),
    "migrations": Lack("`migrations`", unsaid=restore(migrations=None)),
    "places": Lack("`places`", unsaid=listed(places=None)),
    "wal": Lack("`kind: pgbackrest`", unsaid=listed()),
    # Where others have the WAL, nothing is lacking.
    "no wal": Lack(""),
    "encryption": Lack("`encrypted`", backups(encrypted=False)),
    "replica": Lack("`members`", cache(members=["cache1"])),
    "sentinel": Lack("`sentinel`", NONE_FOR_CACHE, NO_SENTINEL),
    "voters": Lack(
        "`machines`",
        lambda written: written["caches"][0]["sentinel"].update(machines=["cache1", "cache2"]),
    ),
    "cache failover drill": Lack("`failover`", NONE_FOR_CACHE, cache(failover=None)),
    "central log": Lack("`ships`", unsaid=ships_all_but("app2")),
    "log lines": Lack("`lines`", unsaid=logs(lines=None)),
    "log writer": Lack("`writer`", unsaid=logs(writer=None)),
    "log canaries": Lack("`never`", unsaid=logs(never=None)),
    "cluster traffic": Lack("`traffic`", unsaid=cluster(traffic=None)),
    "log drill": Lack("`drill`", unsaid=logs(drill=None)),
    "client seen": Lack("`seen`", unsaid=lambda written: written["balancing"][0].pop("seen")),
    "its shared address": Lack("`shared_addresses`", unsaid=no_shared_addresses),
    "broken servers": Lack("`breaking`", one_of("servers"), balancing(breaking=[])),
    "draining": Lack("`draining`", one_of("servers"), balancing(draining=None)),
    "lost servers": Lack("`application`", one_of("servers"), balancing(application=None)),
    "lost balancers": Lack("`balancer`", one_of("machines"), balancing(balancer=None)),
    "balanced writes": Lack("`writes`", unsaid=balancing(writes=None)),
}
# An automation that is absent takes its store and its drill with it, and the key to declare is the
# automation's.
KEYS_WHERE_ABSENT = {
    "consensus store": "`patroni`",
    "shared address": "`balancers`",
    "cache failover drill": "`sentinel`",
    **dict.fromkeys(("broken servers", "draining", "lost servers"), "`servers`"),
    "lost balancers": "`machines`",
}
ABSENT = sorted(name for name, lack in LACKS.items() if lack.absent)
UNSAID = sorted(name for name, lack in LACKS.items() if lack.unsaid)


def needing(name: str, checks: Checks = CHECKS) -> tuple[str, ...]:
    """The checks that need it."""
    return tuple(sorted(one.id for one in checks.values() if name in one.declared))


def asked_for(name: str) -> Checks:
    """What is asked in a run about a need: drills, too, where they alone need it.

    Where it is lacking there is no cut, so that no trials decide.
    """
    return CHECKS | ({} if needing(name) else {one: EVERY[one] for one in needing(name, EVERY)})


def test_a2_every_need_stands_in_the_table() -> None:
    """A need that is added has to say how it is absent, and how it is not declared."""
    assert set(LACKS) == set(NEEDS)


def test_a2_the_whole_site_is_a_go(tmp_path: Path) -> None:
    """The control: with everything declared each clause that a need is about holds."""
    wanted = clauses_of(*(one for name in NEEDS for one in needing(name)))
    written = lacking(lambda _: None)
    assert gaps(EVERY, Environment.model_validate_json(json.dumps(written))) == {}
    verdict = judged(tmp_path, written, *wanted)
    assert {name: clause(verdict, name).status for name in wanted} == dict.fromkeys(wanted, "held")
    assert verdict.decision is Decision.GO


def test_an_observed_balancer_shows_each_server_and_not_which_it_has_besides(
    tmp_path: Path,
) -> None:
    """Who answers is evidence for each server; a forgotten one may answer nobody yet."""
    written = lacking(
        lambda site: site["balancers"][0].update(
            kind="observed", status=None, backend="", others=[]
        )
    )
    each, whole = (f"infra.load-balancer/{name}" for name in ROTATION)
    verdict = judged(tmp_path, written, each, whole)
    assert clause(verdict, each).status == "held"
    assert clause(verdict, whole).status == "not-run"
    assert "`status` of the balancer portal" in told(verdict)


@pytest.mark.parametrize("name", ABSENT)
def test_a2_b3_what_is_declared_as_absent_fails_every_clause_about_it(
    tmp_path: Path, name: str
) -> None:
    """Each with a reason, and the key stands below."""
    lack, asked = LACKS[name], asked_for(name)
    checks = needing(name, asked)
    assert lack.absent is not None
    written = lacking(lack.absent)
    verdict = judged(tmp_path, written, *clauses_of(*checks), checks=asked)
    assert verdict.decision is Decision.NO_GO
    # Of which the check has a subject: a section that is absent has none for a need to be about.
    found = gaps(asked, Environment.model_validate_json(json.dumps(written)))
    about = [one for one in checks if any(key.startswith(f"{one}|") for key in found)]
    assert about
    for identity in clauses_of(*about):
        assert clause(verdict, identity).status == "failed", identity
        assert clause(verdict, identity).reason
    key = KEYS_WHERE_ABSENT.get(name, lack.key)
    declared = {gap.declare for one, gap in found.items() if one.partition("|")[0] in checks}
    assert any(key in one for one in declared), declared
    assert any(one in told(verdict) for one in declared), told(verdict)


@pytest.mark.parametrize("name", UNSAID)
def test_a2_b3_what_is_not_declared_is_asked_for_by_its_key(tmp_path: Path, name: str) -> None:
    """Neither green nor red: inconclusive, with the key."""
    lack, asked = LACKS[name], asked_for(name)
    checks = needing(name, asked)
    assert checks
    assert lack.unsaid is not None
    verdict = judged(tmp_path, lacking(lack.unsaid), *clauses_of(*checks), checks=asked)
    assert verdict.decision is Decision.INCONCLUSIVE
    for identity in clauses_of(*checks):
        assert clause(verdict, identity).status in {"not-run", "unproven"}, identity
    assert lack.key in told(verdict)


def test_b3_one_machine_without_ssh_leaves_open_what_is_about_every_machine(
    tmp_path: Path,
) -> None:
    """It is declared, so that it blocks: the question names the machine whose key is missing."""

    def change(written: Json) -> None:
        next(one for one in written["machines"] if one["name"] == "edge2")["ssh"] = False
        written["firewall"]["vantage_points"].remove("edge2")

    wanted = clauses_of(*needing("ssh everywhere"))
    assert wanted
    verdict = run(tmp_path, lacking(change)).verdict_under(requiring(CONTROL, *wanted))
    assert verdict.decision is Decision.INCONCLUSIVE
    for identity in wanted:
        assert clause(verdict, identity).status in {"not-run", "unproven"}, identity
    assert "`ssh: true` for the machine edge2" in told(verdict)


@pytest.mark.parametrize("last", [False, True])
def test_what_is_closed_is_told_wherever_its_machine_stands(*, last: bool) -> None:
    """A machine of which nothing is declared, before or after those that nobody may look at."""

    def change(written: Json) -> None:
        written.pop("ssh")
        bare = written["machines"].pop(0)
        for key in ("services", "listens"):
            bare.pop(key, None)
        written["machines"].insert(len(written["machines"]) if last else 0, bare)

    written = lacking(change)
    environment = SimpleNamespace(
        ssh=None,
        machines=[Machine.model_validate_json(json.dumps(one)) for one in written["machines"]],
    )
    gap = NEEDS["ssh everywhere"](cast("Any", environment), None)
    assert gap is not None
    assert gap.why is Why.CLOSED


NOBODY = database(patroni=None, consensus=None, automation="none")


@pytest.mark.parametrize(
    ("change", "clause_id", "spared"),
    [
        (NOBODY, "slo.objectives/settings-consistent", f"OBJ-002|{LAB['databases'][0]['name']}"),
        (
            NONE_FOR_CACHE,
            "infra.cache/topology-as-declared",
            f"CACHE-002|{LAB['caches'][0]['name']}",
        ),
        (listed(beside=True), "ops.backup/wal-continuous", "BKP-017|dumps"),
        (listed(beside=True), "slo.objectives/settings-consistent", "OBJ-005|dumps"),
    ],
)
def test_a2_b3_what_a_clause_is_whole_without_is_left_to_its_other_checks(
    tmp_path: Path, change: Change, clause_id: str, spared: str
) -> None:
    """They decide, red or green; the case that there is not is none of its cases."""
    found = clause(judged(tmp_path, lacking(change), clause_id), clause_id)
    assert (found.status, spared in found.cases) == ("held", False)
    (tmp_path / "red").mkdir()
    other = found.cases[0]
    story = run(tmp_path / "red", lacking(change), {other: Bad()})
    verdict = story.verdict_under(requiring(CONTROL, clause_id))
    assert (verdict.decision, clause(verdict, clause_id).status) == (Decision.NO_GO, "failed")


def test_a2_a_clause_that_nobody_else_answers_fails(tmp_path: Path) -> None:
    """Without backups nothing is left that says that settings fit the objectives."""

    def change(written: Json) -> None:
        NOBODY(written)
        section("backups", absent=False)(written)

    name = "slo.objectives/settings-consistent"
    found = clause(judged(tmp_path, lacking(change), name), name)
    assert found.status in {"failed", "unproven"}
    assert found.reason


KINDS_OF = {
    name: [kind for kind, one in KINDS.items() if one.section == name]
    for name in get_args(SectionName)
}


@pytest.mark.parametrize("absent", [True, False])
@pytest.mark.parametrize("name", get_args(SectionName))
def test_a2_b3_every_section_may_be_absent_or_unsaid(
    tmp_path: Path, name: str, *, absent: bool
) -> None:
    """Each clause of a check about such a part: failed, or a question that names the section."""
    written = lacking(section(name, absent=absent))
    # Of a section that only a drill asks about, its drill, which has nothing to do here.
    of = [one.id for one in EVERY.values() if one.each in KINDS_OF[name]]
    checks = [one for one in of if one in CHECKS] or of
    # Of a section whose parts are judged together, the check that asks for it.
    checks = checks or [one.id for one in EVERY.values() if name in one.declared]
    assert checks
    asked = CHECKS | {one: EVERY[one] for one in checks}
    verdict = judged(tmp_path, written, *clauses_of(*checks), checks=asked)
    assert verdict.decision is (Decision.NO_GO if absent else Decision.INCONCLUSIVE)
    words = name.replace("_", " ")
    for identity in clauses_of(*checks):
        found = clause(verdict, identity)
        if absent:
            assert (found.status, words in found.reason) == ("failed", True), identity
        else:
            assert found.status in {"not-run", "unproven"}, identity
    assert f"`{name}`" in told(verdict) or absent


ROTA = Kind("rota", "rotas", lambda site: {one.name: one for one in site.machines})


@pytest.mark.parametrize(
    ("instead_of", "declared", "status"),
    [
        ("caches", "caches", "held"),
        ("caches", "rotas", "held"),
        ("caches", "both", "held"),
        ("caches", "neither", "unproven"),
        ("", "caches", "unproven"),
        ("", "rotas", "unproven"),
        ("databases", "caches", "unproven"),
    ],
)
def test_what_stands_in_for_another_is_needed_only_where_it_is_declared(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    instead_of: str,
    declared: str,
    status: str,
) -> None:
    """Another cache takes no clause from who has this one; of two that are there both must hold."""
    kind = replace(ROTA, instead_of=instead_of)
    if declared in {"caches", "neither"}:
        kind = replace(kind, of=lambda _: {})
    monkeypatch.setitem(cast("dict[str, Any]", KINDS), kind.name, kind)
    identity = "infra.cache/authentication"
    other = CHECKS["CACHE-009"].model_copy(update={"id": "ROTA-001", "each": kind.name})
    monkeypatch.setitem(CHECKS, other.id, other)
    monkeypatch.setitem(PROVEN, other.id, SEEN_RED)
    without = section("caches", absent=False)
    written = lacking(without if declared in {"rotas", "neither"} else lambda _: None)
    story = run(tmp_path, written)
    found = clause(story.verdict_under(requiring(CONTROL, identity)), identity)
    assert found.status == status, found.reason
    if status == "held" and declared != "caches":
        (tmp_path / "red").mkdir()
        red = next(key for key in found.cases if key.startswith(other.id))
        story = run(tmp_path / "red", written, {red: Bad()})
        found = clause(story.verdict_under(requiring(CONTROL, identity)), identity)
        assert found.status == "failed"


def test_a2_why_has_no_other_kind() -> None:
    """A new kind of gap has to be thought of here."""
    assert set(Why) == {Why.ABSENT, Why.SPARED, Why.UNDECLARED, Why.CLOSED}
