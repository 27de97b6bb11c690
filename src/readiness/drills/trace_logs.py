"""Looks for the ids of requests in the logs of the machines that they passed, over SSH.

A log is read by nobody: a file is asked how many lines have an id, and the journal for the lines of
one unit that do. An id that was never sent has to find nothing.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from readiness.drills.trace_trial import new_trace
from readiness.model.errors import AccessDenied, NotRun, NotUnderstood
from readiness.model.printable import one_line
from readiness.probes.declared import DeclaringSession
from readiness.probes.ssh import ObserveSession
from readiness.systems.answer import Answer
from readiness.systems.asker import Connections
from readiness.systems.traces.declared import HopLog, TraceLog
from readiness.systems.traces.whole import Sent

POLL: Final = 1.0  # seconds
MOST_LINES: Final = 50  # of one id
_ID: Final = "[0-9a-f]{32}"
_SINCE: Final = "@[0-9]{1,12}"
_FOUND: Final = (0, 1)  # grep(1): some, and none
# journalctl(1) says so to whom it shows its own lines only.
_CLOSED: Final = b"not seeing messages from"


@dataclass(frozen=True)
class LoggedIds:
    """How many requests passed a machine, and how many of their ids are in its log."""

    requests: int
    found: int
    strange: int
    """Lines with an id that was never sent."""


def find(connections: Connections, one: TraceLog, sent: Sequence[Sent], since: float) -> LoggedIds:
    """Look for every id until all are there, or until it is too late.

    Raises:
        NotRun: nobody declared where the log is.
        ProbeError: the machine is not reached, or does not let us read it.
    """
    if one.hop.log is None:
        what = f"{one.hop.service}: where its log is"
        raise NotRun(f"{what} is declared", declare=f"`log` of the step {one.hop.service}")
    session = opened(connections.session(one.machine), one.hop.log)
    passed = [each.trace for each in sent if one.machine in (each.edge, each.server)]
    end = max((each.ended for each in sent), default=since) + one.tracing.deadline
    missing = [*passed]
    while True:
        last = time.time() >= end
        missing = [each for each in missing if not _lines(session, one.hop.log, each, since)]
        if last or not missing:
            break
        time.sleep(POLL)
    strange = _lines(session, one.hop.log, new_trace(), since)
    return LoggedIds(len(passed), len(passed) - len(missing), strange)


def opened(session: ObserveSession, log: HopLog) -> DeclaringSession:
    """The connection on which one log may be asked for ids, and nothing else that is not listed."""
    one = re.compile(_command(log, _ID, _SINCE, quote=re.escape), re.ASCII)
    return DeclaringSession.over(session, (one,))


def _command(log: HopLog, trace: str, since: str, *, quote: Callable[[str], str] = str) -> str:
    if log.file:
        return f"grep --count --fixed-strings --regexp={trace} -- {quote(log.file)}"
    words = f"--no-pager --output=cat --lines={MOST_LINES} --since={since} --grep={trace}"
    return f"journalctl {words} --unit={quote(str(log.unit))}"


def _lines(session: DeclaringSession, log: HopLog, trace: str, since: float) -> int:
    """How many lines have an id."""
    if log.file:
        _require_file(session, log.file)
    said = session.run(_command(log, trace, f"@{int(since) - 1}"), remember=False)
    if _CLOSED in said.stderr:
        raise AccessDenied(f"{session.where}: the journal of {log.unit} is closed to our login")
    if log.file:
        return _count(session, log.file, said)
    if said.exit_code not in _FOUND:
        raise NotUnderstood(f"{session.where}: journalctl: {one_line(said.complaint, 200)}")
    return sum(trace.encode() in line for line in said.stdout.splitlines())


def _require_file(session: DeclaringSession, file: str) -> None:
    """Nothing is taken away by reading it: it is a file, and no pipe."""
    if session.run(f"test -f {file}").exit_code:
        raise NotUnderstood(f"{session.where}: {file} is no file, or is closed to our login")


def _count(session: DeclaringSession, file: str, said: Answer) -> int:
    text = said.stdout.strip()
    if said.exit_code not in _FOUND or not text.isdigit():
        raise NotUnderstood(f"{session.where}: {file}: {one_line(said.complaint, 200)}")
    return int(text)
