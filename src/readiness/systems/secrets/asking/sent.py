"""Sends one of the room's command lines, and takes no half answer for a whole one."""

from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession

LIMIT: Final = 25.0  # seconds; a case has 30


def sent(session: ObserveSession, command: str, what: str, *, most: int) -> bytes:
    """What a search answered, as bytes.

    Raises:
        NotUnderstood: it could not search, or there is more than it may send.
    """
    answer = session.run(command, remember=False, timeout=LIMIT)
    if answer.exit_code != 0:
        # Not its words: a search that fails halfway may complain about a line of a file.
        raise NotUnderstood(f"{session.where}: {what} ended with {answer.exit_code}")
    if len(answer.stdout) >= most:
        raise NotUnderstood(
            f"{session.where}: {what} has more to say than {most // 1024} KiB: "
            "what everybody reads there is too much to be looked at"
        )
    return answer.stdout


def has(session: ObserveSession, program: str) -> bool:
    """Whether a program is installed there."""
    return session.run(f"command -v {program}").exit_code == 0
