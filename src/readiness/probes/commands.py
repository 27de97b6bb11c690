"""The fixed list of commands that an observe session may send to a machine.

A command line is allowed when one pattern matches all of it. The pieces that vary (unit names,
paths, numbers) admit no blank, quote, wildcard or shell operator and cannot start with a dash, so
an allowed line can neither start a second program nor turn into an option. Contents are read from
configuration and kernel facts only: reading a pipe or a device would take something away.
What a site declares for one machine is allowed there besides: a program of its own word for word,
and looks at the folders that its backups lie in.
"""

import re
import shlex
from collections.abc import Collection, Sequence
from typing import Final

from readiness.model.errors import ReadinessError
from readiness.systems.hardening.questions import PATTERNS as _HARDENING
from readiness.systems.hardening.software_questions import PATTERNS as _SOFTWARE
from readiness.systems.secrets.questions import PATTERNS as _SECRETS


class NotPermitted(ReadinessError, PermissionError):
    """The command is not on the list of what an observe session may run."""


_UNIT: Final = r"[A-Za-z0-9][A-Za-z0-9@_.:-]*"
# As `systemd-escape` writes a name; between single quotes the shell leaves a backslash alone.
_ESCAPED: Final = r"'[A-Za-z0-9][A-Za-z0-9@_.:\\-]*'"
_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9@+_.:-]*"
_PATH: Final = r"/[A-Za-z0-9@+=:,._/-]*"
# In /proc only names in letters and the tunables: /proc/PID/root and its like lead anywhere.
_READABLE: Final = (
    r"/(?:(?:etc|usr|lib)/[A-Za-z0-9@+=:,._/-]+|proc/(?:sys/[a-z0-9_./-]+|(?!kmsg)[a-z]+))"
)
_PROGRAM: Final = rf"(?:{_NAME}|{_PATH})"
_COLUMNS: Final = r"[a-z]+(?::50)?(?:,[a-z]+(?::50)?)*"

# Facts about the machine as a whole.
_MACHINE: Final = (
    r"uname -[srm]",
    r"date \+%s\.%N",
    rf"command -v {_PROGRAM}",
    r"id(?: -(?:n?u|n?g|nG|G))?" + rf"(?: {_NAME})?",
    rf"getent (?:passwd|group|hosts)(?: {_NAME})?",
    rf"(?:{_PATH}/)?sysctl -n [a-z0-9_./-]+",
    rf"dpkg-query -f '\$\{{Status\}}(?: \$\{{Version\}})?' -W {_NAME}",
)
# What systemd, the process table and the network stack say.
_SERVICES: Final = (
    rf"systemctl (?:is-active|is-enabled|show) {_UNIT}",
    rf"systemctl list-timers --all --output=json {_UNIT}",
    rf"systemctl show --timestamp=unix --property=[A-Za-z,]+(?: (?:{_UNIT}|{_ESCAPED}))+",
    rf'systemctl list-unit-files \| grep -q "\^{_UNIT}"',
    rf"ps -Aww -o {_COLUMNS}",
    rf"ps -ww -p \d+ -o {_COLUMNS}",
    r"ip -json address show",
    # What a process and its ended children cost, as the kernel tells everybody (proc(5)).
    r"cat /proc/\d+/stat",
    rf"(?:{_PATH}/)?ss --numeric --(?:listening|all)(?: --(?:tcp|udp|unix))?",
)
# What chrony, or systemd-timesyncd, says about the clock.
_CLOCK: Final = (
    r"chronyc -c -n (?:tracking|sources)",
    (
        r"busctl --json=short get-property org\.freedesktop\.timesync1 /org/freedesktop/timesync1 "
        r"org\.freedesktop\.timesync1\.Manager(?: [A-Za-z]+)+"
    ),
)
# What processes wrote to the journal, a bounded number of lines; who may read it is the machine's.
_JOURNAL: Final = (
    (
        r"journalctl --boot --quiet --no-pager --output=json --output-fields=MESSAGE,_PID "
        r"--lines=\d{1,4}(?: _PID=\d+)+"
    ),
)
# Files: metadata anywhere, contents only where reading takes nothing away.
_FILES: Final = (
    rf"test -[edfrxpSL] {_PATH}",
    rf"stat -Lc %[UuGgaYsi] {_PATH}",
    rf"(?:realpath|readlink -f) {_PATH}",
    rf"ls -1 -q -- {_PATH}",
    rf"cat (?:-- )?{_READABLE}",
    rf"grep -qs -- {_NAME} {_READABLE}",
    rf"sha256sum {_READABLE} \| cut -d ' ' -f 1",
)
# What lies in a backup repository, as the user that owns it: its listing, and of a file no more
# than the bytes that say whether it is encrypted. Whether sudo permits it is the machine's to say.
_OWNER: Final = r"sudo -n -u [A-Za-z_][A-Za-z0-9_.-]*"
_STORED: Final = r"/[A-Za-z0-9._/-]+/(?:archive|backup)/[A-Za-z0-9._/-]+"
_BACKUPS: Final = (
    rf"{_OWNER} /usr/bin/pgbackrest --stanza={_NAME} --output=json(?: --set=[0-9FDI_-]+)? info",
    rf"{_OWNER} /usr/bin/pgbackrest --output=json --recurse repo-ls (?:archive|backup)/{_NAME}",
    rf"{_OWNER} /usr/bin/head -v -c 8(?: {_STORED})+",
)
# Whether replication could begin anew: a program without arguments, as the servers' own user.
_DATABASE: Final = (
    rf"{_OWNER} /usr/bin/python3 -I /usr/local/lib/readiness/replication_login\.py",
)
_ALLOWED: Final = tuple(
    re.compile(p, re.ASCII)
    for p in _MACHINE
    + _SERVICES
    + _CLOCK
    + _JOURNAL
    + _FILES
    + _BACKUPS
    + _DATABASE
    # Searches for secrets in what everybody on the machine can read, or in declared files.
    + _SECRETS
    # Rights of files, kernel settings and room of file systems, all of which everybody sees.
    + _HARDENING
    # Services, packages and what those brought.
    + _SOFTWARE
)
_CLIMBS: Final = re.compile(r"/\.\.(?:/|\s|$)")


