"""What a pgBackRest repository holds, by its own listing; nothing is taken on trust from a server.

Asked over SSH as a user that may list (`info`, `repo-ls`) and see the first eight bytes of a file.
Formats: pgBackRest command reference, `info` and `repo-ls` with `--output=json`; a file encrypted
with aes-256-cbc begins with OpenSSL's `Salted__`.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from readiness.model.errors import NotUnderstood, ProbeError
from readiness.probes.ssh import ObserveSession
from readiness.site.environment import Environment
from readiness.site.subjects import BackupRepository, Member
from readiness.systems.asker import Asker, AskerOf, Askers, Connections, by_itself
from readiness.systems.hosts.asking.mounts import MOUNTS
from readiness.systems.hosts.reading import TIMER
from readiness.systems.hosts.reading.mounts import mounts_below, read_mount
from readiness.systems.pgbackrest.reading import (
    REPOSITORY,
    REPOSITORY_ANSWER,
    SAMPLE,
    File,
    RepositoryReading,
    Stanza,
    histories_of,
    read_headers,
    read_info,
    read_listing,
    sample,
    segments_of,
)
from readiness.systems.postgres.reading import ARCHIVE

PGBACKREST: Final = "/usr/bin/pgbackrest"
LIMIT: Final = 25.0  # seconds; a listing reads a whole folder


def _said(session: ObserveSession, command: str) -> bytes:
    answer = session.run(command, remember=False, timeout=LIMIT)
    if answer.exit_code != 0:
        asked = command.partition(PGBACKREST)[2].strip() or command[:60]
        raise NotUnderstood(f"{session.where}: {asked}: {answer.complaint}")
    return answer.stdout


def info(session: ObserveSession, user: str, stanza: str, label: str = "") -> Stanza:
    """What the repository says it holds, as this machine is answered.

    Raises:
        ProbeError: it could not be asked, or answered something else.
    """
    one = f" --set={label}" if label else ""
    command = f"sudo -n -u {user} {PGBACKREST} --stanza={stanza} --output=json{one} info"
    text = _said(session, command).decode("utf-8", "replace")
    return read_info(text, stanza, where=session.where)


def listing(session: ObserveSession, user: str, folder: str) -> tuple[File, ...]:
    """Every file below a folder of the repository, as it lies there."""
    command = f"sudo -n -u {user} {PGBACKREST} --output=json --recurse repo-ls {folder}"
    text = _said(session, command).decode("utf-8", "replace")
    return read_listing(text, where=session.where)


def repository(
    session: ObserveSession, user: str, stanza: str, path: str, asked: float
) -> RepositoryReading:
    """Everything about a repository.

    Raises:
        ProbeError: a part of it could not be found out.
    """
    told = info(session, user, stanza)
    newest = told.newest_full
    if newest is not None:
        # Only asked for one backup does pgBackRest name its databases.
        detailed = info(session, user, stanza, newest.label).backups
        better = {(one.label, one.repository): one for one in detailed}
        backups = tuple(better.get((one.label, one.repository), one) for one in told.backups)
        told = replace(told, backups=backups)
    archived = listing(session, user, f"archive/{stanza}")
    stored = listing(session, user, f"backup/{stanza}")
    mounts = _said(session, MOUNTS).decode("utf-8", "replace")
    own = [one for one in stored if newest and one.path.startswith(f"{newest.label}/")]
    looked_at = (
        *(f"{path}/archive/{stanza}/{one.path}" for one in _newest(archived)),
        *sample([f"{path}/backup/{stanza}/{one.path}" for one in own if one.size]),
    )
    headers: tuple[tuple[str, str], ...] = ()
    if looked_at:
        words = " ".join(looked_at)
        headers = read_headers(_said(session, f"sudo -n -u {user} /usr/bin/head -v -c 8 {words}"))
    return RepositoryReading(
        asked=asked,
        stanza=told,
        segments=segments_of(archived),
        histories=histories_of(archived),
        files=tuple(own),
        headers=headers,
        mount=read_mount(mounts, path, where=session.where),
        below=mounts_below(mounts, path),
    )


def _newest(archived: Iterable[File]) -> list[File]:
    held = sorted((one for one in archived if one.size), key=lambda one: one.time)
    return held[-SAMPLE:]


def _repository(connections: Connections, one: BackupRepository) -> RepositoryReading:
    """What a repository holds, after every member has said what it archived.

    The order counts: what a server called archived before must lie in the repository now, and what
    the timer's service had ended by then.
    """
    for member in one.cluster.members:
        with suppress(ProbeError):
            connections.ask(ARCHIVE, member)
    with suppress(ProbeError):
        connections.ask(TIMER.of(one.backup.timer), one.machine)
    home, session = one.backup.repository, connections.session(one.machine)
    return repository(session, home.user, home.stanza, home.path, time.time())


def _answer(connections: Connections, one: BackupRepository, member: Member) -> Stanza:
    home = one.backup.repository
    return info(connections.session(member.machine), home.user, home.stanza)


def _members(_: Environment, one: BackupRepository) -> tuple[Member, ...]:
    return one.cluster.members


ASKERS: Final[Askers] = (
    Asker(REPOSITORY, _repository, together=by_itself),
    AskerOf(REPOSITORY_ANSWER, _answer, together=_members),
)
