"""Whether who reads whose education record is on record, once, rightly, in time and for good."""

from collections.abc import Callable, Iterable

from readiness import Ask, Environment, Found, NotRun, Severity, Tier, Unreachable, check, holds
from readiness.drills.append_only import Attempts
from readiness.drills.audit_trial import READS, REFUSALS, Audited, Trial
from readiness.site.declared.audit import Audit
from readiness.site.subjects import AUDIT_TRAIL, AUDITED_SERVER, AuditedServer, members
from readiness.systems.audit.reading import TRAIL

Tried = Callable[[AuditedServer], Found[Trial]]
Attempted = Callable[[Audit], Found[Attempts]]

ASKS = (
    "POST of three canary accounts to the declared sign-in, and GET of the canary student's record",
    "SELECT of the audit events of these requests",
)
ACCOUNTS = "three canary accounts, and a login that may SELECT from the audit table"
SIGNS_IN = "Signs in as canary accounts; some thirty audited reads of a canary student."
CHANGES = ("UPDATE", "DELETE", "TRUNCATE")


def enough(server: AuditedServer, kind: str, found: tuple[Audited, ...], least: int) -> None:
    """Nothing is proven of a machine that did not answer."""
    if len(found) < least:
        raise Unreachable(f"{server.id}: {len(found)} {kind} answered, at least {least} are needed")


def recorded(found: Found[Trial], kind: str, requests: Iterable[Audited]) -> bool:
    """Each request left exactly one event, and every part of it is right."""
    events = {one.events for one in requests}
    assert holds(found.fact(f"events of each of its {kind}", sorted(events)), "==", [1])
    wrong = sorted({part for one in requests for part in one.wrong})
    return bool(holds(found.fact(f"wrong parts of the events of its {kind}", wrong), "==", []))


@check(
    "AUD-001",
    "Every application machine records each read of a record once, with who, whose, when and why",
    clauses=("sec.ferpa/reads-audited",),
    each=AUDITED_SERVER,
    severity=Severity.CRITICAL,
    tier=Tier.TOUCH,
    limit=120,
    risk="Somebody reads records, and nobody can ever say who it was or whose they were.",
    reads=ASKS,
    rights=ACCOUNTS,
    disturbs=SIGNS_IN,
    remedy="compare this machine with one that is right: its release, its clock, and where it "
    "writes an event; a read and its event share a transaction",
)
def test_reads_are_recorded(audited_server: AuditedServer, audit_trial: Tried) -> None:
    """An official's reads and the student's own, of which this machine answered several."""
    found = audit_trial(audited_server)
    enough(audited_server, "reads", found.reading.reads, READS)
    enough(audited_server, "own reads", found.reading.own_reads, REFUSALS)
    assert recorded(found, "reads", found.reading.reads)
    assert recorded(found, "student's own reads", found.reading.own_reads)


@check(
    "AUD-002",
    "Every application machine refuses a stranger and records each refusal once",
    clauses=("sec.ferpa/denials-audited",),
    each=AUDITED_SERVER,
    severity=Severity.CRITICAL,
    tier=Tier.TOUCH,
    limit=120,
    risk="Somebody who tries one student after the other is never noticed.",
    reads=ASKS,
    rights=ACCOUNTS,
    disturbs=SIGNS_IN,
    remedy="write the event of a refusal in a transaction of its own, committed before the answer",
)
def test_refusals_are_recorded(audited_server: AuditedServer, audit_trial: Tried) -> None:
    """A student asks for another student's record."""
    found = audit_trial(audited_server)
    refusals = found.reading.refusals
    enough(audited_server, "refusals", refusals, REFUSALS)
    statuses = sorted({one.status for one in refusals})
    assert holds(found.fact("answers to a stranger", statuses), "within", [401, 403, 404])
    assert recorded(found, "refusals", refusals)


@check(
    "AUD-003",
    "Every application machine's events are visible within the declared time",
    clauses=("sec.ferpa/event-visible-in-time",),
    each=AUDITED_SERVER,
    severity=Severity.HIGH,
    tier=Tier.TOUCH,
    limit=120,
    risk="Events wait somewhere else, where a crash loses them and nobody sees them in time.",
    reads=ASKS,
    rights=ACCOUNTS,
    disturbs=SIGNS_IN,
    remedy="write events in the transaction of the read, not behind it",
)
def test_events_are_visible_in_time(audited_server: AuditedServer, audit_trial: Tried) -> None:
    """From our receipt of the answer until our look at the trail held the event, at most."""
    found = audit_trial(audited_server)
    trial = found.reading
    enough(audited_server, "reads", trial.reads, READS)
    missing = sum(one.after is None for one in trial.requests)
    assert holds(found.fact("requests whose event was never seen", missing), "==", 0)
    deadline = audited_server.audit.trail.deadline
    assert holds(found.fact("time until the last event was visible", trial.slowest), "<=", deadline)


