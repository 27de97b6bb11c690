"""What a database holds, as digests that are worked out inside it: no row leaves the server.

The same statements are asked of the live database and of its restored copy, as the same role. A
table's digest is the sum of the hashes of its rows under a salt of this drill: it does not depend
on their order, and nobody can guess rows from it. Large objects are not looked at.
"""

# Statements are put together from this module's own text, names that the server quoted, and a
# hexadecimal salt; nothing that a person wrote is in them.
# ruff: noqa: S608

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from readiness.errors import NotUnderstood

# How values turn into text must not depend on either server's settings.
SETTINGS: Final = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "search_path": "pg_catalog",
}
# A sequence writes its record up to 32 values ahead (SEQ_LOG_VALS); a restored one begins there.
AHEAD: Final = 32
_OURS: Final = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_FROM: Final = "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"

NAMES: Final = f"""
SELECT json_build_object(
  'tables', (SELECT coalesce(json_agg(format('%I.%I', n.nspname, c.relname) ORDER BY 1), '[]')
    {_FROM} WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {_OURS}),
  'sequences', (SELECT coalesce(json_agg(format('%I.%I', n.nspname, c.relname) ORDER BY 1), '[]')
    {_FROM} WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {_OURS}))
"""
# Kind -> a query of name and definition.
_OBJECTS: Final = {
    "schemas": f"SELECT n.nspname, n.nspowner::regrole::text || coalesce(n.nspacl::text, '') "
    f"FROM pg_namespace n WHERE {_OURS}",
    "relations": "SELECT format('%I.%I', n.nspname, c.relname), c.relkind::text || "
    "c.relpersistence::text || c.relrowsecurity || c.relforcerowsecurity || "
    "coalesce(c.reloptions::text, '') || CASE WHEN c.relkind IN ('v', 'm') "
    f"THEN pg_get_viewdef(c.oid) ELSE '' END {_FROM} WHERE c.relpersistence <> 't' AND {_OURS}",
    "columns": "SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname), row_number() "
    "OVER (PARTITION BY c.oid ORDER BY a.attnum) || ' ' || "
    "format_type(a.atttypid, a.atttypmod) || a.attnotnull || a.attidentity::text || "
    "a.attgenerated::text || coalesce(pg_get_expr(d.adbin, d.adrelid), '') "
    f"{_FROM} JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum "
    f"WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND {_OURS}",
    "constraints": "SELECT format('%I.%I.%I', n.nspname, c.relname, o.conname), "
    f"pg_get_constraintdef(o.oid) || o.convalidated {_FROM} "
    f"JOIN pg_constraint o ON o.conrelid = c.oid WHERE {_OURS}",
    "indexes": "SELECT format('%I.%I', n.nspname, c.relname), pg_get_indexdef(c.oid) || "
    f"i.indisvalid {_FROM} JOIN pg_index i ON i.indexrelid = c.oid WHERE {_OURS}",
    "triggers": "SELECT format('%I.%I.%I', n.nspname, c.relname, t.tgname), "
    f"pg_get_triggerdef(t.oid) || t.tgenabled::text {_FROM} "
    f"JOIN pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal AND {_OURS}",
    "policies": "SELECT format('%I.%I.%I', n.nspname, c.relname, p.polname), p.polcmd::text || "
    "p.polroles::regrole[]::text || coalesce(pg_get_expr(p.polqual, p.polrelid), '') || "
    "coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') "
    f"{_FROM} JOIN pg_policy p ON p.polrelid = c.oid WHERE {_OURS}",
    "functions": "SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid) || "
    "coalesce(p.proacl::text, '') FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
    f"WHERE p.prokind IN ('f', 'p') AND {_OURS}",
    "grants": "SELECT format('%I.%I', n.nspname, c.relname), c.relowner::regrole::text || "
    "coalesce(c.relacl::text, '') || coalesce((SELECT string_agg(a.attname || a.attacl::text, ',' "
    "ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL), '')"
    f" {_FROM} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {_OURS}",
    "default grants": "SELECT d.defaclrole::regrole::text || d.defaclnamespace::regnamespace || "
    "d.defaclobjtype::text, d.defaclacl::text FROM pg_default_acl d",
    "databases": "SELECT d.datname, d.datdba::regrole::text || coalesce(d.datacl::text, '') || "
    "d.datcollate FROM pg_database d",
    "roles": "SELECT r.rolname, concat(r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, "
    "r.rolcanlogin, r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil, "
    "r.rolconfig::text) FROM pg_roles r",
    "memberships": "SELECT m.roleid::regrole || ' of ' || m.member::regrole, "
    "m.admin_option::text FROM pg_auth_members m",
    "extensions": "SELECT e.extname, e.extversion FROM pg_extension e",
}


