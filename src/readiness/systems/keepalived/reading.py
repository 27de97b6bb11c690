"""What the keepalived that runs on a machine does to move an address, asked without privileges.

A configuration says what should be. keepalived disables a script whose path somebody else may
write, that is missing or may not be executed, says so in its log, and runs on (seen with 2.2.7).
So the log since it last read its configuration is asked what became of each script, and the kernel
whether the process really runs something: what its ended children cost it only ever grows.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.site.declared.machine import Machine
from readiness.site.subjects import ADDRESS_HOLDER
from readiness.systems.keepalived.file import Configuration
from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.token import Source

_NAME: Final = "keepalived"
_INIT: Final = 1
_CHILDREN_FAULTS: Final = 11  # field of /proc/PID/stat, counted from 1 (proc(5), cminflt)
_BEFORE_NAME_ENDS: Final = 2  # fields of it up to the name, which may hold blanks


class State(StrEnum):
    """What became of a script since keepalived last read its configuration."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    DISABLED = "disabled"


@dataclass(frozen=True)
class Log:
    """What keepalived wrote since it last read its configuration."""

    whole: Annotated[bool, VOLATILE]  # whether that moment is in what the login may read
    read_at: Annotated[float | None, VOLATILE]  # when it was, in epoch seconds of the machine
    process: Annotated[int | None, VOLATILE]  # the process that does VRRP, where the log tells
    scripts: Annotated[dict[str, State], BOUNDED]
    refused: tuple[str, ...]  # paths of disabled scripts, where the log does not name the script
    missing: tuple[str, ...]  # processes and files that nobody defined, and what can't be followed


@dataclass(frozen=True)
class Keepalived:
    """The keepalived of one machine."""

    processes: Annotated[int, VOLATILE]
    configuration: Configuration | None  # None: the login may not read it
    problem: str  # why not
    log: Log
    # Whether its files are older than its reading of them.
    unchanged: Annotated[bool | None, BOUNDED]
    runs_something: Annotated[bool | None, VOLATILE]  # None: not waited for
    # Whether the program of a script is still there and executable, by path: once it has started,
    # keepalived does not notice that it is gone, writes nothing, and takes it for well (2.2.7).
    programs: dict[str, bool] = field(default_factory=dict)
    bound_to: tuple[str, ...] = ()  # units that end it with them (systemd.unit(5), BindsTo=)


def read_processes(text: str, *, where: str) -> dict[int, tuple[int, int]]:
    """Read `ps -o pid,ppid,etimes,comm`: parent and age in seconds of each keepalived, by pid.

    Raises:
        NotUnderstood: the login sees its own processes only.
    """
    rows = [line.split(None, 3) for line in text.splitlines()[1:] if line.strip()]
    try:
        found = {int(pid): (int(parent), int(age), name) for pid, parent, age, name in rows}
    except ValueError as error:
        raise NotUnderstood(f"{where}: ps answers {error}") from error
    if _INIT not in found:
        raise NotUnderstood(f"{where}: the login may not see the processes of others (hidepid)")
    ours = {pid for pid, (_, _, name) in found.items() if name.startswith(_NAME)}
    # A process that a script began is called keepalived until it has become the script.
    return {
        pid: (found[pid][0], found[pid][1])
        for pid in ours
        if not (found[pid][0] in ours and found[found[pid][0]][0] in ours)
    }


def parent_of(processes: Mapping[int, tuple[int, int]], *, where: str) -> int:
    """The process that started the others.

    Raises:
        NotUnderstood: there is none, or there are several.
    """
    found = [pid for pid, (parent, _) in sorted(processes.items()) if parent not in processes]
    if len(found) != 1:
        raise NotUnderstood(f"{where}: {len(found)} keepalived run beside each other")
    return found[0]


def option(words: list[str], short: str, long: str) -> str | None:
    """The value of an option in a command line."""
    for place, word in enumerate(words):
        if word in (short, long) and place + 1 < len(words):
            return words[place + 1]
        if word.startswith(f"{long}="):
            return word.partition("=")[2]
    return None


