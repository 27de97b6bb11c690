"""The trial of an audit trail, against the stand-in portal on a real pair of servers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from local_portal import DATABASE, WORD, LocalPortal, local_portal
from local_postgres import NAME
from pki import hierarchy

from lab.app.portal import audit as trail
from lab.app.portal import web
from readiness.drills import append_only
from readiness.drills.audit_trial import READS, REFUSALS, AuditTrial, Trial
from readiness.drills.permit import Permit
from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.model.words import Case, Tier
from readiness.site.declared.audit import Audit
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.systems.audit import asking as audit_trail_asking
from readiness.systems.audit import reading as audit_trail
from readiness.systems.postgres.asking import session as postgres

TABLE = "audit.access_events"
PERMIT = Permit("run", Case("AUD-001", "records/app1"), Tier.TOUCH)
SITE = """
schema: 1
name: local
kind: rehearsal
zones: [here]
looks_from: here
authorities: {{local: "file:ca.pem"}}
machines:
  - {{name: app1, zone: here, role: app, addresses: [127.0.0.2]}}
  - {{name: {db}, zone: here, role: db, addresses: [127.0.0.1]}}
listeners:
  - name: portal
    protocol: https
    port: {port}
    machines: [app1]
    names: [portal.example.org]
    authority: local
balancers:
  - name: portal
    machines: [app1]
    listener: portal
    status: {{port: 7000}}
    backend: app
    servers: [app1]
    server_port: {port}
    page: {{path: /courses, contains: credits, served_by: X-Served-By}}
databases:
  - name: db
    database: paws360
    members: [{db}]
    port: {pg}
    authority: local
    synchronous_standbys: 0
    lag_bytes: 1 MiB
    lag_time: 10 s
    logins: {{observe: {{user: readiness_observe, password: "env:LOCAL_WORD"}}}}
    patroni: {{authority: local}}
    consensus: {{members: [{db}], authority: local}}
audit:
  name: records
  balancer: portal
  sign_in: {{path: /auth/login, end_path: /auth/logout}}
  official:
    id: "{official}"
    role: ADVISOR
    login: {{user: canary-advisor@example.test, password: "env:LOCAL_1"}}
  subject:
    id: "{subject}"
    role: STUDENT
    login: {{user: canary-student@example.test, password: "env:LOCAL_2"}}
  stranger:
    id: "{other}"
    role: STUDENT
    login: {{user: canary-classmate@example.test, password: "env:LOCAL_3"}}
  record:
    path: /api/profile/student/{{subject}}
    purpose: advising
    refused_purpose: none-on-file
  trail:
    database: db
    schema: audit
    table: access_events
    columns:
      request: request_id
      actor: actor_id
      actor_role: actor_role
      subject: subject_id
      time: occurred_at
      purpose: purpose
      outcome: outcome
      login: recorded_by
    granted: granted
    denied: denied
    reader: {{user: readiness_observe, password: "env:LOCAL_WORD"}}
    deadline: 1 s
  append_only:
    owner: portal_owner
    application: portal
    guards: [refuse_change, refuse_truncate]
    tester: {{user: readiness_audit, password: "env:LOCAL_WORD"}}
objectives:
  availability: 99.9
  recovery_time: 30 min
  recovery_point: 5 min
  database_recovery_time: 60 s
"""


@dataclass(frozen=True)
class Local:
    """The portal as the product is told of it."""

    portal: LocalPortal
    site: Environment
    folder: Path

    @property
    def audit(self) -> Audit:
        """What is declared of its trail."""
        assert self.site.audit is not None
        return self.site.audit

    def find(self, requests: Any) -> tuple[audit_trail.Event, ...]:
        """The events of some requests, by the login that only reads."""
        target = postgres.PostgresTarget(
            NAME,
            NAME,
            "127.0.0.1",
            self.portal.primary.port,
            DATABASE,
            "readiness_observe",
            self.portal.primary.ca_file,
        )
        with postgres.connect(target, WORD) as session:
            assert postgres.rights(session).only_looks
            return audit_trail_asking.events(session, audit_trail.table_of(self.audit), requests)

    def rights(self) -> audit_trail.TrailRights:
        """Who could change the trail."""
        target = self.portal.primary.target("readiness_observe", DATABASE)
        with postgres.connect(target, WORD) as session:
            return audit_trail_asking.rights(session, audit_trail.table_of(self.audit), "portal")

    def trial(self) -> tuple[Trial, tuple[str, ...]]:
        """What the one machine left, and the ids of the requests."""
        trial = AuditTrial(self.site, PERMIT, self.audit, self.find)
        return trial.run()["app1"], trial.requests

    def attempts(self, requests: tuple[str, ...]) -> append_only.Attempts:
        """What came of trying to change the trail."""

        def there() -> list[str]:
            return [str(one.parts["request"]) for one in self.find(requests)]

        tester = self.audit.append_only.tester.user
        target = self.portal.primary.target(tester, DATABASE)
        return append_only.attempt(self.site, PERMIT, self.audit, target, there)

    def sql(self, *statements: str) -> None:
        """Run statements as superuser."""
        self.portal.primary.execute(*statements, dbname=DATABASE)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """One portal for the whole module, which calls itself app1."""
    folder = tmp_path_factory.mktemp("site")
    authority = hierarchy()
    leaf = authority.leaf()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web, "SERVED_BY", "app1")
        with local_portal(authority, leaf.write(folder / "portal.pem", *leaf.above)) as portal:
            (folder / "ca.pem").write_bytes(authority.root.pem)
            patch.setenv("LOCAL_WORD", WORD)
            for number, who in enumerate(("advisor", "student", "classmate"), start=1):
                patch.setenv(f"LOCAL_{number}", portal.password(f"canary-{who}"))
            text = SITE.format(
                db=NAME,
                port=portal.port,
                pg=portal.primary.port,
                official=portal.ids["canary-advisor"],
                subject=portal.ids["canary-student"],
                other=portal.ids["canary-classmate"],
            )
            path = folder / "site.yaml"
            path.write_text(text)
            yield Local(portal, load_environment(path), folder)


def test_a_healthy_portal_leaves_one_right_event_each(local: Local) -> None:
    """Enough requests of each kind, each with one event, nothing wrong, no value, in time."""
    found, requests = local.trial()
    assert len(found.reads) >= READS
    assert min(len(found.own_reads), len(found.refusals)) >= REFUSALS
    assert len(set(requests)) == len(found.requests)
    for one in found.requests:
        assert (one.events, one.wrong, one.values) == (1, (), ())
        assert one.after is not None
    assert {one.status for one in found.refusals} == {403}
    assert found.slowest.n == len(found.requests)


def test_another_purpose_and_another_actor_are_wrong(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that are not as declared are named, never told."""
    monkeypatch.setattr(trail, "PURPOSES", {})
    monkeypatch.setattr(trail, "ANONYMOUS", "NOBODY")
    found, _ = local.trial()
    assert {one.wrong for one in found.reads} == {("purpose",)}
    assert {one.wrong for one in found.own_reads} == {()}


