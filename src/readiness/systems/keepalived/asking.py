"""What the keepalived that runs on a machine does to move an address, asked without privileges.

A configuration says what should be. keepalived disables a script whose path somebody else may
write, that is missing or may not be executed, says so in its log, and runs on (seen with 2.2.7).
So the log since it last read its configuration is asked what became of each script, and the kernel
whether the process really runs something: what its ended children cost it only ever grows.
"""

import fnmatch
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.probes.commands import is_allowed
from readiness.probes.ssh import ObserveSession
from readiness.site.declared.machine import Machine
from readiness.site.subjects import moved_addresses
from readiness.systems.asker import Asker, Askers, Connections
from readiness.systems.keepalived import file as keepalived_file
from readiness.systems.keepalived.file import Configuration
from readiness.systems.keepalived.reading import (
    KEEPALIVED,
    Keepalived,
    Log,
    faults,
    option,
    parent_of,
    patience,
    read_log,
    read_processes,
)

_PROCESSES: Final = "ps -Aww -o pid,ppid,etimes,comm"
_FILE: Final = "/etc/keepalived/keepalived.conf"
# More lines than a flapping script writes in hours; what came before is not needed once the last
# reading of the configuration is among them.
_LINES: Final = 5_000
# A script with a longer interval is not waited for: a look may take half a minute in all.
_LONGEST_WAIT: Final = 15.0  # seconds
_PAUSE: Final = 0.25  # seconds between two looks at the process
_ANEW: Final = 2  # times that one which is being restarted is asked again
_SETTLES: Final = 1.0  # seconds until then
_YOUNG: Final = 10  # seconds within which every script has been run for the first time
_EXECUTE: Final = 0o111
_GONE: Final = "No such file or directory"  # ENOENT, in the words of the C locale
_FOLDERS: Final = ("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin")
_MOST_FILES: Final = 50  # that are included; more are not read


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
    parent = parent_of(processes, where=session.where)
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


def _configuration(
    session: ObserveSession, parent: int
) -> tuple[Configuration | None, list[str], str]:
    """What its files say, which they are, and why they could not be read."""
    words = _said(session, f"ps -ww -p {parent} -o args").splitlines()[-1].split()
    first = option(words, "-f", "--use-file") or _FILE
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
    ids = (option(words, "-i", "--config-id") or host, host.partition(".")[0])
    return keepalived_file.read(texts, ids, whole=whole), files if whole else [], ""


def _text(session: ObserveSession, path: str) -> tuple[str | None, str]:
    """What a file holds, or why it can't be read."""
    if not is_allowed(f"cat {path}"):
        return None, "an observing login reads configuration below /etc and /usr only"
    answer = session.run(f"cat {path}", remember=False)
    return (answer.text, "") if answer.exit_code == 0 else (None, answer.complaint)


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


def _keepalived(connections: Connections, machine: Machine) -> Keepalived:
    moving = moved_addresses(connections.site)
    return keepalived(connections.session(machine), moving.get(machine.name, ()))


ASKERS: Final[Askers] = (Asker(KEEPALIVED, _keepalived, early=True),)
