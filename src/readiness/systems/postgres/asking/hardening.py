"""What a PostgreSQL server lets the application do, and whom it lets in.

Needs SELECT on pg_hba_file_rules; all else may be read by every role.
"""

from collections.abc import Sequence
from typing import Final

from readiness.systems.postgres.asking.session import Session, asked_for_password
from readiness.systems.postgres.reading.hardening import Hardening, read

# What of the predefined roles writes everywhere, or leaves the database for the machine (22.5).
_FATEFUL: Final = (
    "pg_execute_server_program",
    "pg_read_server_files",
    "pg_write_server_files",
    "pg_write_all_data",
)
_SHOWN: Final = 5  # names of each kind; who owns everything need not list it

# `reach` is whoever a role is or could become, by memberships of any depth. What extensions made
# is not counted: they are installed by whoever owns the database.
_QUESTION: Final = """
WITH RECURSIVE reach(role, oid) AS (
    SELECT rolname, oid FROM pg_roles WHERE rolname = ANY(%(roles)s)
    UNION SELECT reach.role, m.roleid FROM reach JOIN pg_auth_members m ON m.member = reach.oid),
powers(role, power, by) AS (
    SELECT reach.role, power, r.rolname FROM reach JOIN pg_roles r USING (oid)
    CROSS JOIN LATERAL (VALUES ('superuser', r.rolsuper), ('createrole', r.rolcreaterole),
      ('createdb', r.rolcreatedb), ('replication', r.rolreplication),
      ('bypassrls', r.rolbypassrls), (r.rolname, r.rolname = ANY(%(fateful)s))) has(power, held)
    WHERE held),
things AS (
    SELECT c.relowner, n.nspname || '.' || c.relname AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_'
      AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
        AND d.objid = c.oid AND d.deptype = 'e'))
SELECT json_build_object(
  'applications', (SELECT json_agg(json_build_object(
      'role', asked.role,
      'exists', EXISTS (SELECT FROM pg_roles WHERE rolname = asked.role),
      'powers', (SELECT json_agg(DISTINCT power ||
          CASE WHEN by IN (asked.role, power) THEN '' ELSE ' of the role ' || by END)
        FROM powers WHERE powers.role = asked.role),
      'owned', (SELECT count(*) FROM things WHERE EXISTS (
        SELECT FROM reach WHERE reach.role = asked.role AND reach.oid = things.relowner)),
      'owns', (SELECT json_agg(name ORDER BY name) FROM (SELECT name FROM things WHERE EXISTS (
          SELECT FROM reach WHERE reach.role = asked.role AND reach.oid = things.relowner)
        ORDER BY name LIMIT %(shown)s) named)) ORDER BY asked.role)
    FROM unnest(%(roles)s::text[]) asked(role)),
  'rules', (SELECT json_agg(h ORDER BY line_number) FROM (
    SELECT line_number, type, database, user_name, address, netmask, auth_method
    FROM pg_hba_file_rules WHERE error IS NULL) h),
  'password_encryption', current_setting('password_encryption'))
"""


def hardening(session: Session, roles: Sequence[str]) -> Hardening:
    """What decides on this server about who may do what.

    Raises:
        ProbeError: it does not answer, or the role may not read pg_hba_file_rules.
    """
    values = {"roles": list(roles), "fateful": list(_FATEFUL), "shown": _SHOWN}
    answer = session.document(_QUESTION, values)
    asked = asked_for_password(session)
    return read(answer, asked_for_password=asked, where=str(session.target))