def test_events_behind_the_answer_are_missing(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that writes no event is found, whatever else is right."""
    monkeypatch.setattr(trail, "record", lambda *_: None)
    found, _ = local.trial()
    assert {(one.events, one.after) for one in found.requests} == {(0, None)}


def test_an_account_that_is_refused_proves_nothing(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password is no finding about the trail."""
    monkeypatch.setenv("LOCAL_3", "another")
    with pytest.raises(AccessDenied):
        local.trial()


def test_both_roles_are_refused_and_could_add_a_row(local: Local) -> None:
    """Each of three statements as each of two roles; nothing stays of it."""
    _, requests = local.trial()
    found = local.attempts(requests)
    assert found.controls == {"portal": "added", "portal_owner": "added"}
    assert len(found.attempts) == 6
    assert {one.outcome for one in found.attempts} == {"refused"}
    assert found.events_before == found.events_after == len(requests)


def test_an_owner_without_triggers_is_found_and_nothing_stays(local: Local) -> None:
    """With a trigger disabled the owner's changes are accepted, and rolled back."""
    _, requests = local.trial()
    local.sql(f"ALTER TABLE {TABLE} DISABLE TRIGGER refuse_change")
    try:
        found, rights = local.attempts(requests), local.rights()
    finally:
        local.sql(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER refuse_change")
    outcomes = {one.statement: one.outcome for one in found.of("portal_owner")}
    assert outcomes == {"UPDATE": "accepted", "DELETE": "accepted", "TRUNCATE": "refused"}
    assert {one.outcome for one in found.of("portal")} == {"refused"}
    assert found.events_before == found.events_after
    assert rights.guards["refuse_change"].state == "disabled"


def test_a_role_that_may_change_and_not_read_is_found(local: Local) -> None:
    """A WHERE that is refused for want of SELECT would hide that UPDATE is allowed."""
    _, requests = local.trial()
    local.sql(
        f"ALTER TABLE {TABLE} DISABLE TRIGGER refuse_change",
        f"GRANT UPDATE (purpose) ON {TABLE} TO portal",
    )
    try:
        found, rights = local.attempts(requests), local.rights()
    finally:
        local.sql(
            f"REVOKE UPDATE (purpose) ON {TABLE} FROM portal",
            f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER refuse_change",
        )
    outcomes = {one.statement: one.outcome for one in found.of("portal")}
    assert outcomes == {"UPDATE": "accepted", "DELETE": "refused", "TRUNCATE": "refused"}
    assert rights.application == ("INSERT", "UPDATE")
    # Whoever may become the application may do what it may.
    assert rights.others == ("portal", "readiness_audit")


def test_a_session_that_can_t_write_proves_nothing(local: Local) -> None:
    """A tester whose transactions are read-only is told by the control, not taken for a guard."""
    _, requests = local.trial()
    local.sql("ALTER ROLE readiness_audit SET default_transaction_read_only = on")
    try:
        found = local.attempts(requests)
    finally:
        local.sql("ALTER ROLE readiness_audit RESET default_transaction_read_only")
    assert set(found.controls.values()) == {"ended with 25006"}


def test_without_an_event_nothing_is_tried(local: Local) -> None:
    """A statement that hits no row would be refused by no trigger per row."""
    with pytest.raises(NotUnderstood, match="no event of ours"):
        local.attempts(("a request that nobody made",))


def test_a_view_in_the_table_s_place_is_told(local: Local) -> None:
    """Rows elsewhere and a view under the trail's name: the kind says so."""
    local.sql(
        f"ALTER TABLE {TABLE} RENAME TO elsewhere",
        f"CREATE VIEW {TABLE} AS TABLE audit.elsewhere",
        f"GRANT SELECT ON {TABLE} TO readiness_observe",
    )
    try:
        assert local.rights().kind == "view"
    finally:
        local.sql(f"DROP VIEW {TABLE}", "ALTER TABLE audit.elsewhere RENAME TO access_events")
