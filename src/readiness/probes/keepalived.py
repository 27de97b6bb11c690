"""What the keepalived that runs on a machine does to move an address, asked without privileges.

A configuration says what should be. keepalived disables a script whose path somebody else may
write, that is missing or may not be executed, says so in its log, and runs on (seen with 2.2.7).
So the log since it last read its configuration is asked what became of each script, and the kernel
whether the process really runs something: what its ended children cost it only ever grows.
"""

import fnmatch
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from readiness.errors import NotUnderstood
from readiness.probes import keepalived_file
from readiness.probes.commands import is_allowed
from readiness.probes.keepalived_file import Configuration
from readiness.probes.ssh import ObserveSession

_PROCESSES: Final = "ps -Aww -o pid,ppid,etimes,comm"
_NAME: Final = "keepalived"
_INIT: Final = 1
_FILE: Final = "/etc/keepalived/keepalived.conf"
# More lines than a flapping script writes in hours; what came before is not needed once the last
# reading of the configuration is among them.
_LINES: Final = 5_000
# A script with a longer interval is not waited for: a look may take half a minute in all.
_LONGEST_WAIT: Final = 15.0  # seconds
_PAUSE: Final = 0.25  # seconds between two looks at the process
_CHILDREN_FAULTS: Final = 11  # field of /proc/PID/stat, counted from 1 (proc(5), cminflt)
_BEFORE_NAME_ENDS: Final = 2  # fields of it up to the name, which may hold blanks
_ANEW: Final = 2  # times that one which is being restarted is asked again
_SETTLES: Final = 1.0  # seconds until then
_YOUNG: Final = 10  # seconds within which every script has been run for the first time
_EXECUTE: Final = 0o111
_GONE: Final = "No such file or directory"  # ENOENT, in the words of the C locale
_FOLDERS: Final = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")
_MOST_FILES: Final = 50  # that are included; more are not read


class State(StrEnum):
    """What became of a script since keepalived last read its configuration."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    DISABLED = "disabled"


@dataclass(frozen=True)
class Log:
    """What keepalived wrote since it last read its configuration."""

    whole: bool  # whether that moment is in what the login may read
    read_at: float | None  # when it was, in epoch seconds of the machine
    process: int | None  # the process that does VRRP, where the log tells
    scripts: dict[str, State]
    refused: tuple[str, ...]  # paths of disabled scripts, where the log does not name the script
    missing: tuple[str, ...]  # processes and files that nobody defined, and what can't be followed


@dataclass(frozen=True)
class Keepalived:
    """The keepalived of one machine."""

    processes: int
    configuration: Configuration | None  # None: the login may not read it
    problem: str  # why not
    log: Log
    unchanged: bool | None  # whether its files are older than its reading of them
    runs_something: bool | None  # None: not waited for
    # Whether the program of a script is still there and executable, by path: once it has started,
    # keepalived does not notice that it is gone, writes nothing, and takes it for well (2.2.7).
    programs: dict[str, bool] = field(default_factory=dict)
    bound_to: tuple[str, ...] = ()  # units that end it with them (systemd.unit(5), BindsTo=)


def keepalived(session: ObserveSession, addresses: Iterable[str]) -> Keepalived:
    """Ask a machine for its keepalived, and for what moves these addresses.

    One that is being restarted is asked again: it has no process for a moment, or no result yet.

    Raises:
        ProbeError: it could not be found out.
    """
    for _ in range(_ANEW):
        with suppress(NotUnderstood):
            found, settled = _asked(session, tuple(addresses))
            if settled:
                return found
        time.sleep(_SETTLES)
    return _asked(session, tuple(addresses))[0]


def _asked(session: ObserveSession, addresses: tuple[str, ...]) -> tuple[Keepalived, bool]:
    """What it says now, and whether it has been there long enough to say it."""
    listed = _said(session, _PROCESSES)
    processes = read_processes(listed, where=session.where)
    if not processes:
        nothing = Log(whole=False, read_at=None, process=None, scripts={}, refused=(), missing=())
        return Keepalived(0, None, "it does not run", nothing, None, None), False
    parent = _parent(processes, where=session.where)
    configuration, files, problem = _configuration(session, parent)
    log = read_log(_journal(session, processes), frozenset(processes))
    read_at = log.read_at or float(_said(session, "date +%s.%N")) - processes[parent][1]
    newest = max((int(_said(session, f"stat -Lc %Y {one}")) for one in files), default=None)
    found = Keepalived(
        processes=len(processes),
        configuration=configuration,
        problem=problem,
        log=log,
        # A second may pass between a start and its first line, and ages are whole seconds.
        unchanged=None if newest is None else newest <= read_at + 1,
        runs_something=_watched(session, processes, parent, log, configuration, addresses),
        programs=_programs(session, configuration, addresses),
        bound_to=_bound(session),
    )
    silent = configuration is not None and set(configuration.tracked) - log.scripts.keys()
    return found, not (silent and processes[parent][1] < _YOUNG)


def _said(session: ObserveSession, command: str) -> str:
    answer = session.run(command, remember=False)
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: {command[:40]}: {answer.complaint}")
    return answer.text


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


def _parent(processes: Mapping[int, tuple[int, int]], *, where: str) -> int:
    found = [pid for pid, (parent, _) in sorted(processes.items()) if parent not in processes]
    if len(found) != 1:
        raise NotUnderstood(f"{where}: {len(found)} keepalived run beside each other")
    return found[0]


def _configuration(
    session: ObserveSession, parent: int
) -> tuple[Configuration | None, list[str], str]:
    """What its files say, which they are, and why they could not be read."""
    words = _said(session, f"ps -ww -p {parent} -o args").splitlines()[-1].split()
    first = _option(words, "-f", "--use-file") or _FILE
    files, texts, whole = [first], [], True
    for path in files:
        text, problem = _text(session, path)
        if text is None and path == first:
            return None, [], f"{first}: {problem}"
        if text is None:
            whole = False
            continue
        texts.append(text)
        for pattern in keepalived_file.includes(text):
            more, known = _matching(session, pattern, path)
            whole &= known and len(files) + len(more) <= _MOST_FILES
            files += [one for one in more[:_MOST_FILES] if one not in files]
    host = _said(session, "cat /proc/sys/kernel/hostname").strip()
    ids = (_option(words, "-i", "--config-id") or host, host.partition(".")[0])
    return keepalived_file.read(texts, ids, whole=whole), files if whole else [], ""


def _text(session: ObserveSession, path: str) -> tuple[str | None, str]:
    """What a file holds, or why it can't be read."""
    if not is_allowed(f"cat {path}"):
        return None, "an observing login reads configuration below /etc and /usr only"
    answer = session.run(f"cat {path}", remember=False)
    return (answer.text, "") if answer.exit_code == 0 else (None, answer.complaint)


