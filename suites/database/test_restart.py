"""Whether every member would start again, and be connected to again, as it runs now."""

from collections.abc import Callable
from datetime import UTC, datetime

from readiness.catalogue import check
from readiness.claim import Found, holds
from readiness.model import Severity
from readiness.probes.postgres_restart import Login, Restart
from readiness.subjects import Member


def refused(login: Login, now: float) -> str:
    """Why a new connection of that role would be refused; empty when it would not."""
    if not login.may_log_in:
        return f"{login.role} may not log in"
    if login.replicates and not login.may_replicate:
        return f"{login.role} may not replicate"
    if login.expires is not None and login.expires <= now:
        return f"the password of {login.role} has run out"
    return ""


@check(
    "PG-025",
    "Every member would start again with what it runs with, and let in again who is connected",
    clauses=("infra.database-ha/restart-safe",),
    each="database_member",
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
    restart: Callable[[Member], Found[Restart]],
) -> None:
    """No setting waits for a restart, every line of its files is read, no login has run out."""
    found = restart(database_member)
    seen = found.reading
    assert holds(found.fact("settings in its files", seen.lines), ">=", 1)
    assert holds(found.fact("access rules that it can read", seen.rules), ">=", 1)
    unread = [f"{one.file} line {one.line}: {one.error}" for one in seen.unread]
    assert holds(found.fact("lines that it can't read", "; ".join(unread) or "none"), "==", "none")
    waiting = ", ".join(seen.pending) or "none"
    assert holds(found.fact("settings that wait for a restart", waiting), "==", "none")
    assert holds(found.fact("roles that are connected", len(seen.logins)), ">=", 1)
    gone = "; ".join(filter(None, (refused(one, seen.server_clock) for one in seen.logins)))
    ends = [one.expires for one in seen.logins if one.expires is not None]
    until = datetime.fromtimestamp(min(ends), UTC) if ends else None
    again = found.fact("connections that would be refused when they are made anew", gone or "none")
    assert holds(again, "==", "none", until=until)
