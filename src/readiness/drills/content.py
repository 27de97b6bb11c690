"""What a database holds, as digests that are worked out inside it: no row leaves the server.

The same statements are asked of the live database and of its restored copy, as the same role. A
table's digest is the sum of the hashes of its rows under a salt of this drill: it does not depend
on their order, and nobody can guess rows from it. Large objects are not looked at.
"""

# Statements are put together from this module's own text, names that the server quoted, and a
# hexadecimal salt; nothing that a person wrote is in them.
# ruff: noqa: S608

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from readiness.model.errors import NotUnderstood

# How values turn into text must not depend on either server's settings.
SETTINGS: Final = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "search_path": "pg_catalog",
}
# A sequence writes its record up to 32 values ahead (SEQ_LOG_VALS); a restored one begins there. A
# server that was promoted, or recovered from a crash, stands at its record too, with none left to
# hand out (log_cnt = 0), and a backup from before holds a value up to 32 behind.
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


# Rows that are young or were locked or changed are told apart by their place: at most so many.
MOST_TOUCHED: Final = 10_000
# A table's query finds the rows of those that inherit from it, too.
_PLACE: Final = "(t.ctid::text || ' ' || t.tableoid::text)"
# A copy may lack so many of those: a hidden transaction that changed more proves nothing.
MOST_CHANGED: Final = 100
_ROUND: Final = 2**32  # transaction ids in rows have 32 bits
# More than can be given out between a snapshot and the position that is read right after it.
_MEANWHILE: Final = 1_000_000


@dataclass(frozen=True)
class Moment:
    """A snapshot of a busy database: transactions from `oldest` on may be hidden from it."""

    text: str  # as PostgreSQL writes a pg_snapshot
    oldest: int
    next: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pg_snapshot, `xmin:xmax:xip,…`."""
        oldest, following, _ = text.split(":")
        return cls(text, int(oldest), int(following))

    @property
    def hidden(self) -> str:
        """Asks a copy how many transactions it holds as committed that the snapshot didn't see."""
        return (
            "SELECT json_build_object('committed', (SELECT count(*) FROM "
            f"(SELECT pg_snapshot_xip('{self.text}'::pg_snapshot) AS x UNION ALL "
            f"SELECT g::text::xid8 FROM generate_series({self.next}::bigint, "
            "pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1) g) s "
            "WHERE pg_xact_status(s.x) = 'committed'))"
        )

    @property
    def young(self) -> str:
        """Whether the transaction that made a row `t` was still to end at the snapshot."""
        span = self.next - self.oldest + _MEANWHILE
        return f"((t.xmin::text::bigint - {self.oldest}) & {_ROUND - 1}) < {span}"


@dataclass(frozen=True)
class Older:
    """Of a table: rows older than a snapshot that nobody changed, and the others by place."""

    rows: int
    digest: str
    touched: Mapping[str, str] | None  # the others, place -> hash; None: too many to tell


@dataclass(frozen=True)
class Untouched:
    """Of a table of a copy: the rows that should be those, and what is at the other places."""

    rows: int
    digest: str
    others: Mapping[str, str]


class SequenceState(NamedTuple):
    """Where a sequence stood, and the least that a copy from a backup may hold of it."""

    last: int
    increment: int
    least: int


