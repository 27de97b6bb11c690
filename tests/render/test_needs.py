"""What a file does not declare: absent is a finding, unsaid is a question, and neither is green."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from stories import CATALOGUE, ENVIRONMENT, POLICY, SEEN_RED, Bad, Story, Tell

from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.clauses import load_clauses
from readiness.judging.verdict import ClauseVerdict, Verdict
from readiness.model.errors import UsageError
from readiness.model.words import Decision, Json, Outcome, Severity, Tier
from readiness.render.document import document
from readiness.render.terminal import lines
from readiness.session.plan import make_plan
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.site.kinds import KINDS
from readiness.site.needs import NEEDS
from readiness.site.policy import Policy

HA = "infra.database-ha"
OURS = load_catalogue()
OBSERVING = {name: one for name, one in OURS.items() if one.tier is Tier.OBSERVE}
PROVEN = dict.fromkeys(OURS, SEEN_RED)
# Clauses about what takes over, of which a single member has nothing.
TAKING_OVER = {
    f"{HA}/{name}"
    for name in (
        "standbys-stream", "standbys-replay", "synchronous-standby", "lag-within-limits",
        "promotable", "not-barred", "standby-of-this-primary",
    )
}  # fmt: skip


def site(**more: object) -> Json:
    """The stories' environment, altered."""
    return deepcopy(ENVIRONMENT) | more


def one_member(**more: object) -> Json:
    """One database machine and no standby; `synchronous_standbys` left at its default."""
    found = site()
    found["databases"][0] |= {"members": ["db1"], "failover": None} | more
    return found


def requiring(*clauses: str, blocking: tuple[str, ...] = ()) -> Policy:
    """A policy of these clauses."""
    changed = {"required": list(clauses), "blocking_severities": list(blocking)}
    return Policy.model_validate_json(json.dumps(POLICY | changed))


def judged(folder: Path, environment: Json, policy: Policy, **parts: object) -> Verdict:
    """An observe run with our own catalogue in which everything that was asked is green."""
    story = Story(
        folder,
        environment=environment,
        policy=policy,
        matrix=PROVEN,
        drills=False,
        **({"tier": Tier.OBSERVE, "checks": OURS} | parts),  # type: ignore[arg-type]
    )
    return story.verdict()


def clause(verdict: Verdict, identity: str) -> ClauseVerdict:
    """What became of that clause."""
    return next(c for one in verdict.criteria for c in one.clauses if c.id == identity)


def told(verdict: Verdict) -> str:
    """What the terminal says, on one line."""
    return " ".join(" ".join(lines(document(verdict))).split())


def test_a2_one_member_has_nothing_that_takes_over(tmp_path: Path) -> None:
    """Each such clause fails with that sentence, though every check that was asked is green."""
    verdict = judged(tmp_path, one_member(), requiring(*sorted(TAKING_OVER)))
    assert verdict.decision is Decision.NO_GO
    for name in TAKING_OVER:
        found = clause(verdict, name)
        assert found.status == "failed"
        assert "student-db: nothing would take over: one member is declared" in found.reason
    assert "FAILED" in told(verdict)
    assert "`members` of the database student-db in environments/campus.yaml" in told(verdict)


def test_a2_no_clause_of_one_member_holds_but_what_it_shows_itself(tmp_path: Path) -> None:
    """What stays green about a single member is about that member, not about redundancy."""
    verdict = judged(tmp_path, one_member(), requiring(*sorted(TAKING_OVER)))
    held = {
        c.id
        for one in verdict.criteria
        for c in one.clauses
        if c.status == "held" and one.id in {HA, "test.failover"}
    }
    assert held == {
        f"{HA}/one-primary", f"{HA}/automation-active", f"{HA}/consensus-quorum",
        f"{HA}/durability-settings", f"{HA}/members-as-declared", f"{HA}/restart-safe",
    }  # fmt: skip


