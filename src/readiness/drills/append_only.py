"""Tries to change and remove a canary's event, as the application and as the table's owner.

Each attempt is made in a transaction that is always rolled back, with short timeouts, on the
primary. A control in the same transaction adds a row: a session that can't write at all would
refuse everything and prove nothing.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from readiness.drills.permit import Permit
from readiness.model.errors import NotUnderstood, TimedOut, Unreachable
from readiness.model.words import Tier
from readiness.site.declared.audit import Audit
from readiness.site.environment import Environment
from readiness.systems.postgres.asking.session import PostgresTarget

CONNECT_TIMEOUT: Final = 5
STATEMENT_LIMIT: Final = "3s"
LOCK_LIMIT: Final = "1s"
# insufficient_privilege, and raise_exception of a trigger that gives no code of its own.
REFUSALS: Final = ("42501", "P0001")
# integrity_constraint_violation: the row got as far as the table's own rules.
_INTEGRITY: Final = "23"
_TIMEOUTS: Final = ("55P03", "57014")
_CHANGES: Final = {
    "UPDATE": "UPDATE {table} SET {purpose} = {purpose} WHERE {which}",
    "DELETE": "DELETE FROM {table} WHERE {which}",
    "TRUNCATE": "TRUNCATE {table}",
}


@dataclass(frozen=True)
class Attempt:
    """One statement as one role; `state` is the SQLSTATE, empty where it was accepted."""

    role: str
    statement: str
    state: str

    @property
    def outcome(self) -> str:
        """`refused`, or what happened instead."""
        if self.state in REFUSALS:
            return "refused"
        return f"ended with {self.state}" if self.state else "accepted"


@dataclass(frozen=True)
class Attempts:
    """What was tried on which member, and whether the same session could add a row."""

    member: str
    controls: dict[str, str]  # role to what came of adding a row: `added`, or why not
    attempts: tuple[Attempt, ...]
    events_before: int  # of the canary's requests
    events_after: int

    def of(self, role: str) -> tuple[Attempt, ...]:
        """What was tried as one role."""
        return tuple(one for one in self.attempts if one.role == role)


def attempt(
    environment: Environment,
    permit: Permit,
    audit: Audit,
    target: PostgresTarget,
    find: Callable[[], Sequence[str]],
) -> Attempts:
    """Try every change as every role on one member; nothing of it stays.

    Args:
        environment: where the tester's password stands.
        permit: of a case that may write.
        audit: whose trail.
        target: the primary, as the tester.
        find: gives the ids of the canary's requests, one for each event that is there.

    Raises:
        ProbeError: the session isn't had, or an attempt ended by its timeout.
    """
    permit.require(Tier.TOUCH)
    part = audit.append_only
    before = find()
    if not before:
        raise NotUnderstood(f"{audit.name}: no event of ours is in the trail to try it on")
    request, password = before[0], environment.secret(part.tester.password)
    controls: dict[str, str] = {}
    found: list[Attempt] = []
    for role in (part.application, part.owner):
        for statement in _CHANGES:
            with _session(target, password) as connection:
                connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
                controls[role] = _control(connection, environment, audit, request)
                state = _try(connection, _statement(connection, audit, statement, request))
            if state in _TIMEOUTS:
                raise TimedOut(f"{target.name}: {statement} as {role} ended with {state}")
            found.append(Attempt(role, statement, state))
    return Attempts(target.name, controls, tuple(found), len(before), len(find()))


@contextmanager
def _session(target: PostgresTarget, password: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction as the tester, rolled back whatever happens."""
    try:
        connection = psycopg.connect(
            **target.way,
            port=target.port,
            dbname=target.dbname,
            user=target.user,
            password=password,
            application_name="readiness",
            connect_timeout=CONNECT_TIMEOUT,
            options=f"-c statement_timeout={STATEMENT_LIMIT} -c lock_timeout={LOCK_LIMIT}",
        )
    except psycopg.Error as error:
        raise Unreachable(f"{target}: {' '.join(str(error).split())}") from None
    try:
        yield connection
    except psycopg.Error as error:
        raise NotUnderstood(f"{target.name}: {' '.join(str(error).split())}") from None
    finally:
        # Of a session that broke there is nothing left to take back.
        try:
            with contextlib.suppress(psycopg.Error):
                connection.rollback()
        finally:
            connection.close()


def _table(audit: Audit) -> sql.Identifier:
    return sql.Identifier(audit.trail.db_schema, audit.trail.table)


def _control(
    connection: psycopg.Connection[Any], environment: Environment, audit: Audit, request: str
) -> str:
    """Add a row and take it back; a row that breaks a rule of the table got there too."""
    official, subject = environment.account(audit.official), environment.account(audit.subject)
    columns = audit.trail.columns
    row: Mapping[str, str] = {
        columns.request: request,
        columns.actor: official.id,
        columns.actor_role: official.role,
        columns.subject: subject.id,
        columns.purpose: audit.record.purpose,
        columns.outcome: audit.trail.granted,
    }
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        _table(audit),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Literal, row.values())),
    )
    state = _try(connection, statement)
    if not state or state.startswith(_INTEGRITY):
        return "added"
    return f"ended with {state}"


def _statement(
    connection: psycopg.Connection[Any], audit: Audit, kind: str, request: str
) -> sql.Composed:
    """The change of the canary's event; of no row where the role can't look for it.

    A role that may change and not read would be refused a WHERE, which proves nothing; rights and
    triggers of the statement are asked for no row too.
    """
    columns = audit.trail.columns
    which: sql.Composable = sql.SQL("false")
    value: sql.Composable = sql.Literal(audit.record.purpose)
    if _may_select(connection, audit):
        which = sql.SQL("{} = {}").format(sql.Identifier(columns.request), sql.Literal(request))
    text = _CHANGES[kind].replace("{purpose} = {purpose}", "{purpose} = {value}")
    return sql.SQL(text).format(
        table=_table(audit), purpose=sql.Identifier(columns.purpose), value=value, which=which
    )


def _may_select(connection: psycopg.Connection[Any], audit: Audit) -> bool:
    found = connection.execute(
        sql.SQL("SELECT has_column_privilege({}, {}, 'SELECT')").format(
            sql.Literal(_table(audit).as_string()), sql.Literal(audit.trail.columns.request)
        )
    ).fetchone()
    return found == (True,)


def _try(connection: psycopg.Connection[Any], statement: sql.Composed) -> str:
    """The SQLSTATE of a statement that leaves nothing behind; empty where it was accepted."""
    connection.execute("SAVEPOINT attempt")
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        state = error.sqlstate
    else:
        state = ""
    connection.execute("ROLLBACK TO SAVEPOINT attempt")
    return state
