"""Reads the files that were declared to be looked at: they hold no secret, whoever reads them."""

from collections.abc import Sequence
from typing import Final

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.systems.secrets import questions
from readiness.systems.secrets.asking.keys import without_value
from readiness.systems.secrets.asking.open_files import content, secrets_of_file, sorted_out
from readiness.systems.secrets.asking.sent import LIMIT
from readiness.systems.secrets.declared import LookedAt, Secrets
from readiness.systems.secrets.globs import folder_and_depth, is_glob, matches
from readiness.systems.secrets.questions import MOST_LISTED
from readiness.systems.secrets.reading import OpenFiles
from readiness.systems.secrets.reading.answers import read_names
from readiness.systems.secrets.reading.lines import whole_secret

MOST_FILES: Final = 200
MOST_IN_ALL: Final = 16 * 1024 * 1024
"""Bytes that the gate holds of one entry's files."""
_REFUSED: Final = ("permission denied", "password is required", "not allowed", "may not run")


def look(session: ObserveSession, entry: LookedAt, said: Secrets, machine: str) -> OpenFiles:
    """What was found in the declared files of a machine.

    Raises:
        ProbeError: one of them is not there, can't be read, or is more than is looked at.
    """
    paths = sorted({path for one in entry.paths for path in _matched(session, one, entry.user)})
    if len(paths) > MOST_FILES:
        raise NotUnderstood(
            f"{session.where}: {len(paths)} files are declared to be looked at; more than "
            f"{MOST_FILES} are not"
        )
    found, binary, lines, size = [], [], 0, 0
    for path in paths:
        data = _content(session, path, entry.user)
        size += len(data)
        if size > MOST_IN_ALL:
            raise NotUnderstood(
                f"{session.where}: the files that are declared to be looked at have more than "
                f"{MOST_IN_ALL >> 20} MiB"
            )
        if b"\0" in data:
            binary.append(path)
            continue
        text = data.decode("utf-8", "replace").splitlines()
        lines += len(text)
        whole = whole_secret(text) if _sounds_secret(path) else None
        found += secrets_of_file(path, data)
        found += [without_value(whole, path)] if whole else []
    secrets, allowed = sorted_out(found, said, machine)
    return OpenFiles(
        (), len(paths), lines, secrets, (), allowed, tuple(paths), tuple(binary), (), ()
    )


def _sounds_secret(path: str) -> bool:
    name = path.rsplit("/", 1)[-1].lower()
    return any(word in name for word in ("pass", "secret", "token", "credential"))


def _matched(session: ObserveSession, pattern: str, user: str | None) -> list[str]:
    """The files that a pattern means."""
    folder, depth = folder_and_depth(pattern)
    answer = session.run(questions.matched(folder, depth, user), remember=False, timeout=LIMIT)
    complaint = answer.stderr.decode("utf-8", "replace").lower()
    if any(word in complaint for word in _REFUSED):
        rules = [questions.matched(folder, depth, None)]
        rules += [] if is_glob(pattern) else [questions.content(pattern, None)]
        raise _refused(session, rules, pattern, user)
    if answer.exit_code != 0 or len(answer.stdout) >= MOST_LISTED:
        raise NotUnderstood(f"{session.where}: {folder} can't be listed, or is not there")
    found = read_names(answer.stdout)
    meant = [path for path in found if matches(pattern, path)]
    if not meant and not is_glob(pattern):
        raise NotUnderstood(f"{session.where}: {pattern} is no file there")
    return meant


def _content(session: ObserveSession, path: str, user: str | None) -> bytes:
    try:
        return content(session, path, user)
    except NotUnderstood:
        # It is there, or it would not have been listed; `head` and sudo end with 1 for any reason.
        if user or session.run(f"test -r {path}", remember=False).exit_code != 0:
            rules = [questions.matched(path, 0, None), questions.content(path, None)]
            raise _refused(session, rules, path, user) from None
        raise


def _refused(
    session: ObserveSession, commands: Sequence[str], path: str, user: str | None
) -> AccessDenied:
    """That it can't be read, with the rules for sudo that would let us."""
    rules = ", ".join(f"/usr/bin/{one}" for one in commands)
    declare = "" if user else " declare `user: USER`, somebody who may read it, and"
    return AccessDenied(
        f"{session.where}: {path} can't be read;{declare} permit it to sudo: "
        f"{session.user} ALL=({user or 'USER'}) NOPASSWD: {rules}"
    )