def test_a2_what_one_member_lacks_blocks_nobody_who_does_not_require_it(tmp_path: Path) -> None:
    """A healthy site with one database is no NO-GO by severity: its policy decides."""
    policy = requiring(f"{HA}/one-primary", blocking=("critical", "high"))
    here = one_member()
    here["permissions"] = {"tiers": ["observe"]}
    for machine in here["machines"]:
        machine["listens"] = ["22/tcp"]
    here["ssh"] = {"known_hosts": "file:hosts", "observe": {"user": "observer"}}
    verdict = judged(tmp_path, here, policy, checks=OBSERVING)
    assert (verdict.decision, told(verdict).count("in the way")) == (Decision.GO, 0)


@pytest.mark.parametrize("services", [(), ("chrony",)])
def test_b3_a_site_without_ssh_is_blocked_by_what_it_declares_only(
    tmp_path: Path, services: tuple[str, ...]
) -> None:
    """Clocks that nobody spoke of block nobody; declared services that can't be looked at do."""
    here = site(permissions={"tiers": ["observe"]})
    for machine in here["machines"]:
        machine["services"] = list(services)
    policy = requiring("sec.tls/chain", blocking=("critical", "high"))
    verdict = judged(tmp_path, here, policy, checks=OBSERVING)
    assert verdict.decision is (Decision.INCONCLUSIVE if services else Decision.GO)
    assert all(
        (one.outcome, one.declare) == (Outcome.NOT_RUN, "`ssh`")
        for one in verdict.cases
        if one.check.id == "HOST-002"
    )


def test_a2_no_synchronous_standby_is_a_finding_of_its_own(tmp_path: Path) -> None:
    """`synchronous_standbys: 0` says that no commit waits, and the clause fails by that."""
    here = site()
    here["databases"][0]["synchronous_standbys"] = 0
    verdict = judged(tmp_path, here, requiring(f"{HA}/synchronous-standby", f"{HA}/one-primary"))
    assert verdict.decision is Decision.NO_GO
    reason = clause(verdict, f"{HA}/synchronous-standby").reason
    assert "no commit waits for a standby: synchronous_standbys: 0 is declared" in reason
    assert clause(verdict, f"{HA}/standbys-stream").status == "held"


def test_a2_what_is_declared_as_absent_fails(tmp_path: Path) -> None:
    """`absent: [backups]` is an answer, and it is no."""
    policy = requiring("ops.backup/age", f"{HA}/one-primary")
    verdict = judged(tmp_path, site(absent=["backups"]), policy)
    assert verdict.decision is Decision.NO_GO
    assert "it is declared that there is none of its backups" in told(verdict)


def test_a2_what_is_not_declared_is_a_question_with_its_key(tmp_path: Path) -> None:
    """Nobody said whether there are backups: inconclusive, and what to declare."""
    verdict = judged(tmp_path, site(), requiring("ops.backup/age", f"{HA}/one-primary"))
    assert verdict.decision is Decision.INCONCLUSIVE
    assert clause(verdict, "ops.backup/age").status == "unproven"
    assert "declare `backups`" in told(verdict)


def test_a2_unencrypted_backups_are_a_finding(tmp_path: Path) -> None:
    """`encrypted: false` was not run, and blocked everybody or said nothing."""
    backup = {
        "name": "nightly",
        "database": "student-db",
        "repository": {"machine": "edge1", "path": "/var/lib/pgbackrest", "stanza": "main"},
        "timer": "backup.timer",
        "every": "1 d",
        "age": "2 d",
        "wal_age": "5 min",
        "encrypted": False,
    }
    ssh = {"known_hosts": "file:hosts", "observe": {"user": "observer"}}
    policy = requiring("ops.backup/encrypted", "ops.backup/age")
    verdict = judged(tmp_path, site(backups=[backup], ssh=ssh), policy)
    assert verdict.decision is Decision.NO_GO
    assert "encrypted: false is declared" in clause(verdict, "ops.backup/encrypted").reason
    assert clause(verdict, "ops.backup/age").status == "held"


def test_a2_an_exception_may_stand_in_for_what_is_absent(tmp_path: Path) -> None:
    """Nobody saw it fail: a GO may lean on an exception until the standby is there."""
    name = f"{HA}/standbys-stream"
    granted = {"clause": name, "reason": "Comes in spring.", "approver": "Ada Byron"}
    written = requiring(name, f"{HA}/one-primary").model_dump(mode="json", by_alias=True)
    written["exceptions"] = {"longest": "30000 d", "granted": [granted | {"expires": "2099-01-01"}]}
    written["evidence_age"] = {}
    policy = Policy.model_validate_json(json.dumps(written))
    verdict = judged(tmp_path, one_member(), policy)
    assert verdict.decision is Decision.GO
    assert clause(verdict, name).status == "not-applicable"


