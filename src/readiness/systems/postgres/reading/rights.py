"""The one question that tells what a PostgreSQL role could do beyond looking.

Inside a read-only transaction a superuser still creates slots, switches WAL and runs programs, so
a read-only session protects nothing by itself: the role must lack the rights. Everything reachable
counts, also what the role would first have to SET ROLE for. Standard: PostgreSQL 15, chapters 5.7
(privileges), 22.5 (predefined roles) and 9.27 (system administration functions).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from readiness.model.errors import NotUnderstood

_WITH_PARAMETERS: Final = 150000  # pg_parameter_acl appeared in 15
_MAINTAIN: Final = 170000  # the MAINTAIN privilege appeared in 17
_SHOWN: Final = 20  # of each kind; a role that owns everything need not list everything

_DANGEROUS_ROLES: Final = (
    "pg_checkpoint",
    "pg_create_subscription",
    "pg_database_owner",
    "pg_execute_server_program",
    "pg_maintain",
    "pg_read_server_files",
    "pg_signal_autovacuum_worker",
    "pg_signal_backend",
    "pg_write_all_data",
    "pg_write_server_files",
)
# What is not PUBLIC's by default and changes something or reads the server's files.
_DANGEROUS_FUNCTIONS: Final = (
    "lo_export",
    "lo_import",
    "pg_backup_start",
    "pg_backup_stop",
    "pg_create_restore_point",
    "pg_log_backend_memory_contexts",
    "pg_ls_dir",
    "pg_promote",
    "pg_read_binary_file",
    "pg_read_file",
    "pg_reload_conf",
    "pg_replication_origin_advance",
    "pg_replication_origin_create",
    "pg_replication_origin_drop",
    "pg_rotate_logfile",
    "pg_start_backup",
    "pg_stat_reset",
    "pg_stat_reset_replication_slot",
    "pg_stat_reset_shared",
    "pg_stat_reset_single_function_counters",
    "pg_stat_reset_single_table_counters",
    "pg_stat_reset_slru",
    "pg_stat_reset_subscription_stats",
    "pg_stop_backup",
    "pg_switch_wal",
    "pg_wal_replay_pause",
    "pg_wal_replay_resume",
)


@dataclass(frozen=True)
class Rights:
    """What a role could do beyond looking; nothing listed means it can only look."""

    role: str
    database: str
    dangerous: tuple[str, ...]  # one phrase each: `superuser`, `may write table public.students`…

    @property
    def only_looks(self) -> bool:
        """Whether nothing dangerous was found."""
        return not self.dangerous


# `mine` is every role we are or could become; for a superuser only itself, the rest follows.
_MINE: Final = """
WITH mine AS (
  SELECT r.* FROM pg_roles r
  WHERE r.rolname = session_user OR (pg_has_role(session_user, r.oid, 'MEMBER') AND NOT
    (SELECT s.rolsuper FROM pg_roles s WHERE s.rolname = session_user)))
"""
_KINDS: Final = {
    "tables": """
SELECT DISTINCT c.oid::regclass::text AS found FROM pg_class c, mine m
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT m.rolsuper
  AND c.relnamespace::regnamespace::text !~ '^pg_(toast|temp)'
  AND c.oid <> 'pg_catalog.pg_settings'::regclass  -- everybody may UPDATE it: that is SET
  AND (has_table_privilege(m.oid, c.oid, %(writes)s)
       OR has_any_column_privilege(m.oid, c.oid, 'INSERT, UPDATE, REFERENCES'))
ORDER BY found LIMIT %(shown)s""",
    "sequences": """
SELECT DISTINCT c.oid::regclass::text AS found FROM pg_class c, mine m
WHERE c.relkind = 'S' AND NOT m.rolsuper AND has_sequence_privilege(m.oid, c.oid, 'USAGE, UPDATE')
ORDER BY found LIMIT %(shown)s""",
    "schemas": """
SELECT DISTINCT n.nspname AS found FROM pg_namespace n, mine m
WHERE NOT m.rolsuper AND n.nspname !~ '^pg_(toast|temp)'
  AND has_schema_privilege(m.oid, n.oid, 'CREATE') ORDER BY found LIMIT %(shown)s""",
    "databases": """
SELECT DISTINCT d.datname AS found FROM pg_database d, mine m
WHERE NOT m.rolsuper AND has_database_privilege(m.oid, d.oid, 'CREATE')
ORDER BY found LIMIT %(shown)s""",
    "tablespaces": """
