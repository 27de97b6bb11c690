"""How the portal's schema is brought to a revision: one transaction, one at a time, one owner.

Which database is PORTAL_DATABASE (a libpq connection string) or libpq's own PG* variables; a
password comes from a passfile or PGPASSWORD, never from an argument. Whoever logs in must be a
member of the role that owns the schema; everything is made as that role.
"""

import os

import psycopg
from alembic import context
from psycopg import Connection, sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

#: Nobody can log in as the owner; whoever migrates becomes it for the length of a transaction.
OWNER = os.environ.get("PORTAL_OWNER", "portal_owner")
LOCK = 360


def connect() -> Connection:
    """Open the database that the environment names."""
    return psycopg.connect(os.environ.get("PORTAL_DATABASE", ""), connect_timeout=5)


def migrate() -> None:
    """Run the revisions asked for, all of them or none."""
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    with engine.begin() as connection:
        # A second one waits here and then finds the work done.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        owner = sql.Identifier(OWNER).as_string()
        connection.exec_driver_sql(f"SET LOCAL ROLE {owner}")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        context.configure(connection=connection, transaction_per_migration=False)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("without a database there is nothing to migrate: --sql is not supported")
migrate()
