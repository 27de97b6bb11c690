"""What of a PostgreSQL server works only until it, or whoever is connected to it, starts anew.

A server keeps what it read at its start: a setting that needs a restart waits, a file that can't be
read is passed over at a reload and ends the next start, and a login that has run out goes on as
long as its connection does. PostgreSQL 15: 54.17 (pg_hba_file_rules), 54.9 (pg_file_settings),
54.24 (pg_settings), 21.1.
"""

from typing import Final

from readiness.systems.postgres.asking.session import Session
from readiness.systems.postgres.reading.restart import Restart, read

_IDENT_VIEW: Final = 150000  # pg_ident_file_mappings appeared in 15


# `pending_restart` says too much and too little: PostgreSQL 15 keeps it when a setting is taken
# back that had not come into force (ALTER SYSTEM RESET), and never sets it for what the command
# line gives. Patroni gives some of its settings there and writes them into the file as well, so
# a file that says otherwise waits for Patroni's next start of the server.
# What was taken out of its file goes back to its default at the next start; it is told without file
# and line, and waits for nothing where it is the default now (Patroni 3.0 writes a standby's
# recovery_target settings, all empty, and takes them out when it is promoted).
# A place (data_directory, hba_file) is kept as the server made it out, whole and without a slash at
# its end, and compared with what stands in the file: no restart would ever end that difference.
_QUESTION: Final = r"""
SELECT json_build_object(
  'server_clock', extract(epoch FROM clock_timestamp()),
  'pending', (SELECT json_agg(DISTINCT s.name ORDER BY s.name) FROM pg_settings s
    LEFT JOIN pg_file_settings f ON lower(f.name) = lower(s.name)
    WHERE s.context = 'postmaster' AND (f.error IS NOT NULL
        AND NOT (s.source = 'override' AND rtrim(f.setting, '/')
          IN (s.setting, right(s.setting, -length(regexp_replace(s.setting, '[^/]*$', '')))))
      OR f.name IS NULL AND s.pending_restart AND s.source = 'configuration file'
        AND s.setting IS DISTINCT FROM s.boot_val)),
  'lines', (SELECT count(*) FROM pg_file_settings WHERE name IS NOT NULL),
  'rules', (SELECT count(*) FROM pg_hba_file_rules WHERE error IS NULL),
  'unread', (SELECT json_agg(json_build_object('file', file, 'line', line, 'error', error)
      ORDER BY file, line) FROM (
    SELECT regexp_replace(sourcefile, '^.*/', '') AS file, sourceline AS line, error
      FROM pg_file_settings WHERE error IS NOT NULL AND sourcefile IS NOT NULL
        AND lower(coalesce(name, ''))
        NOT IN (SELECT lower(s.name) FROM pg_settings s WHERE s.context = 'postmaster')
    UNION ALL SELECT 'pg_hba.conf', line_number, error FROM pg_hba_file_rules
      WHERE error IS NOT NULL {ident}) unreadable),
  'logins', (SELECT json_agg(json_build_object(
      'role', r.rolname, 'may_log_in', r.rolcanlogin, 'replicates', u.replicates,
      'may_replicate', r.rolreplication OR r.rolsuper,
      'expires', CASE WHEN isfinite(r.rolvaliduntil) THEN extract(epoch FROM r.rolvaliduntil) END,
      'doors', u.doors
      ) ORDER BY r.rolname)
    FROM (SELECT role, bool_or(replicates) AS replicates, json_agg(DISTINCT
        jsonb_build_object('role', role, 'database', datname, 'address', host(client_addr),
          'local', local, 'encrypted', ssl)) AS doors FROM (
        SELECT usename AS role, backend_type = 'walsender' AS replicates, datname, client_addr,
            client_addr IS NULL AS local, ssl
          FROM pg_stat_activity LEFT JOIN pg_stat_ssl USING (pid)
          WHERE backend_type IN ('client backend', 'walsender') AND usename IS NOT NULL
        UNION ALL SELECT (regexp_match(current_setting('primary_conninfo'),
          $$(?:^|\s)user\s*=\s*'?([^'\s]+)$$))[1], true, NULL, NULL, false, NULL
          WHERE pg_is_in_recovery()) used
      GROUP BY role) u JOIN pg_roles r ON r.rolname = u.role),
  'access', (SELECT json_agg(h) FROM (
    SELECT type, database, user_name, address, netmask, auth_method
      FROM pg_hba_file_rules WHERE error IS NULL) h))
"""
_IDENT: Final = """
    UNION ALL SELECT 'pg_ident.conf', line_number, error FROM pg_ident_file_mappings
      WHERE error IS NOT NULL"""


def restart(session: Session) -> Restart:
    """What a restart of this server would meet.

    Raises:
        ProbeError: it does not answer, or the role may not read the three views of files.
    """
    ident = _IDENT if session.server_version >= _IDENT_VIEW else ""
    question = _QUESTION.replace("{ident}", ident)
    return read(session.plain(question), where=str(session.target))
