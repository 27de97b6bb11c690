"""Whether every member would start again, and be connected to again, as it runs now."""

from contextlib import suppress
from datetime import UTC, datetime

from readiness import Ask, Fact, Found, ProbeError, Severity, check, derive, holds
from readiness.site.subjects import DATABASE_MEMBER, Member
from readiness.systems.postgres.reading import POSTGRES, REPLICATION_LOGINS, RESTART
from readiness.systems.postgres.reading.replication_login import Attempt, ReplicationLogins
from readiness.systems.postgres.reading.restart import Login


def refused(login: Login, now: float) -> str | None:
    """Why a new connection of that role would be refused; empty when it would not.

    None where its password has run out, and whether anybody asks for one is not known.
    """
    if not login.may_log_in:
        return f"{login.role} may not log in"
    if login.replicates and not login.may_replicate:
        return f"{login.role} may not replicate"
    if login.expires is None or login.expires > now or login.password is False:
        return ""
    return f"the password of {login.role} has run out" if login.password else None


@check(
    "PG-025",
    "Every member would start again with what it runs with, and let in again who is connected",
    clauses=("infra.database-ha/restart-safe",),
    each=DATABASE_MEMBER,
    severity=Severity.HIGH,
    risk="It works until the next restart or failover, which then fails, or brings another server.",
    reads=(
        "one read-only query of system views on every member, of its files' settings and rules",
    ),
    rights="a login with pg_monitor that may read pg_file_settings, pg_hba_file_rules and "
    "pg_ident_file_mappings",
    remedy="mend the line that is named; restart the member in a quiet hour for a setting that "
    "waits, or take the setting back; renew the role",
)
def test_restart_is_safe(
    database_member: Member,
    ask: Ask,
) -> None:
    """No setting waits for a restart, every line of its files is read, no login has run out."""
    found = ask(RESTART, database_member)
    seen = found.reading
    assert holds(found.fact("settings in its files", seen.lines), ">=", 1)
    assert holds(found.fact("access rules that it can read", seen.rules), ">=", 1)
    unread = [f"{one.file} line {one.line}: {one.error}" for one in seen.unread]
    assert holds(found.fact("lines that it can't read", "; ".join(unread) or "none"), "==", "none")
    waiting = ", ".join(seen.pending) or "none"
    assert holds(found.fact("settings that wait for a restart", waiting), "==", "none")
    assert holds(found.fact("roles that are connected", len(seen.logins)), ">=", 1)
    said = {one.role: refused(one, seen.server_clock) for one in seen.logins}
    gone: str | None = "; ".join(filter(None, said.values())) or "none"
    unclear = ", ".join(role for role, why in said.items() if why is None)
    words = "connections that would be refused when they are made anew"
    if unclear and gone == "none":
        words += f" (of {unclear} the password has run out, if a rule asks for it)"
        gone = None
    asked = [one.expires for one in seen.logins if one.password is not False]
    ends = [one for one in asked if one is not None]
    until = datetime.fromtimestamp(min(ends), UTC) if ends else None
    again = found.fact(words, gone)
    assert holds(again, "==", "none", until=until)


OWN = "where its primary_conninfo leads"
LET_IN = "let in"


@check(
    "PG-027",
    "Every member would be let in for replication anew, by the primary and by who may be the next",
    clauses=("infra.database-ha/replication-begins-anew",),
    each=DATABASE_MEMBER,
    declared=("standby", "ssh", "replication login"),
    severity=Severity.HIGH,
    risk="What streams goes on with a password or a rule that lets no new connection in: after the "
    "next restart or failover nobody follows the primary.",
    reads=(
        "sudo -n -u USER /usr/bin/python3 -I /usr/local/lib/readiness/replication_login.py",
        "IDENTIFY_SYSTEM on new replication connections to the other members",
    ),
    rights="an SSH login that may run that program, and nothing else, as the servers' system user",
    remedy="give the member's primary_conninfo and its Patroni the password, certificate and rule "
    "that the server which refuses asks for; then reload both",
)
def test_replication_begins_anew(
    database_member: Member,
    ask: Ask,
) -> None:
    """Of a standby as it connects now; to each other member as its Patroni would follow it."""
    here, found = ask(POSTGRES, database_member), ask(REPLICATION_LOGINS, database_member)
    others = {
        one.machine.name: one for one in database_member.cluster.members if one != database_member
    }
    up = [name for name, one in others.items() if answers(one, ask)]
    own = {"": OWN} if here.reading.in_recovery else {}
    for to, where in {**own, **{name: name for name in others}}.items():
        tried = found.reading.to(to)
        alive = to in up or (to == "" and len(up) == len(others))
        assert holds(let_in(found, where, tried, alive=alive), "==", LET_IN)
        system = derive(f"system at {where}", found.subject, tried and tried.system, here, found)
        assert holds(system, "==", here.reading.system_identifier)


def answers(member: Member, ask: Ask) -> bool:
    """Whether we are let in there ourselves."""
    with suppress(ProbeError):
        return bool(ask(POSTGRES, member).reading.system_identifier)
    return False


def let_in(
    found: Found[ReplicationLogins], where: str, tried: Attempt | None, *, alive: bool
) -> Fact[str]:
    """What came of an attempt; nothing where the server may be down, or only has no place now."""
    said: str | None = None
    if tried is not None and not tried.passes and (alive or not tried.silent):
        said = tried.refusal or LET_IN
    reason = f" ({tried.refusal})" if tried is not None and said is None else ""
    who = f" as {tried.user}" if tried is not None and tried.user else ""
    return found.fact(f"a new replication connection{who} to {where}{reason}", said)
