"""A small site end to end: one PostgreSQL, one Redis, no SSH, and nothing that would take over.

Both are real and listen on loopback; the gate looks at them as at any site.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from engine import Engine, Site
from local_postgres import PASSWORDS, Postgres, postgres_alone
from local_redis import PASSWORD, redis_alone
from pki import Hierarchy

from readiness.judging.verdict import ClauseVerdict

BOX = "box"
ENVIRONMENT = """\
schema: 1
name: mini
kind: rehearsal
identity: file:identity.json
zones: [all]
looks_from: all
authorities: {{own: "file:root.pem"}}
machines:
  - {{name: box, zone: all, role: all, addresses: [127.0.0.1]}}
databases:
  - name: records
    database: postgres
    members: [box]
    port: {postgres}
    authority: own
    lag_bytes: 1 MiB
    lag_time: 10 s
    logins: {{observe: {{user: looker, password: "env:LOOKER"}}}}{automation}
caches:
  - name: sessions
    members: [box]
    port: {redis}
    authority: own
    login: {{user: looker, password: "env:CACHE_LOOKER"}}
    lag_bytes: 1 MiB
    lag_time: 10 s{automation}
objectives:
  availability: 99.9
  recovery_time: 30 min
  recovery_point: 5 min
  database_recovery_time: 60 s
{more}"""
SECRETS = {"LOOKER": PASSWORDS["looker"], "CACHE_LOOKER": PASSWORD}
NONE = "\n    automation: none"
# What Sentinels are asked as well, where there are any.
TOPOLOGY = "infra.cache/topology-as-declared"
# What a single server and a single Redis show by themselves.
THEMSELVES = (
    "infra.database-ha/one-primary",
    "infra.database-ha/durability-settings",
    "infra.database-ha/members-as-declared",
    "infra.database-ha/restart-safe",
    "infra.cache/authentication",
    "infra.cache/eviction-fits-sessions",
    "infra.cache/persistence",
    "infra.cache/tls",
    TOPOLOGY,
    "slo.objectives/objectives-consistent",
)
DATABASE_AUTOMATION = (
    "infra.database-ha/automation-active",
    "infra.database-ha/consensus-quorum",
)
CACHE_AUTOMATION = (
    "infra.cache/quorum-on-distinct-hosts",
    "infra.cache/programs-find-master",
)
# What nothing of one member can be, whatever is said of an automation.
TAKING_OVER = (
    "infra.database-ha/standbys-stream",
    "infra.database-ha/promotable",
    "infra.cache/replicas-follow",
    "infra.cache/promotable",
)


@dataclass(frozen=True)
class Small:
    """The site, with the server behind it."""

    site: Site
    postgres: Postgres
    redis: int

    def declare(self, automation: str = "", more: str = "") -> None:
        """Write its file; nothing else is in it."""
        text = ENVIRONMENT.format(
            postgres=self.postgres.port, redis=self.redis, automation=automation, more=more
        )
        self.site.environment.write_text(text)

    def gate(self, engine: Engine, *required: str) -> tuple[int, dict[str, ClauseVerdict], str]:
        """A whole run: exit code, clauses by name, and what the terminal said."""
        self.site.requiring(*required)
        ended = engine.gate(self.site, **SECRETS)
        assert self.site.runs(), ended.text
        clauses = {one.id: one for part in self.site.judged().criteria for one in part.clauses}
        return ended.code, clauses, " ".join(ended.text.split())


@pytest.fixture(scope="module")
def servers(authority: Hierarchy) -> Iterator[tuple[Postgres, int]]:
    """Both, until the last test is done."""
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_alone(authority, BOX))
        yield postgres, stack.enter_context(redis_alone(authority, BOX))


@pytest.fixture
def small(
    servers: tuple[Postgres, int], authority: Hierarchy, engine: Engine, tmp_path: Path
) -> Small:
    """The site, pinned."""
    postgres, redis = servers
    (tmp_path / "root.pem").write_bytes(authority.root.pem)
    found = Small(Site(tmp_path), postgres, redis)
    found.declare(NONE)
    ended = engine.cli(
        found.site, "doctor", "--env", found.site.environment, "--write-identity", **SECRETS
    )
    assert ended.code == 0, ended.text
    assert "postgresql records/box: reached as looker" in ended.text
    assert not {"patroni", "etcd", "sentinel"} & set(ended.text.split())
    return found


def test_a2_a_single_server_is_judged_by_what_it_is(engine: Engine, small: Small) -> None:
    """A GO on what it shows itself; with what takes over required, a NO-GO that says why."""
    code, clauses, said = small.gate(engine, *THEMSELVES)
    assert {name: clauses[name].status for name in THEMSELVES} == dict.fromkeys(
        THEMSELVES, "held"
    ), said
    assert code == 0, said
    for name in (*DATABASE_AUTOMATION, *CACHE_AUTOMATION, *TAKING_OVER):
        assert clauses[name].status == "failed", name
    code, _, said = small.gate(engine, *THEMSELVES, *DATABASE_AUTOMATION)
    assert code == 1
    assert "nothing would promote a standby by itself: automation: none is declared" in said


def test_a2_an_automation_that_nobody_spoke_of_is_a_question(engine: Engine, small: Small) -> None:
    """Neither green nor red, with the keys to declare."""
    small.declare()
    code, clauses, said = small.gate(engine, *THEMSELVES, *DATABASE_AUTOMATION, *CACHE_AUTOMATION)
    assert code == 2, said
    for name in (*DATABASE_AUTOMATION, *CACHE_AUTOMATION):
        assert clauses[name].status == "not-run", name
    assert clauses[TOPOLOGY].status == "not-run"
    assert "`patroni`, or `automation: none`, of the database records" in said
    assert "`sentinel`, or `automation: none`, of the cache sessions" in said
    for name in TAKING_OVER:
        assert clauses[name].status in {"failed", "not-run"}, name


def test_a2_a_copy_of_its_wal_that_nobody_declared_is_found(engine: Engine, small: Small) -> None:
    """A slot keeps WAL for somebody, and the file knows of nobody."""
    small.postgres.execute("SELECT pg_create_physical_replication_slot('somebody', true)")
    try:
        code, clauses, said = small.gate(engine, *THEMSELVES)
    finally:
        small.postgres.execute("SELECT pg_drop_replication_slot('somebody')")
    assert (code, clauses["infra.database-ha/members-as-declared"].status) == (1, "failed"), said
    assert "undeclared replication slots" in said


def test_a2_wal_that_is_archived_belies_absent_backups(engine: Engine, small: Small) -> None:
    """Of a real server that archived something, under a file that says that there is nothing."""
    small.declare(NONE, "absent: [backups]\n")
    postgres = small.postgres
    _code, clauses, _said = small.gate(engine, *THEMSELVES)
    assert clauses["infra.database-ha/members-as-declared"].status == "held"
    copying = f"cp %p {postgres.folder}/%f"
    postgres.execute(f"ALTER SYSTEM SET archive_command = '{copying}'", "SELECT pg_reload_conf()")
    try:
        postgres.archive()
        code, clauses, said = small.gate(engine, *THEMSELVES)
    finally:
        postgres.execute("ALTER SYSTEM RESET archive_command", "SELECT pg_reload_conf()")
    assert (code, clauses["infra.database-ha/members-as-declared"].status) == (1, "failed"), said
    assert "backups are declared as absent" in said
