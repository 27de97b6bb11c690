"""The audit trail: who read, or was refused, whose record, when, why; nothing is ever changed."""

from alembic import op

revision = "0005"
down_revision = "0004"

# Names of what was read and of who read it, never a value of a record.
EVENTS = """
CREATE SCHEMA audit;
CREATE TABLE audit.access_events (
    event_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    occurred_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    recorded_by    text NOT NULL DEFAULT session_user,
    request_id     text NOT NULL CHECK (request_id <> ''),
    actor_id       bigint,
    actor_role     text NOT NULL CHECK (actor_role <> ''),
    subject_id     bigint,
    category       text NOT NULL CHECK (category IN (
                       'profile', 'directory', 'academics', 'finances', 'enrollments')),
    fields         text[] NOT NULL,
    purpose        text NOT NULL CHECK (purpose <> ''),
    outcome        text NOT NULL CHECK (outcome IN ('granted', 'denied', 'absent')),
    route          text NOT NULL,
    served_by      text NOT NULL,
    CHECK (actor_id IS NOT NULL OR (actor_role = 'ANONYMOUS' AND outcome = 'denied')),
    CHECK (subject_id IS NOT NULL OR (category = 'directory' AND outcome <> 'granted'))
);
CREATE INDEX access_events_of_request ON audit.access_events (request_id);
CREATE INDEX access_events_of_subject ON audit.access_events (subject_id, occurred_at);
"""

# Rights stop the application. The triggers stop the owner and the superuser in an ordinary session,
# replication's role included (ENABLE ALWAYS); they fire for a statement that would hit no row too.
GUARD = """
CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION '% of audit events is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON audit.access_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audit.access_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
ALTER TABLE audit.access_events ENABLE ALWAYS TRIGGER refuse_change;
ALTER TABLE audit.access_events ENABLE ALWAYS TRIGGER refuse_truncate;
"""

# Columns that are not listed are the server's: identity, time and login can't be made up.
RIGHTS = """
GRANT USAGE ON SCHEMA audit TO portal;
GRANT INSERT (request_id, actor_id, actor_role, subject_id, category, fields, purpose, outcome,
              route, served_by) ON audit.access_events TO portal;
"""

# Whoever reviews the trail reads it; where nobody is there for that, nobody may.
REVIEWER = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'readiness_observe') THEN
        GRANT USAGE ON SCHEMA audit TO readiness_observe;
        GRANT SELECT ON audit.access_events TO readiness_observe;
    END IF;
END
$$
"""


def upgrade() -> None:
    """Make the trail, its guard, and the application's right to add to it."""
    op.execute(EVENTS)
    op.execute(GUARD)
    op.execute(RIGHTS)
    op.execute(REVIEWER)


def downgrade() -> None:
    """Drop the trail; only a copy may ever lose its events like this."""
    op.execute("DROP SCHEMA audit CASCADE")