def _option(words: list[str], short: str, long: str) -> str | None:
    """The value of an option in a command line."""
    for place, word in enumerate(words):
        if word in (short, long) and place + 1 < len(words):
            return words[place + 1]
        if word.startswith(f"{long}="):
            return word.partition("=")[2]
    return None


def _matching(session: ObserveSession, pattern: str, by: str) -> tuple[list[str], bool]:
    """The files that an include means, and whether that could be found out."""
    path = pattern if pattern.startswith("/") else f"{by.rpartition('/')[0]}/{pattern}"
    folder, _, name = path.rpartition("/")
    if not any(sign in path for sign in "*?[{"):
        return [path], True
    if any(sign in folder for sign in "*?[{") or "{" in name:
        return [], False
    listing = f"ls -1 -q -- {folder}"
    answer = session.run(listing, remember=False) if is_allowed(listing) else None
    if answer is None or answer.exit_code != 0:
        return [], False
    names = [one for one in answer.text.splitlines() if not one.startswith(".")]
    return [f"{folder}/{one}" for one in sorted(fnmatch.filter(names, name))], True


def _journal(session: ObserveSession, processes: Iterable[int]) -> str:
    """The log of these processes; empty where the login may not read it."""
    pids = " ".join(f"_PID={one}" for one in sorted(processes))
    answer = session.run(
        "journalctl --boot --quiet --no-pager --output=json --output-fields=MESSAGE,_PID "
        f"--lines={_LINES} {pids}",
        remember=False,
    )
    return answer.text if answer.exit_code == 0 else ""


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


def _watched(
    session: ObserveSession,
    processes: Mapping[int, tuple[int, int]],
    parent: int,
    log: Log,
    configuration: Configuration | None,
    addresses: Iterable[str],
) -> bool | None:
    """Whether the process that does VRRP was seen to end a script, as often as it should."""
    limit = patience(configuration, addresses)
    children = [pid for pid in processes if pid != parent]
    process = log.process or (children[0] if len(children) == 1 else None)
    if limit is None or limit > _LONGEST_WAIT or process is None:
        return None
    began = time.monotonic()
    first = faults(_said(session, f"cat /proc/{process}/stat"))
    while time.monotonic() - began < limit:
        time.sleep(_PAUSE)
        if faults(_said(session, f"cat /proc/{process}/stat")) != first:
            return True
    return False


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


def _programs(
    session: ObserveSession, configuration: Configuration | None, addresses: Iterable[str]
) -> dict[str, bool]:
    """Which programs of scripts may still be executed; without those that can't be found out."""
    movers = configuration.movers if configuration is not None else {}
    scripts = (one for name in addresses if name in movers for one in movers[name].scripts)
    found = {one.program: _executable(session, one.program) for one in scripts}
    return {path: told for path, told in found.items() if told is not None}


def _executable(session: ObserveSession, program: str) -> bool | None:
    """Whether a program is a file that somebody may execute; None where nobody knows."""
    if not program.startswith("/"):
        there = (_executable(session, f"{folder}/{program}") for folder in _FOLDERS)
        return True if program and any(there) else None
    question = f"stat -Lc %a {program}"
    answer = session.run(question, remember=False) if is_allowed(question) else None
    if answer is None:
        return None
    if answer.exit_code != 0:
        return False if answer.complaint.endswith(_GONE) else None
    return bool(int(answer.text, 8) & _EXECUTE)


def _bound(session: ObserveSession) -> tuple[str, ...]:
    text = _said(session, "systemctl show --timestamp=unix --property=BindsTo keepalived.service")
    return tuple(text.strip().partition("=")[2].split())