def test_a2_evidence_of_elsewhere_does_not_replace_what_is_absent_here(tmp_path: Path) -> None:
    """A standby of staging takes nothing over on production."""
    name = f"{HA}/standbys-stream"
    verdict = judged(tmp_path, one_member(), requiring(name))
    assert (clause(verdict, name).status, clause(verdict, name).looked) == ("failed", True)


def test_a2_what_is_absent_may_not_be_declared(tmp_path: Path) -> None:
    """Both at once is a slip."""
    path = tmp_path / "environment.yaml"
    path.write_text(json.dumps(site(absent=["databases"])))
    with pytest.raises(UsageError, match=r"absent\[0\].*no `databases`"):
        load_environment(path)


@pytest.mark.parametrize("members", [1, 2])
def test_a2_a_cache_of_one_is_no_error_of_the_file(tmp_path: Path, members: int) -> None:
    """A single Redis with a single Sentinel can be declared, and its clauses fail."""
    login = {"user": "look", "password": "env:PW"}
    names = ["db1", "db2"][:members]
    cache = {
        "name": "sessions",
        "members": names,
        "authority": "public",
        "login": login,
        "lag_bytes": "1 MiB",
        "lag_time": "30 s",
        "sentinel": {
            "machines": names,
            "watches": "sessions",
            "quorum": members // 2 + 1,
            "down_after": "10 s",
            "login": login,
        },
    }
    verdict = judged(tmp_path, site(caches=[cache]), requiring("infra.cache/replicas-follow"))
    wanted = "failed" if members == 1 else "held"
    for name in ("replicas-follow", "promotable", "isolated-master-stops"):
        assert clause(verdict, f"infra.cache/{name}").status == wanted
    assert clause(verdict, "infra.cache/quorum-on-distinct-hosts").status == "failed"
    assert clause(verdict, "infra.cache/topology-as-declared").status == "held"


def severe(tell: Tell, environment: Json, **parts: object) -> Verdict:
    """A run under a policy that requires one clause and blocks by severity besides."""
    policy = requiring("infra.database-ha/one-primary", blocking=("critical", "high"))
    checks = {
        "PG-001": CATALOGUE["PG-001"],
        "HOST-001": CATALOGUE["HOST-001"].model_copy(update={"declared": ("services",)}),
    }
    return tell(
        environment=environment, policy=policy, checks=checks, drills=False, **parts
    ).verdict()


def no_services(name: str = "db2") -> Json:
    """A machine for which no services are declared."""
    found = site()
    next(one for one in found["machines"] if one["name"] == name)["services"] = []
    return found


def test_b3_what_nothing_is_declared_of_does_not_block_by_severity(tell: Tell) -> None:
    """The check is severe and nobody requires it: there was nothing that it could ask about."""
    verdict = severe(tell, no_services())
    (case,) = [one for one in verdict.cases if one.outcome is Outcome.NOT_RUN]
    assert (case.case.key, case.check.severity) == ("HOST-001|db2", Severity.HIGH)
    assert (verdict.decision, document(verdict).blockers) == (Decision.GO, ())


@pytest.mark.parametrize("phase", ["failed", "error", "inconclusive", "not-run"])
def test_b3_every_other_ending_blocks_by_severity(tell: Tell, phase: str) -> None:
    """Failed, error, inconclusive, and not run for any other reason."""
    bad = {"HOST-001|db1": Bad(phase=phase, reason="db1: another run holds it")}
    verdict = severe(tell, no_services(), bad=bad)
    assert verdict.decision is (Decision.NO_GO if phase == "failed" else Decision.INCONCLUSIVE)
    assert document(verdict).blockers[0].cases == ("HOST-001|db1",)


