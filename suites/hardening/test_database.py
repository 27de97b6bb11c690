"""Whether every member of a database gives no more than is needed, and to nobody else."""

from readiness import Ask, Severity, check, holds
from readiness.site.subjects import DATABASE_MEMBER, Member
from readiness.systems.postgres.reading import ENCRYPTION, HARDENING

NONE = "none"
RIGHTS = "a login with pg_monitor that may read pg_hba_file_rules"
# Since PostgreSQL 14 the default; a verifier of `md5` is as good as the password for logging in.
VERIFIER = "scram-sha-256"


@check(
    "HARD-001",
    "The application logs in to every member as a role that may do its work and no more",
    clauses=("sec.hardening/database",),
    each=DATABASE_MEMBER,
    declared=("application roles",),
    severity=Severity.CRITICAL,
    risk="Whoever finds a hole in the application has the whole database, or its machine.",
    reads=("one read-only query of pg_roles, pg_auth_members and pg_class on every member",),
    rights=RIGHTS,
    remedy="take from the role what is named (ALTER ROLE … NOSUPERUSER, REVOKE … FROM …); have "
    "another role own the tables, and become that one for migrations only",
)
def test_application_may_do_its_work_only(database_member: Member, ask: Ask) -> None:
    """Each declared role exists, has no power over others, and owns nothing that it should not."""
    found = ask(HARDENING, database_member)
    declared = {one.user: one for one in database_member.database.application}
    seen = {one.role: one for one in found.reading.applications}
    for name, meant in declared.items():
        role = seen[name]
        assert holds(found.fact(f"the role {name} exists", role.exists), "==", True)
        powers = ", ".join(role.powers) or NONE
        assert holds(found.fact(f"powers that {name} has or could take", powers), "==", NONE)
        if meant.owns_tables:
            continue
        more = f" and {role.owned - len(role.owns)} more" if role.owned > len(role.owns) else ""
        owned = (", ".join(role.owns) + more) or NONE
        assert holds(found.fact(f"tables that {name} owns or could own", owned), "==", NONE)


@check(
    "HARD-002",
    "No member lets anybody in on their word, and passwords are sent and kept safely",
    clauses=("sec.hardening/database",),
    each=DATABASE_MEMBER,
    severity=Severity.CRITICAL,
    risk="Whoever reaches the port, or listens on the way, is whoever they say they are.",
    reads=("one read-only query of pg_hba_file_rules and a setting on every member",),
    rights=RIGHTS,
    remedy="change the line that is named to scram-sha-256 or cert (peer for the socket), and "
    "`host` to `hostssl` where a password is sent as it is; set password_encryption to "
    "scram-sha-256 and every password anew; then reload the server",
)
def test_nobody_is_let_in_on_their_word(database_member: Member, ask: Ask) -> None:
    """No rule trusts, none has a password cross a network in the clear, ours was asked for.

    The rules are those of the file. What is in force shows at our own login.
    """
    found = ask(HARDENING, database_member)
    rules = found.reading.rules
    assert holds(found.fact("access rules that it can read", len(rules)), ">=", 1)
    believing = "; ".join(str(one) for one in rules if one.believes) or NONE
    assert holds(found.fact("rules that believe whoever comes", believing), "==", NONE)
    clear = "; ".join(str(one) for one in rules if one.takes_passwords_in_the_clear) or NONE
    assert holds(found.fact("rules that have a password sent in the clear", clear), "==", NONE)
    asked = found.fact("our own login was asked for its password", found.reading.asked_for_password)
    assert holds(asked, "==", True)
    kept = found.fact("how passwords are kept", found.reading.password_encryption)
    assert holds(kept, "==", VERIFIER)


@check(
    "HARD-003",
    "What is said to a member crosses no network that others can read",
    clauses=("sec.hardening/database",),
    each=DATABASE_MEMBER,
    severity=Severity.HIGH,
    risk="Whoever sits in the same network reads students' records as the application does.",
    reads=(
        "one read-only query of pg_stat_activity, pg_stat_ssl and two settings on every member",
    ),
    rights="a login with pg_monitor",
    remedy="set ssl = on and have clients verify the certificate (sslmode=verify-full), or set "
    "listen_addresses to localhost where only its own machine asks; `hostssl` in pg_hba.conf "
    "keeps everybody to it",
)
def test_nobody_reads_along(database_member: Member, ask: Ask) -> None:
    """A member that others reach offers TLS, and no session of this moment is without it."""
    found = ask(ENCRYPTION, database_member)
    if found.reading.reached_from_elsewhere:
        assert holds(found.fact("TLS is offered", found.reading.tls), "==", True)
    crossing = found.reading.crossing(database_member.machine.addresses)
    clear = ", ".join(sorted(map(str, crossing))) or NONE
    fact = found.fact("sessions that cross a network without encryption", clear)
    assert holds(fact, "==", NONE)
