"""A copy of a database with a tablespace, restored by the real pgBackRest, asked and removed."""

import os
import pwd
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from local_postgres import BIN
from local_servers import program, scratch

from readiness.drills.copy import Copy, remove
from readiness.systems.answer import Answer

OWNER = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
CONFIG = """\
[global]
repo1-path={folder}/repository
repo1-retention-full=1
lock-path={folder}/lock
log-level-file=off
log-level-console=error
[main]
pg1-path={folder}/live
pg1-socket-path={folder}
pg1-port=5499
pg1-user=postgres
"""
SETTINGS = """
port = 5499
listen_addresses = ''
unix_socket_directories = '{folder}'
archive_mode = on
archive_command = 'pgbackrest --config={folder}/pgbackrest.conf --stanza=main archive-push %p'
fsync = off
"""


@dataclass
class Local:
    """This machine as the spare one: what a drill sends is run as the owner that it names."""

    folder: Path
    name: str = "spare"

    def run(
        self, argv: Sequence[str], *, stdin: bytes | None = None, timeout: float = 60
    ) -> Answer:
        """Run what follows `sudo -n -u OWNER`."""
        assert list(argv[:3]) == ["sudo", "-n", "-u"]
        words = [*self.owner, *argv[4:]]
        done = subprocess.run(
            words, input=stdin or b"", capture_output=True, timeout=timeout, check=False, cwd="/",
            env=os.environ | {"PGBACKREST_CONFIG": str(self.folder / "pgbackrest.conf")},
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    @property
    def owner(self) -> list[str]:
        """How a command is run as the owner."""
        return ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []

    def must(self, *words: str) -> str:
        """Run a command as the owner; what it printed."""
        answer = self.run(["sudo", "-n", "-u", OWNER, *words])
        assert answer.exit_code == 0, answer
        return answer.text

    def sql(self, *statements: str) -> None:
        """Run statements in the live database."""
        words = [word for one in statements for word in ("-c", one)]
        self.must("psql", "-Xq", "-h", str(self.folder), "-p", "5499", "-U", "postgres", *words)


@pytest.fixture(scope="module")
def live() -> Iterator[Local]:
    """A database with a table in a tablespace of its own, backed up."""
    program("pgbackrest", package="pgbackrest")
    program("postgres", package="postgresql-15", folder=BIN)
    with scratch(OWNER) as folder:
        here = Local(folder)
        control = (f"{BIN}/pg_ctl", "-D", f"{folder}/live", "-w", "-l", f"{folder}/log")
        here.must(f"{BIN}/initdb", "-D", f"{folder}/live", "-A", "trust", "-U", "postgres")
        (folder / "pgbackrest.conf").write_text(CONFIG.format(folder=folder))
        with (folder / "live/postgresql.conf").open("a") as config:
            config.write(SETTINGS.format(folder=folder))
        here.must("mkdir", f"{folder}/space", f"{folder}/restored")
        here.must(*control, "start")
        try:
            here.must("pgbackrest", "--stanza=main", "stanza-create")
            here.sql(
                f"CREATE TABLESPACE slow LOCATION '{folder}/space'",
                "CREATE TABLE kept TABLESPACE slow AS SELECT generate_series(1, 300) AS id",
            )
            here.must("pgbackrest", "--stanza=main", "--type=full", "backup")
            yield here
        finally:
            here.must(*control, "-m", "immediate", "stop")


def test_b5_a_tablespace_is_restored_beside_the_copy_and_removed_with_it(live: Local) -> None:
    """The live one's folder is not written to, the table is whole, and nothing stays."""
    drill = SimpleNamespace(
        user=OWNER, folder=f"{live.folder}/restored", binaries=BIN, migrations=None
    )
    backup: Any = SimpleNamespace(
        name="backup", restore=drill, repository=SimpleNamespace(stanza="main")
    )
    session: Any = live
    live.sql("SELECT pg_switch_wal()")
    words = ("psql", "-XAtq", "-h", str(live.folder), "-p", "5499", "-U", "postgres", "-c")
    target = live.must(*words, "SELECT pg_current_wal_insert_lsn()").strip()
    live.sql("DROP TABLE kept", "SELECT pg_switch_wal()")
    before = sorted(one.name for one in (live.folder / "space").rglob("*"))
    copy = Copy(session, backup, "run-1-ab12")
    try:
        copy.restore(target, 60)
        copy.start()
        question = "SELECT json_build_object('rows', (SELECT count(*) FROM public.kept))"
        assert copy.ask("postgres", question) == {"rows": 300}
        assert sorted(one.name for one in (live.folder / "space").rglob("*")) == before
        made = {one.name for one in (live.folder / "restored").iterdir()}
        assert made == {"run-1-ab12", "run-1-ab12-tablespaces"}
    finally:
        said = remove(session, backup.restore, "run-1-ab12")
    assert list((live.folder / "restored").iterdir()) == []
    assert said.endswith("and no tablespaces of it")
    assert remove(session, backup.restore, "run-1-ab12") == said, "playing it twice does no harm"