@dataclass(frozen=True)
class Content:
    """What a database held: digests and counts by name."""

    tables: Mapping[str, tuple[int, str]]  # rows, digest
    sequences: Mapping[str, tuple[int, int]]  # last value, increment
    objects: Mapping[str, Mapping[str, str]]  # kind -> name -> digest

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(count for count, _ in self.tables.values())

    def without(self, table: str) -> "Content":
        """The same, but for the rows of one table."""
        rest = {name: found for name, found in self.tables.items() if name != table}
        return Content(rest, self.sequences, self.objects)


@dataclass(frozen=True)
class Differences:
    """What a copy does not hold as the original did."""

    tables: tuple[str, ...]  # missing, with another number of rows, or other rows
    sequences: tuple[str, ...]  # missing, behind, or too far ahead
    objects: tuple[str, ...]  # `kind name`

    @property
    def named(self) -> tuple[str, ...]:
        """All of them in one list; empty when both hold the same."""
        tables = [f"tables: {one}" for one in self.tables]
        return (*tables, *(f"sequences: {one}" for one in self.sequences), *self.objects)


def names_of(answer: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read the answer to NAMES: tables and sequences, quoted by the server."""
    return tuple(answer["tables"]), tuple(answer["sequences"])


def question(tables: tuple[str, ...], sequences: tuple[str, ...], salt: str) -> str:
    """The one statement that tells a database's content; `salt` is hexadecimal."""
    by_table = ", ".join(
        f"{_literal(name)}, (SELECT json_build_array(count(*), "
        f"{_half('h', 1)} || '-' || {_half('h', 17)}) "
        f"FROM (SELECT md5('{salt}' || t::text) AS h FROM {name} t) s)"
        for name in tables
    )
    by_sequence = ", ".join(
        f"{_literal(name)}, (SELECT json_build_array(v.last_value, p.seqincrement) "
        f"FROM {name} v, pg_sequence p WHERE p.seqrelid = {_literal(name)}::regclass)"
        for name in sequences
    )
    by_kind = ", ".join(
        f"'{kind}', (SELECT coalesce(json_object_agg(q.name, md5(q.body)), '{{}}') "
        f"FROM ({query}) q(name, body))"
        for kind, query in _OBJECTS.items()
    )
    return (
        f"SELECT json_build_object('tables', json_build_object({by_table}), 'sequences', "
        f"json_build_object({by_sequence}), 'objects', json_build_object({by_kind}))"
    )


def _half(column: str, start: int) -> str:
    """The sum over all rows of 60 bits of a hash."""
    bits = f"('x' || substr({column}, {start}, 15))::bit(60)::bigint"
    return f"coalesce(sum({bits}), 0)::text"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def read_content(answer: Mapping[str, Any], *, where: str) -> Content:
    """Read the answer to `question`."""
    try:
        return Content(
            {name: (int(rows), str(sums)) for name, (rows, sums) in answer["tables"].items()},
            {name: (int(last), int(by)) for name, (last, by) in answer["sequences"].items()},
            {kind: dict(found) for kind, found in answer["objects"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{where}: the digests are unreadable: {error!r}") from error


def differences(live: Content, copy: Content) -> Differences:
    """What the copy does not hold as the original, or holds besides."""
    kinds = sorted({*live.objects, *copy.objects})
    return Differences(
        tuple(
            _described(name, live.tables.get(name), copy.tables.get(name))
            for name in sorted({*live.tables, *copy.tables})
            if live.tables.get(name) != copy.tables.get(name)
        ),
        tuple(
            name
            for name in sorted({*live.sequences, *copy.sequences})
            if not _follows(live.sequences.get(name), copy.sequences.get(name))
        ),
        tuple(
            f"{kind}: {name}"
            for kind in kinds
            for name in sorted({*live.objects.get(kind, {}), *copy.objects.get(kind, {})})
            if live.objects.get(kind, {}).get(name) != copy.objects.get(kind, {}).get(name)
        ),
    )


def _described(name: str, live: tuple[int, str] | None, copy: tuple[int, str] | None) -> str:
    if copy is None:
        return f"{name} (missing)"
    if live is None:
        return f"{name} (too many)"
    if live[0] != copy[0]:
        return f"{name} ({copy[0]} of {live[0]} rows)"
    return f"{name} (other rows)"


def _follows(live: tuple[int, int] | None, copy: tuple[int, int] | None) -> bool:
    """Whether a restored sequence gives no value twice and none out of reach."""
    if live is None or copy is None or live[1] != copy[1]:
        return False
    return 0 <= (copy[0] - live[0]) * (1 if live[1] > 0 else -1) <= AHEAD * abs(live[1])