_BEGINS: Final = re.compile(r"^Starting Keepalived v")
_STARTS: Final = re.compile(r"^Starting VRRP child process, pid=(\d+)$")
_RELOADS: Final = re.compile(r"^Reloading\b")
_OF_SCRIPT: Final = (
    (re.compile(r"^VRRP_Script\((.+?)\) (?:succeeded|considered successful)"), State.SUCCEEDS),
    (
        re.compile(r"^VRRP_Script\((.+?)\) (?:failed|timed_out|considered unsuccessful)"),
        State.FAILS,
    ),
    (re.compile(r"^Disabling track script (\S+) "), State.DISABLED),
    (re.compile(r"\) track script (\S+) not found, ignoring"), State.DISABLED),
)
_OF_PATH: Final = (
    re.compile(r"script '(.+?)' is not executable .*disabling"),
    re.compile(r"Unable to set uid/gid for script '(.+?)'"),
)
_NOT_FOLLOWED: Final = (
    re.compile(r"track(?:ed)? (?:process|file) (\S+) not found, ignoring"),
    re.compile(r"(process event)s? listen .*(?:refused|not permitted|denied)", re.IGNORECASE),
)


@dataclass
class _Written:
    """What one process has written since it last read its configuration."""

    read_at: float | None = None
    scripts: dict[str, State] = field(default_factory=dict)
    refused: dict[str, None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)

    def take(self, message: str) -> None:
        """Take one line of it."""
        for pattern, state in _OF_SCRIPT:
            if named := pattern.search(message):
                self.scripts[named[1]] = state
                break
        for patterns, names in ((_OF_PATH, self.refused), (_NOT_FOLLOWED, self.missing)):
            names |= {named[1]: None for one in patterns if (named := one.search(message))}


def read_log(text: str, processes: frozenset[int]) -> Log:
    """Read `journalctl --output=json` of keepalived's processes, oldest line first.

    Lines of two processes stand in no certain order: the parent may tell of its child when that one
    has already written. So a process's own lines are followed, each by itself.
    """
    written: dict[int, _Written] = {}
    began: float | None = None
    process: int | None = None
    for moment, writer, message in _messages(text):
        start = _STARTS.search(message)
        if start and int(start[1]) in processes:
            process = int(start[1])
            mine = written.setdefault(process, _Written())
            mine.read_at = mine.read_at or began or moment
        elif _BEGINS.search(message):
            written, began, process = {}, moment, None
        elif _RELOADS.search(message):
            written[writer] = _Written(read_at=moment)
        else:
            written.setdefault(writer, _Written()).take(message)
    # Nobody but the process that does VRRP writes of scripts.
    found = [one for pid, one in written.items() if process in (None, pid) and one.scripts]
    mine = written.get(process, _Written()) if process is not None else _Written()
    if process is None and len(found) == 1:
        mine = found[0]
    return Log(
        whole=mine.read_at is not None,
        read_at=mine.read_at,
        process=process,
        scripts=mine.scripts,
        refused=tuple(mine.refused),
        missing=tuple(mine.missing),
    )


def _messages(text: str) -> Iterator[tuple[float, int, str]]:
    """Time, process and text of each line; one that is no text is told by its bytes."""
    for line in text.splitlines():
        try:
            entry: dict[str, Any] = json.loads(line)
            said, moment = entry["MESSAGE"], int(entry["__REALTIME_TIMESTAMP"]) / 1_000_000
            words = said if isinstance(said, str) else bytes(said).decode("utf-8", "replace")
            writer = int(entry["_PID"])
        except (ValueError, KeyError, TypeError):
            continue
        yield moment, writer, words


def patience(configuration: Configuration | None, addresses: Iterable[str]) -> float | None:
    """Within how many seconds a script has to end; None where none is followed."""
    if configuration is None:
        return None
    movers = [configuration.movers[one] for one in addresses if one in configuration.movers]
    # Two intervals, since a slow run delays the next, and a second for a busy machine.
    turns = [2 * one.interval + one.timeout + 1 for mover in movers for one in mover.scripts]
    return min(turns, default=None)


def faults(text: str) -> int:
    """Read /proc/PID/stat: the page faults of the children that it has waited for."""
    fields = text.rpartition(")")[2].split()
    try:
        return int(fields[_CHILDREN_FAULTS - _BEFORE_NAME_ENDS - 1])
    except (IndexError, ValueError) as error:
        raise NotUnderstood(f"/proc/PID/stat is unreadable: {error!r}") from error


KEEPALIVED: Final[Source[Machine, Keepalived]] = Source("keepalived", ADDRESS_HOLDER, Keepalived)
SOURCES: Final = (KEEPALIVED,)
