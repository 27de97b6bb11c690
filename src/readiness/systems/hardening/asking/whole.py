"""Takes no half answer of a machine for a whole one."""

from readiness.model.errors import AccessDenied, NotUnderstood
from readiness.probes.ssh import COMMAND_TIMEOUT, ObserveSession
from readiness.systems.hardening.software_questions import MOST_SENT


def whole(session: ObserveSession, command: str, *, timeout: float = COMMAND_TIMEOUT) -> str:
    """What a command says.

    Raises:
        ProbeError: it says nothing, or more than is listened to, or may not be run.
    """
    answer = session.run(command, remember=False, timeout=timeout)
    what = command.partition(" |")[0][:60]
    if b"sudo:" in answer.stderr:
        raise AccessDenied(f"{session.where}: sudo refuses {what!r}, which has to be permitted")
    if answer.exit_code != 0 or not answer.stdout:
        raise NotUnderstood(f"{session.where}: {what}: {answer.complaint or 'no answer'}")
    if len(answer.stdout) >= MOST_SENT:
        raise NotUnderstood(f"{session.where}: {what} says more than {MOST_SENT // 1024} KiB")
    return answer.text