@dataclass(frozen=True)
class Content:
    """What a database held: digests and counts by name."""

    tables: Mapping[str, tuple[int, str]]  # rows, digest
    sequences: Mapping[str, SequenceState]
    objects: Mapping[str, Mapping[str, str]]  # kind -> name -> digest
    older: Mapping[str, Older] = field(default_factory=dict)  # of a busy database only

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
    not_compared: tuple[str, ...] = ()  # changed while it was read: nothing follows
    left_out: int = 0  # rows of the tables above all that nobody can compare

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
    by_table = ", ".join(f"{_literal(name)}, {_digest(name, salt)}" for name in tables)
    by_sequence = ", ".join(
        f"{_literal(name)}, (SELECT json_build_array(v.last_value, p.seqincrement, "
        f"v.last_value - CASE WHEN v.log_cnt = 0 THEN {AHEAD} * p.seqincrement ELSE 0 END) "
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


def older_question(tables: Sequence[str], salt: str, moment: Moment) -> str:
    """Asks the live database, in the snapshot, for what is not young and nobody changed.

    The other rows that the snapshot sees are before the position, too: told one by one.
    """
    by_table = ", ".join(
        f"{_literal(name)}, json_build_array("
        f"{_digest(name, salt, f'WHERE NOT {moment.young} AND t.xmax = 0::text::xid')}, "
        f"(SELECT coalesce(json_object_agg(s.place, s.h), '{{}}') FROM (SELECT {_PLACE} "
        f"AS place, {_hash(salt)} AS h FROM {name} t WHERE {moment.young} "
        f"OR t.xmax <> 0::text::xid LIMIT {MOST_TOUCHED + 1}) s))"
        for name in tables
    )
    return f"SELECT json_build_object({by_table})"


def untouched_question(touched: Mapping[str, Iterable[str]], salt: str, moment: Moment) -> str:
    """Asks a copy for the same rows: it has them at the same places."""
    by_table = ", ".join(
        f"{_literal(name)}, json_build_array("
        + _digest(name, salt, f"WHERE NOT {moment.young} AND {_PLACE} <> ALL({_places(places)})")
        + f", (SELECT coalesce(json_object_agg({_PLACE}, {_hash(salt)}), '{{}}') "
        f"FROM {name} t WHERE {_PLACE} = ANY({_places(places)})))"
        for name, places in touched.items()
    )
    return f"SELECT json_build_object({by_table})"


def _places(places: Iterable[str]) -> str:
    """Row addresses as the server wrote them: digits, brackets, a comma and a space."""
    return "'{" + ",".join(f'"{one}"' for one in places) + "}'::text[]"


def _digest(name: str, salt: str, where: str = "") -> str:
    """A query of number and digest of a table's rows."""
    return (
        f"(SELECT json_build_array(count(*), {_half('h', 1)} || '-' || {_half('h', 17)}) "
        f"FROM (SELECT {_hash(salt)} AS h FROM {name} t {where}) s)"
    )


def _hash(salt: str) -> str:
    """Of one row `t`."""
    return f"md5('{salt}' || t::text)"


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
            {
                name: SequenceState(int(last), int(by), int(least))
                for name, (last, by, least) in answer["sequences"].items()
            },
            {kind: dict(found) for kind, found in answer["objects"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{where}: the digests are unreadable: {error!r}") from error


def read_older(answer: Mapping[str, Any], *, where: str) -> dict[str, Older]:
    """Read the answer to `older_question`."""
    try:
        return {
            name: Older(
                int(rows),
                str(sums),
                dict(places) if len(places) <= MOST_TOUCHED else None,
            )
            for name, ((rows, sums), places) in answer.items()
        }
    except (TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{where}: the digests are unreadable: {error!r}") from error


def read_untouched(answer: Mapping[str, Any], *, where: str) -> dict[str, Untouched]:
    """Read the answer to `untouched_question`."""
    try:
        return {
            name: Untouched(int(rows), str(sums), dict(others))
            for name, ((rows, sums), others) in answer.items()
        }
    except (TypeError, ValueError, AttributeError) as error:
        raise NotUnderstood(f"{where}: the digests are unreadable: {error!r}") from error


def differing_tables(live: Content, copy: Content) -> tuple[str, ...]:
    """The names of tables that one has not as the other."""
    names = sorted({*live.tables, *copy.tables})
    return tuple(name for name in names if live.tables.get(name) != copy.tables.get(name))


def differences(live: Content, copy: Content, earlier: Content | None = None) -> Differences:
    """What the copy does not hold as the original, or holds besides.

    Sequences and definitions of the original belong to no snapshot: `earlier` is what they were
    before the position. A sequence was somewhere between; a definition that changed is named.
    Without it both are states of one server, where nothing lets a sequence fall behind.
    """
    changed = _differing_objects(earlier or live, live)
    low = {name: one.last for name, one in live.sequences.items()}
    if earlier:
        low |= {name: one.least for name, one in earlier.sequences.items()}
    return Differences(
        tuple(
            _described(name, live.tables.get(name), copy.tables.get(name))
            for name in differing_tables(live, copy)
        ),
        tuple(
            name
            for name in sorted({*live.sequences, *copy.sequences})
            if not _follows(low.get(name), live.sequences.get(name), copy.sequences.get(name))
        ),
        tuple(one for one in _differing_objects(live, copy) if one not in changed),
        changed,
    )


def _differing_objects(one: Content, other: Content) -> tuple[str, ...]:
    return tuple(
        f"{kind}: {name}"
        for kind in sorted({*one.objects, *other.objects})
        for name in sorted({*one.objects.get(kind, {}), *other.objects.get(kind, {})})
        if one.objects.get(kind, {}).get(name) != other.objects.get(kind, {}).get(name)
    )


def settled(
    found: Differences, live: Content, copy: Content, untouched: Mapping[str, Untouched]
) -> Differences:
    """The differences that are left where tables that differ were compared once more."""
    tables: list[str] = []
    unknown: list[str] = []
    left_out = 0
    for name in differing_tables(live, copy):
        held, older = copy.tables.get(name), live.older.get(name)
        if held is None or older is None:
            tables.append(_described(name, live.tables.get(name), held))
        elif older.touched is None:
            unknown.append(f"tables: {name}")
        elif (wrong := _told_apart(older, older.touched, untouched[name])) is not None:
            tables.append(_described(name, (older.rows, ""), wrong))
        else:
            changed = len(older.touched.keys() - untouched[name].others.keys())
            left_out += changed
            # Whether it was changed or is lost, nobody can tell of the whole of a table.
            if changed > MOST_CHANGED or (changed and not held[0]):
                unknown.append(f"tables: {name}")
    return Differences(
        tuple(tables),
        found.sequences,
        found.objects,
        (*found.not_compared, *unknown),
        left_out,
    )


def _told_apart(
    older: Older, touched: Mapping[str, str], copy: Untouched
) -> tuple[int, str] | None:
    """Rows and digest of what should be the same in the copy and is not; None where it is.

    A row that somebody was changing is there as it was, or is not there any more.
    """
    if (copy.rows, copy.digest) != (older.rows, older.digest):
        return copy.rows, copy.digest
    other = any(touched.get(place) != found for place, found in copy.others.items())
    return (copy.rows, "") if other else None


def _described(name: str, live: tuple[int, str] | None, copy: tuple[int, str] | None) -> str:
    if copy is None:
        return f"{name} (missing)"
    if live is None:
        return f"{name} (too many)"
    if live[0] != copy[0]:
        return f"{name} ({copy[0]} of {live[0]} rows)"
    return f"{name} (other rows)"


def _follows(low: int | None, high: SequenceState | None, copy: SequenceState | None) -> bool:
    """Whether a restored sequence gives no value twice and none out of reach.

    The original stood between `low` and `high` at the position.
    """
    if low is None or high is None or copy is None or high.increment != copy.increment:
        return False
    sign = 1 if high.increment > 0 else -1
    ahead = AHEAD * abs(high.increment)
    return (copy.last - low) * sign >= 0 and (copy.last - high.last) * sign <= ahead
