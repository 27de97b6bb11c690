"""Asks members of a PostgreSQL database, in read-only sessions of a login that can do no harm."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from readiness.model.errors import OverPrivileged, Unreachable
from readiness.probes.ssh_forward import forwarded
from readiness.site.declared.common import Login
from readiness.site.needs import demand
from readiness.site.subjects import Member, members
from readiness.systems.asker import Asker, Askers, Connections, by_itself
from readiness.systems.hosts.asking import mounts
from readiness.systems.hosts.reading.mounts import Storage
from readiness.systems.postgres.asking import (
    archive,
    encryption,
    hardening,
    replication_login,
    restart,
    session,
)
from readiness.systems.postgres.asking.session import PostgresTarget, Session
from readiness.systems.postgres.reading import (
    ARCHIVE,
    ENCRYPTION,
    HARDENING,
    POSTGRES,
    REPLAY,
    REPLICATION_LOGINS,
    RESTART,
    STORAGE,
)
from readiness.systems.postgres.reading.archive import Archiving
from readiness.systems.postgres.reading.encryption import Encryption
from readiness.systems.postgres.reading.hardening import Hardening
from readiness.systems.postgres.reading.replay import ReplayProgress
from readiness.systems.postgres.reading.replication_login import ReplicationLogins
from readiness.systems.postgres.reading.restart import Restart
from readiness.systems.postgres.reading.state import SETTINGS, ServerState


@contextmanager
def reached(connections: Connections, member: Member, login: Login) -> Iterator[PostgresTarget]:
    """A member as that login, by the way that is declared to it, which ends with the block.

    Raises:
        ProbeError: the machine whose own server it is forwards nothing.
    """
    site, database = connections.site, member.database
    vouching, socket = database.authority, None
    with ExitStack() as tunnel:
        if database.through:
            over = connections.session(member.machine)
            socket = tunnel.enter_context(forwarded(over, database.port))
        yield PostgresTarget(
            name=member.machine.name,
            host=member.machine.name,
            address=member.machine.addresses[0],
            port=database.port,
            dbname=database.database,
            user=login.user,
            ca_file=site.path(site.authorities[vouching]) if vouching else None,
            socket=socket,
            encrypted=not database.tls,
        )


def reading_session(connections: Connections, member: Member, login: Login) -> Session:
    """A read-only session with one member as that login, refused where it could do harm.

    It is kept until the next disturbance, which may change what a login may do.

    Raises:
        OverPrivileged: the login given for looking could do harm.
        ProbeError: the member is not reached or refuses us.
    """

    def opened() -> Session:
        way = ExitStack()
        with ExitStack() as refused:
            refused.enter_context(way)
            target = way.enter_context(reached(connections, member, login))
            new = session.connect(target, connections.site.secret(login.password))
            refused.enter_context(new)
            dangerous = session.rights(new).dangerous
            if dangerous:
                raise OverPrivileged(
                    f"{member.id}: the observe login {login.user} could do harm and is "
                    f"refused: {', '.join(dangerous[:5])}; give one that only reads (what PUBLIC "
                    "may do, it may: REVOKE CREATE ON SCHEMA public FROM PUBLIC)"
                )
            refused.pop_all()
            new.closes_with(way.close)
        return new

    return connections.kept(f"postgresql {member.id} {login.user}", opened)


def observing(connections: Connections, member: Member) -> Session:
    """A read-only session with one member as its observe login; raises as `reading_session`."""
    return reading_session(connections, member, member.database.logins.observe)


def primary(connections: Connections, database: str) -> Member:
    """The member that accepts writes, as all of them say.

    Raises:
        Unreachable: none or more than one does.
    """
    everyone = [one for one in members(connections.site) if one.database.name == database]
    found = [one for one in everyone if not connections.ask(POSTGRES, one).reading.in_recovery]
    if len(found) != 1:
        raise Unreachable(f"{database}: {len(found)} members accept writes, expected one")
    return found[0]


def _state(connections: Connections, member: Member) -> ServerState:
    return session.state(observing(connections, member), SETTINGS)


def _archiving(connections: Connections, member: Member) -> Archiving:
    return archive.archiving(observing(connections, member))


def _restart(connections: Connections, member: Member) -> Restart:
    return restart.restart(observing(connections, member))


def _replay(connections: Connections, standby: Member) -> ReplayProgress:
    """Whether a standby replays what the primary has written by now.

    The primary is asked anew, just before the standby: of answers that came at once a segment that
    was completed between them would look like 16 MiB of lag.
    """
    source = primary(connections, standby.database.name)
    goal = session.written(observing(connections, source))
    return session.replays_up_to(
        observing(connections, standby), goal, within=standby.database.lag_time
    )


def _replication_logins(connections: Connections, member: Member) -> ReplicationLogins:
    demand(connections.site, "replication login", member)
    declared = member.database.replication_login
    user = declared.user if declared else ""
    return replication_login.replication_logins(connections.session(member.machine), user)


def _storage(connections: Connections, member: Member) -> Storage:
    folder = connections.ask(POSTGRES, member).reading.settings["data_directory"].value
    return mounts.storage(connections.session(member.machine), folder)


def _hardening(connections: Connections, member: Member) -> Hardening:
    roles = [one.user for one in member.database.application]
    return hardening.hardening(observing(connections, member), roles)


def _encryption(connections: Connections, member: Member) -> Encryption:
    return encryption.encryption(observing(connections, member))


ASKERS: Final[Askers] = (
    Asker(POSTGRES, _state),
    Asker(ARCHIVE, _archiving),
    Asker(RESTART, _restart),
    Asker(REPLAY, _replay, together=by_itself),
    Asker(REPLICATION_LOGINS, _replication_logins, early=True),
    Asker(STORAGE, _storage, together=by_itself),
    Asker(HARDENING, _hardening),
    Asker(ENCRYPTION, _encryption),
)