SELECT DISTINCT t.spcname AS found FROM pg_tablespace t, mine m
WHERE NOT m.rolsuper AND has_tablespace_privilege(m.oid, t.oid, 'CREATE')
ORDER BY found LIMIT %(shown)s""",
    "functions": """
SELECT DISTINCT p.proname AS found FROM pg_proc p, mine m
WHERE NOT m.rolsuper AND p.pronamespace = 'pg_catalog'::regnamespace
  AND p.proname = ANY(%(functions)s)
  AND has_function_privilege(m.oid, p.oid, 'EXECUTE') ORDER BY found LIMIT %(shown)s""",
    "owned": """
SELECT DISTINCT CASE WHEN s.dbid IN (0, (SELECT oid FROM pg_database
                                         WHERE datname = current_database()))
    THEN pg_describe_object(s.classid, s.objid, 0)
    ELSE 'something in database ' || coalesce(d.datname, s.dbid::text) END AS found
FROM pg_shdepend s JOIN mine m ON s.refobjid = m.oid AND NOT m.rolsuper
LEFT JOIN pg_database d ON d.oid = s.dbid
WHERE s.deptype = 'o' AND s.refclassid = 'pg_authid'::regclass ORDER BY found LIMIT %(shown)s""",
    "memberships": """
SELECT m.rolname AS found FROM mine m
WHERE m.rolname = ANY(%(roles)s) ORDER BY found""",
}
_ATTRIBUTES: Final = """
'role', session_user, 'database', current_database(),
'attributes', (SELECT json_agg(json_build_object(
    'role', rolname, 'superuser', rolsuper, 'CREATEROLE', rolcreaterole,
    'CREATEDB', rolcreatedb, 'REPLICATION', rolreplication, 'BYPASSRLS', rolbypassrls)
  ORDER BY rolname) FROM mine)"""
_PARAMETERS: Final = """
SELECT DISTINCT a.parname AS found FROM pg_parameter_acl a, mine m
WHERE NOT m.rolsuper AND has_parameter_privilege(m.oid, a.parname, 'SET, ALTER SYSTEM')
ORDER BY found LIMIT %(shown)s"""


def rights_question(version: int) -> tuple[str, dict[str, object]]:
    """Return query and values as a server of this version understands it (150018 is 15.18)."""
    writes = "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
    values: dict[str, object] = {
        "shown": _SHOWN,
        "roles": list(_DANGEROUS_ROLES),
        "functions": list(_DANGEROUS_FUNCTIONS),
        "writes": writes + (", MAINTAIN" if version >= _MAINTAIN else ""),
    }
    kinds = dict(_KINDS)
    if version >= _WITH_PARAMETERS:
        kinds["parameters"] = _PARAMETERS
    lists = ",\n".join(
        f"'{kind}', (SELECT json_agg(q.found) FROM ({query}) q)"  # noqa: S608 - our own constants
        for kind, query in kinds.items()
    )
    return f"{_MINE} SELECT json_build_object({_ATTRIBUTES}, {lists})", values


_PHRASES: Final[Mapping[str, str]] = {
    "memberships": "member of {}",
    "owned": "owns {}",
    "tables": "may write table {}",
    "sequences": "may advance sequence {}",
    "schemas": "may create in schema {}",
    "databases": "may create schemas in database {}",
    "tablespaces": "may create in tablespace {}",
    "functions": "may run {}()",
    "parameters": "may set parameter {}",
}


def read_rights(answer: Mapping[str, Any], *, where: str) -> Rights:
    """Read the answer to the question into phrases a person understands."""
    try:
        role = str(answer["role"])
        found = [*_attributes(answer["attributes"], role)]
        for kind, phrase in _PHRASES.items():
            found += [phrase.format(name) for name in answer.get(kind) or ()]
        return Rights(role=role, database=str(answer["database"]), dangerous=tuple(found))
    except (KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(f"{where}: the role's rights are unreadable: {error!r}") from error


def _attributes(rows: list[dict[str, Any]], role: str) -> Iterator[str]:
    names = ("superuser", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS")
    for row in rows:
        through = "" if row["role"] == role else f" through role {row['role']}"
        if row["superuser"]:
            # The other attributes say nothing more about a superuser.
            yield f"superuser{through}"
            continue
        yield from (f"{name}{through}" for name in names if row[name])