def is_allowed(command: str, also: Collection[re.Pattern[str]] = ()) -> bool:
    """Whether the whole command line matches one entry of the list, or what is declared besides."""
    if _CLIMBS.search(command):
        return False
    return any(pattern.fullmatch(command) for pattern in (*_ALLOWED, *also))


def require_allowed(command: str) -> None:
    """Raise NotPermitted unless the command line is on the list."""
    if not is_allowed(command):
        raise NotPermitted(f"an observe session may not run {command!r}: it is not on the list")


def as_user(user: str, argv: Sequence[str]) -> str:
    """The command line of a program as another user; whether sudo permits it is the machine's."""
    return shlex.join(["sudo", "-n", "-u", user, *argv])


def bounded(line: str) -> str:
    """The line in a POSIX shell that takes no more of what it says than may come.

    Its status is a line on standard error, since the pipe's own is that of `head`. A program that
    goes on writes into a closed pipe, and ends. Of what it complains of the first part is taken.
    """
    head = "/usr/bin/head -c"
    ended = f"printf '\\n{STATUS}%d\\n' $? >&3"
    inner = f"{{ {line} </dev/null; {ended}; }} 2>&4 | {head} {MOST_OUTPUT + 1} >&5"
    left = f"{head} {MOST_COMPLAINT} >&2; {head} {MOST_DRAINED} >/dev/null"
    return f"{{ {{ {inner}; }} 4>&1 | {{ {left}; }}; }} 5>&1 3>&2"


def word_for_word(line: str) -> re.Pattern[str]:
    """What allows one command line and no other."""
    return re.compile(re.escape(line))


MOST_OUTPUT: Final = 1024 * 1024  # bytes
MOST_COMPLAINT: Final = 4096  # bytes
MOST_DRAINED: Final = 16 * 1024 * 1024  # bytes; tools tell of their progress there
STATUS: Final = "readiness-status="


# Size, time and kind of what lies there, where it really lies, and what it begins with.
LOOKS: Final = (
    "/usr/bin/stat -L -c %f/%s/%Y/%n --",
    "/usr/bin/realpath -m --",
    "/usr/bin/head -v -c 64 --",
)


def looks_below(user: str, folder: str) -> tuple[re.Pattern[str], ...]:
    """What allows these looks, as a user, at what lies in a folder, and at nothing else."""
    below = rf"(?: {re.escape(folder)}(?:/[A-Za-z0-9@+=:,._-]+)*)+"
    return tuple(
        re.compile(re.escape(f"sudo -n -u {user} {one}") + below, re.ASCII) for one in LOOKS
    )