@check(
    "AUD-004",
    "No event of any application machine holds a value of the record that was read",
    clauses=("sec.ferpa/no-values-in-audit",),
    each=AUDITED_SERVER,
    severity=Severity.HIGH,
    tier=Tier.TOUCH,
    limit=120,
    risk="The trail becomes an education record itself, open to everyone who reviews it.",
    reads=ASKS,
    rights=ACCOUNTS,
    disturbs=SIGNS_IN,
    remedy="record names of fields, never what they hold",
)
def test_events_hold_no_values(audited_server: AuditedServer, audit_trial: Tried) -> None:
    """No text of six characters or more of an answer stands in its event."""
    found = audit_trial(audited_server)
    trial = found.reading
    requests = (*trial.reads, *trial.own_reads)
    enough(audited_server, "reads", trial.reads, READS)
    assert holds(found.fact("events of its reads", sum(one.events for one in requests)), ">=", 1)
    values = sorted({name for one in requests for name in one.values})
    assert holds(found.fact("fields whose value stands in an event", values), "==", [])


@check(
    "AUD-005",
    "The audit trail refuses every change and removal, by the application and by its owner",
    clauses=("sec.ferpa/append-only",),
    each=AUDIT_TRAIL,
    severity=Severity.CRITICAL,
    tier=Tier.TOUCH,
    limit=120,
    risk="Whoever has something to hide removes it, or whoever breaks in does.",
    reads=(
        *ASKS,
        "INSERT, UPDATE, DELETE and TRUNCATE as application and as owner, each rolled back",
    ),
    rights="a login that may SET ROLE to both roles",
    disturbs="Signs in as canary accounts; asks for the audit table's lock for an instant, "
    "at most one second.",
    remedy="give the application INSERT only, let a role that nobody logs in as own the table, and "
    "refuse by triggers that are enabled ALWAYS",
)
def test_events_are_never_changed(audit_trail: Audit, append_only: Attempted) -> None:
    """The same session could add a row, so a refusal is the table's own."""
    found = append_only(audit_trail)
    part = audit_trail.append_only
    for role in (part.application, part.owner):
        added = found.fact(f"a row added by {role}", found.reading.controls.get(role))
        assert holds(added, "==", "added")
        for one in found.reading.of(role):
            assert holds(found.fact(f"{one.statement} by {role}", one.outcome), "==", "refused")
        tried = [one.statement for one in found.reading.of(role)]
        assert holds(found.fact(f"statements tried as {role}", tried), "includes", CHANGES)
    before = found.reading.events_before
    assert holds(found.fact("events of ours afterwards", found.reading.events_after), "==", before)


@check(
    "AUD-006",
    "Owner, rights and triggers of the audit trail are as declared on every database member",
    clauses=("sec.ferpa/audit-privileges",),
    each=AUDIT_TRAIL,
    severity=Severity.HIGH,
    risk="A right granted in passing opens the trail to a login that nobody thinks of.",
    reads=(
        "pg_class, pg_inherits, pg_namespace, pg_roles and pg_trigger on every member",
        "pg_proc and pg_language on every member: the triggers' functions",
        "has_table_privilege() and pg_has_role() on every member",
    ),
    rights="a login that may use the trail's schema",
    remedy="revoke what is too much, enable the triggers with ENABLE ALWAYS, and let their "
    "function RAISE before anything else, without a condition or a handler",
)
def test_rights_are_as_declared(audit_trail: Audit, site: Environment, ask: Ask) -> None:
    """Logged, the declared owner, INSERT for the application, triggers that always fire.

    What AUD-005 tries is refused to it: a trigger counts only where its function raises whoever
    asks, so that nobody else is let through (PL/pgSQL; another language is not read).
    """
    part = audit_trail.append_only
    everyone = [one for one in members(site) if one.database.name == audit_trail.trail.database]
    if not everyone:
        raise NotRun(f"{audit_trail.name}: its database has no member")
    for member in everyone:
        found = ask(TRAIL.of(audit_trail), member)
        rights, where = found.reading, f"{member.id}: "
        tables = ["table", "partitioned table"]
        assert holds(found.fact(f"{where}the trail", rights.kind), "in", tables)
        assert holds(found.fact(f"{where}its owner", rights.owner), "==", part.owner)
        assert holds(found.fact(f"{where}its owner logs in", rights.owner_logs_in), "==", False)
        application = found.fact(f"{where}rights of {part.application}", rights.application)
        assert holds(application, "within", ["INSERT", "SELECT"])
        assert holds(application, "includes", ["INSERT"])
        others = found.fact(f"{where}logins that may change it", rights.others)
        assert holds(others, "within", [part.owner], empty_is_fine=True)
        became = found.fact(
            f"{where}logins that may become the owner of it, its schema or a guard", rights.members
        )
        assert holds(became, "within", part.members, empty_is_fine=True)
        for name in part.guards:
            guard = rights.guards.get(name)
            state = guard.state if guard else "missing"
            assert holds(found.fact(f"{where}trigger {name}", state), "==", "always")
        guarded = {change for one in part.guards for change in rights.guards[one].changes}
        covered = found.fact(f"{where}changes that triggers come before", sorted(guarded))
        assert holds(covered, "includes", CHANGES)
        for name, changes in rights.parts.items():
            words = f"{where}changes of its part {name} that triggers come before"
            assert holds(found.fact(words, changes), "includes", CHANGES)