def test_b3_a_tier_that_was_not_asked_for_blocks_by_severity(tell: Tell) -> None:
    """The drill is declared and was left out: that is no absence."""
    policy = requiring("infra.database-ha/one-primary", blocking=("critical",))
    drill = CATALOGUE["PG-020"].model_copy(update={"declared": ("failover drill",)})
    checks = {"PG-001": CATALOGUE["PG-001"], "PG-020": drill}
    verdict = tell(tier=Tier.OBSERVE, policy=policy, checks=checks).verdict()
    assert verdict.decision is Decision.INCONCLUSIVE
    assert "needs --tier disrupt" in told(verdict)


def test_b3_a_required_clause_asks_for_the_key(tell: Tell) -> None:
    """What is required and not declared is inconclusive, and names key and file."""
    policy = requiring("infra.hosts/services-up", "infra.database-ha/one-primary")
    checks = {
        "PG-001": CATALOGUE["PG-001"],
        "HOST-001": CATALOGUE["HOST-001"].model_copy(update={"declared": ("services",)}),
    }
    verdict = tell(environment=no_services(), policy=policy, checks=checks, drills=False).verdict()
    assert verdict.decision is Decision.INCONCLUSIVE
    assert "declare `services` of the machine db2 in environments/campus.yaml" in told(verdict)
    assert "so that this check is part of it" not in told(verdict)


def test_the_plan_promises_nothing_that_the_file_shows_can_not_run() -> None:
    """Known before anything is asked: no services, no SSH, no shared address, no balancer."""
    environment = Environment.model_validate_json(json.dumps(no_services()))
    plan = make_plan(OURS, environment, Tier.OBSERVE)
    why = {one.case.key: one.not_run for one in plan.cases}
    assert why["HOST-001|db2"] == "db2: no services are declared for it"
    assert why["HOST-002|db1"] == "the environment declares no SSH"
    for name in ("LB-003", "LB-004"):
        assert why[f"{name}|campus"].startswith("the environment declares no subject for it")
    assert not {"HOST", "LB"} & {one.check.id.partition("-")[0] for one in plan.runs}
    entry = next(one for one in plan.event()["cases"] if one["case"] == "HOST-001|db2")
    assert entry["declare"] == "`services` of the machine db2"


def test_every_kind_of_subject_has_its_section_and_every_need_its_check() -> None:
    """A kind whose section is no key would name none; a need of no check is dead."""
    keys = {one.section for name, one in KINDS.items() if name != "environment"}
    assert keys <= set(Environment.model_fields)
    assert {need for one in OURS.values() for need in one.declared} == set(NEEDS)


def test_taking_over_is_what_the_acceptance_list_says() -> None:
    """The clauses named above exist."""
    assert {c.id for one in load_clauses() for c in one.clauses} >= TAKING_OVER


@pytest.mark.parametrize("kept", [True, False])
def test_a_fresh_backup_is_unguarded_only_where_no_backups_are_declared(*, kept: bool) -> None:
    """The drill's guard looks at the backups that are declared for its database."""
    backup = {
        "name": "nightly",
        "database": "student-db",
        "repository": {"machine": "edge1", "path": "/var/lib/pgbackrest", "stanza": "main"},
        "timer": "backup.timer",
        "every": "1 d",
        "age": "2 d",
        "wal_age": "5 min",
    }
    written = site(backups=[backup] if kept else [])
    environment = Environment.model_validate_json(json.dumps(written))
    guards = make_plan(CATALOGUE, environment, Tier.DISRUPT).event()["not_guarded"]
    assert any("fresh backup before the cut of student-db" in one for one in guards) is not kept
    assert any("alert" in one for one in guards)


def test_a_suggested_command_can_be_run_as_it_is_printed(tell: Tell) -> None:
    """Policy and typed name are in it: without them it judges otherwise, or refuses."""
    production = site(name="campus", kind="production")
    unasked = tell(environment=production, tier=Tier.OBSERVE).verdict()
    (command,) = document(unasked).blockers[0].commands
    given = "--env environments/campus.yaml --policy 'site/go live.yaml'"
    assert command == f"readiness gate {given} --tier disrupt --confirm campus"
    only_looks = tell(environment=production, bad={"TLS-001|portal/edge1/v4": Bad()}).verdict()
    assert "--confirm" not in document(only_looks).blockers[0].commands[0]
