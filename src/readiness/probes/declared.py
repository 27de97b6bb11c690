"""A machine that may be asked what the environment file declares for it, besides the fixed list.

Such a program is the site's own: it is sent word for word, and listened to within bounds.
"""

import re
from collections.abc import Collection, Sequence
from typing import Self

from readiness.model.errors import NotUnderstood
from readiness.probes.commands import (
    MOST_OUTPUT,
    STATUS,
    as_user,
    bounded,
    is_allowed,
)
from readiness.probes.ssh import COMMAND_TIMEOUT, ObserveSession
from readiness.systems.answer import Answer


class DeclaringSession(ObserveSession):
    """An observing session on a machine for which commands are declared."""

    _also: Collection[re.Pattern[str]] = ()

    @classmethod
    def over(cls, session: ObserveSession, also: Collection[re.Pattern[str]]) -> Self:
        """The same connection, with what is declared for its machine."""
        made = cls(session._link)  # noqa: SLF001 - the same connection, as another kind
        made._also = also
        return made

    def run(
        self, command: str, *, remember: bool = True, timeout: float = COMMAND_TIMEOUT
    ) -> Answer:
        """Run a listed or a declared command line; NotPermitted for any other.

        A declared one is asked each time.
        """
        if is_allowed(command) or not is_allowed(command, self._also):
            return super().run(command, remember=remember, timeout=timeout)
        return self._link.run(command, stdin=None, timeout=timeout)


def run_declared(
    session: ObserveSession, user: str, argv: Sequence[str], *, timeout: float
) -> Answer:
    """How a declared program ended, as a user, and what it said: at most 1 MiB.

    Raises:
        ProbeError: it could not be run, did not end in time, or said more.
    """
    answer = session.run(bounded(as_user(user, argv)), remember=False, timeout=timeout)
    if len(answer.stdout) > MOST_OUTPUT:
        raise NotUnderstood(f"{session.where}: {argv[0]} says more than {MOST_OUTPUT} B")
    lines = answer.stderr.splitlines()
    status = [one for one in lines if one.startswith(STATUS.encode())]
    told = status[-1].removeprefix(STATUS.encode()) if status else b""
    if not told.isdigit():
        raise NotUnderstood(f"{session.where}: {argv[0]}: {answer.complaint}")
    complaint = b"\n".join(one for one in lines if one not in status)
    return Answer(int(told), answer.stdout, complaint)
