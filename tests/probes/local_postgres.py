"""A real PostgreSQL 15 primary with a streaming standby on loopback, TLS on."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from local_servers import free_port, program, scratch, wait_until
from pki import Hierarchy

from readiness.systems.postgres.asking.session import PostgresTarget

BIN = "/usr/lib/postgresql/15/bin"
NAME = "db.example.org"
PASSWORDS = {"looker": "only looks", "app": "writes"}
_SETTINGS = """
listen_addresses = '127.0.0.1'
ssl = on
ssl_cert_file = '{folder}/server.pem'
ssl_key_file = '{folder}/server.pem'
unix_socket_directories = '{folder}'
fsync = off
max_wal_senders = 4
hot_standby = on
wal_level = replica
log_min_messages = warning
shared_buffers = 16MB
"""


@dataclass(frozen=True)
class Postgres:
    """One running server and how its superuser reaches it without a password."""

    name: str
    port: int
    folder: Path
    data: Path
    ca_file: Path
    owner: str

    def execute(self, *statements: str, dbname: str = "postgres") -> None:
        """Run statements as the superuser over the local socket."""
        with self.superuser(dbname) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def superuser(self, dbname: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Return a superuser's connection over the local socket."""
        return psycopg.connect(
            host=str(self.folder), port=self.port, user="postgres", dbname=dbname, autocommit=True
        )

    def target(self, user: str = "looker", dbname: str = "postgres") -> PostgresTarget:
        """Return the server as the probe sees it."""
        return PostgresTarget(
            self.name, NAME, "127.0.0.1", self.port, dbname, user, ca_file=self.ca_file
        )

    def archive(self) -> None:
        """Have the segment that is written now archived."""

        def archived() -> bool:
            with self.superuser() as connection:
                row = connection.execute("SELECT archived_count FROM pg_stat_archiver").fetchone()
            return bool(row and row[0])

        self.execute("SELECT pg_create_restore_point('here')", "SELECT pg_switch_wal()")
        wait_until(archived, "it archived a segment", log=self.folder / f"{self.data.name}.log")

    def control(self, *arguments: str) -> None:
        """Run pg_ctl for this server as its owner."""
        _run(self.owner, [f"{BIN}/pg_ctl", "-D", str(self.data), "-w", *arguments])


def _run(owner: str, argv: list[str]) -> None:
    as_owner = ["runuser", "-u", owner, "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*as_owner, *argv],
        capture_output=True,
        text=True,
        cwd="/",
        env=os.environ | {"LC_ALL": "C"},
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{argv[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")


@contextmanager
def postgres_pair(authority: Hierarchy) -> Iterator[tuple[Postgres, Postgres]]:
    """Run a primary and a standby that streams from it until the block ends."""
    program("postgres", package="postgresql-15", folder=BIN)
    owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    with scratch(owner) as folder, ExitStack() as stack:
        ca_file = folder / "ca.pem"
        ca_file.write_bytes(authority.root.pem)
        leaf = authority.leaf(NAME)
        shutil.chown(leaf.write(folder / "server.pem", *leaf.above), owner)
        primary = Postgres("db1", free_port(), folder, folder / "primary", ca_file, owner)
        standby = replace(primary, name="db2", port=free_port(), data=folder / "standby")
        _make_primary(primary)
        stack.callback(_stop, primary)
        _make_standby(standby, primary)
        stack.callback(_stop, standby)
        wait_until(lambda: _streams(primary), "the standby streams", log=folder / "standby.log")
        yield primary, standby


@contextmanager
def postgres_alone(authority: Hierarchy, name: str) -> Iterator[Postgres]:
    """Run a single server with safe settings, whose looker may all that is documented."""
    program("postgres", package="postgresql-15", folder=BIN)
    owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    with scratch(owner) as folder, ExitStack() as stack:
        ca_file = folder / "ca.pem"
        ca_file.write_bytes(authority.root.pem)
        leaf = authority.leaf(name)
        shutil.chown(leaf.write(folder / "server.pem", *leaf.above), owner)
        server = Postgres(name, free_port(), folder, folder / "alone", ca_file, owner)
        _make_primary(server, "fsync = on\narchive_mode = on\n")
        stack.callback(_stop, server)
        views = ("pg_file_settings", "pg_hba_file_rules", "pg_ident_file_mappings")
        server.execute(
            "SELECT pg_drop_replication_slot('db2')",
            f"GRANT SELECT ON {', '.join(views)} TO looker",
            "GRANT EXECUTE ON FUNCTION pg_show_all_file_settings(), pg_hba_file_rules(), "
            "pg_ident_file_mappings() TO looker",
        )
        yield server


def _make_primary(server: Postgres, more: str = "") -> None:
    options = ["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C"]
    _run(server.owner, [f"{BIN}/initdb", "-D", str(server.data), *options])
    with (server.data / "postgresql.conf").open("a") as config:
        config.write(_SETTINGS.format(folder=server.folder) + more)
    (server.data / "pg_hba.conf").write_text(
        "local all,replication postgres trust\n"
        "host replication postgres 127.0.0.1/32 trust\n"
        "hostssl all nobody 127.0.0.1/32 reject\n"
        "hostssl all all 127.0.0.1/32 scram-sha-256\n"
    )
    _start(server)
    server.execute(
        *(f"CREATE ROLE {name} LOGIN PASSWORD '{word}'" for name, word in PASSWORDS.items()),
        "GRANT pg_monitor TO looker",
        "SELECT pg_create_physical_replication_slot('db2')",
    )


def _make_standby(server: Postgres, primary: Postgres) -> None:
    source = f"host={primary.folder} port={primary.port} user=postgres application_name=db2"
    copy = ["-D", str(server.data), "-R", "-c", "fast", "-S", "db2", "--no-sync", "-d", source]
    _run(server.owner, [f"{BIN}/pg_basebackup", *copy])
    _start(server)


def _start(server: Postgres) -> None:
    log = server.folder / f"{server.data.name}.log"
    server.control("-l", str(log), "-o", f"-p {server.port}", "start")


def _stop(server: Postgres) -> None:
    server.control("-m", "immediate", "stop")


def _streams(primary: Postgres) -> bool:
    with primary.superuser() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        ).fetchone()
    return row is not None and row[0] == 1
