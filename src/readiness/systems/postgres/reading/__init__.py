"""What can be asked of a member of a PostgreSQL database, and of the machine that it is on."""

from typing import Final

from readiness.site.subjects import DATABASE_MEMBER, LOGGING_IN_MEMBER, Member
from readiness.systems.hosts.reading.mounts import Storage
from readiness.systems.postgres.reading.archive import Archiving
from readiness.systems.postgres.reading.encryption import Encryption
from readiness.systems.postgres.reading.hardening import Hardening
from readiness.systems.postgres.reading.replay import ReplayProgress
from readiness.systems.postgres.reading.replication_login import ReplicationLogins
from readiness.systems.postgres.reading.restart import Restart
from readiness.systems.postgres.reading.state import ServerState
from readiness.systems.token import Pin, Source


def says(found: ServerState) -> str:
    """Who answered, for a person."""
    role = "standby" if found.in_recovery else "primary"
    return (
        f"reached as {found.user} (reads only), PostgreSQL {found.version}, {role}, "
        f"system {found.system_identifier}"
    )


POSTGRES: Final[Source[Member, ServerState]] = Source(
    "postgresql",
    DATABASE_MEMBER,
    ServerState,
    says=says,
    pin=Pin(lambda member: member.database.name, lambda found: found.system_identifier),
)
ARCHIVE: Final[Source[Member, Archiving]] = Source("archiving", DATABASE_MEMBER, Archiving)
RESTART: Final[Source[Member, Restart]] = Source("restart", DATABASE_MEMBER, Restart)
# Whether a standby replays what the primary has written by now.
REPLAY: Final[Source[Member, ReplayProgress]] = Source("replay", DATABASE_MEMBER, ReplayProgress)
# What new replication connections meet.
REPLICATION_LOGINS: Final[Source[Member, ReplicationLogins]] = Source(
    "replication-logins", LOGGING_IN_MEMBER, ReplicationLogins
)
# The file systems that the data lie on, as the machine says.
STORAGE: Final[Source[Member, Storage]] = Source("storage", DATABASE_MEMBER, Storage)
# What it lets the application do, and whom it lets in.
HARDENING: Final[Source[Member, Hardening]] = Source(
    "database-hardening", DATABASE_MEMBER, Hardening
)
# Whether others can read along.
ENCRYPTION: Final[Source[Member, Encryption]] = Source(
    "database-encryption", DATABASE_MEMBER, Encryption
)
SOURCES: Final = (
    POSTGRES,
    ARCHIVE,
    RESTART,
    REPLAY,
    REPLICATION_LOGINS,
    STORAGE,
    HARDENING,
    ENCRYPTION,
)
