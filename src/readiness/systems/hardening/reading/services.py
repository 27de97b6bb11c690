"""Reads how services run: by what systemd holds in memory, by their processes, and by their files.

What the next start would bring and what runs now are both judged: a unit that says `User=` does
not change a process that was started before.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from readiness.model.errors import NotUnderstood
from readiness.site.declared.machine import Machine
from readiness.site.subjects import REACHED_MACHINE
from readiness.systems.marks import VOLATILE
from readiness.systems.token import Source

ROOT: Final = "root"
_OWN: Final = ("/etc/systemd/", "/run/systemd/system/", "/run/systemd/transient/", "/usr/local/")
"""Where units lie that no package of the distribution brings (systemd.unit(5))."""
_BLOCK: Final = re.compile(r"\n\s*\n")
_PATH: Final = re.compile(r"path=(/\S+) ;")
_ARGV: Final = re.compile(r"argv\[\]=(.*?) ; ignore_errors=")
_WORD: Final = re.compile(r"(?<!\S)/[\w@+:.-]+(?:/[\w@+:.-]+)+")
_OTHERS, _GROUP, _STICKY = 0o002, 0o020, 0o1000


@dataclass(frozen=True)
class Process:
    """As whom a process runs and what it may, as the kernel says."""

    uid: int
    no_new_privileges: bool
    capabilities: int


@dataclass(frozen=True)
class Unit:
    """A service as systemd has it in memory, and the process that it started."""

    id: str
    user: str
    own: bool
    """No package brings it."""
    changed_on_disk: bool
    """Its file is another one than what systemd has read."""
    no_new_privileges: bool
    pid: Annotated[int, VOLATILE]
    runs_as: str
    """Empty where no process runs."""
    gains_nothing: bool
    """Its process can gain no rights."""
    capabilities: int
    files: tuple[str, ...]
    """Its file, what adds to it, and what it starts."""

    @property
    def starts_as_root(self) -> bool:
        """Whether what it starts is root's, now or from the next start on."""
        return self.user in {"", ROOT} or self.runs_as == ROOT


@dataclass(frozen=True)
class Rights:
    """Who may write what lies at a path."""

    path: str
    owner: str
    group: str
    mode: int
    folder: bool

    def writers(self, members: Mapping[str, Sequence[str]]) -> str:
        """Who besides root may write it, or replace what is in it; empty where nobody may."""
        if self.owner != ROOT:
            return self.owner
        if self.folder and self.mode & _STICKY:
            return ""
        if self.mode & _OTHERS:
            return "everybody"
        if self.mode & _GROUP and (inside := set(members.get(self.group, ())) - {ROOT}):
            return f"group {self.group} ({', '.join(sorted(inside)[:3])})"
        return ""


@dataclass(frozen=True)
class Writable:
    """What a service of root's leans on, and others may write."""

    unit: str
    path: str
    by: str

    def __str__(self) -> str:
        return f"{self.by} may write {self.path}, which {self.unit} has root read or run"


@dataclass(frozen=True)
class Services:
    """The services of a machine, and what others may write of those that root runs."""

    units: tuple[Unit, ...]
    writable: tuple[Writable, ...]
    looked_at: Annotated[int, VOLATILE]
    """Files and folders whose rights were seen."""


SERVICES: Final[Source[Machine, Services]] = Source("services", REACHED_MACHINE, Services)


def read_units(said: str, where: str) -> list[dict[str, str]]:
    """What systemd says of each loaded service, by property.

    Raises:
        NotUnderstood: it shows no service, as where there is no systemd.
    """
    blocks = [
        dict(line.partition("=")[::2] for line in block.splitlines())
        for block in _BLOCK.split(said)
        if block.strip()
    ]
    found = [one for one in blocks if one.get("LoadState") == "loaded" and "Id" in one]
    if not found:
        raise NotUnderstood(f"{where}: systemctl shows no service")
    return found


def pid_of(shown: Mapping[str, str]) -> int:
    """The main process of a service; 0 where there is none."""
    said = shown.get("MainPID", "0")
    return int(said) if said.isdigit() else 0


def read_processes(said: str) -> dict[int, Process]:
    """What `grep -H` says of /proc/PID/status, by process; one that ended meanwhile is left out."""
    lines: dict[int, dict[str, str]] = {}
    for line in said.splitlines():
        found = re.fullmatch(r"/proc/(\d+)/status:(\w+):\s*(.+)", line)
        if found:
            lines.setdefault(int(found[1]), {})[found[2]] = found[3]
    return {
        pid: Process(int(one["Uid"].split()[1]), one["NoNewPrivs"] == "1", int(one["CapEff"], 16))
        for pid, one in lines.items()
        if {"Uid", "NoNewPrivs", "CapEff"} <= one.keys()
    }


def unit(shown: Mapping[str, str], process: Process | None, names: Mapping[int, str]) -> Unit:
    """A service with its process; names of users are by number."""
    fragment = shown.get("FragmentPath", "")
    commands = shown.get("ExecStart", "")
    files = [fragment, *shown.get("DropInPaths", "").split(), *_PATH.findall(commands)]
    files += [path for argv in _ARGV.findall(commands) for path in _WORD.findall(argv)]
    user = shown.get("User", "")
    return Unit(
        shown["Id"],
        user or ("a dynamic user" if shown.get("DynamicUser") == "yes" else ""),
        fragment.startswith(_OWN),
        shown.get("NeedDaemonReload") == "yes",
        shown.get("NoNewPrivileges") == "yes",
        pid_of(shown) if process else 0,
        names.get(process.uid, str(process.uid)) if process else "",
        process.no_new_privileges if process else False,
        process.capabilities if process else 0,
        tuple(dict.fromkeys(one for one in files if one.startswith("/"))),
    )


def with_folders(paths: Iterable[str]) -> tuple[str, ...]:
    """Paths and all folders above them: who writes a folder replaces what is in it."""
    found: dict[str, None] = {}
    for path in paths:
        steps = path.split("/")
        for end in range(2, len(steps) + 1):
            found["/".join(steps[:end])] = None
    return tuple(found)


def read_rights(said: str) -> dict[str, Rights]:
    """What `stat` says, by path."""
    found = {}
    for line in said.splitlines():
        seen = re.fullmatch(r"(\S+) (\S+) ([0-7]{1,4}) ([^:]*):(/.*)", line)
        if seen:
            folder = "directory" in seen[4]
            found[seen[5]] = Rights(seen[5], seen[1], seen[2], int(seen[3], 8), folder)
    return found


def read_members(groups: str, accounts: str) -> dict[str, list[str]]:
    """Who is in each group: named in it, or with it as their own (group(5), passwd(5))."""
    rows = [line.split(":") for line in groups.splitlines()]
    name = {row[2]: row[0] for row in rows if len(row) == 4}  # noqa: PLR2004
    found = {row[0]: [one for one in row[3].split(",") if one] for row in rows if len(row) == 4}  # noqa: PLR2004
    for line in accounts.splitlines():
        row = line.split(":")
        if len(row) == 7 and row[3] in name:  # noqa: PLR2004
            found[name[row[3]]].append(row[0])
    return found


def writable(
    units: Iterable[Unit], rights: Mapping[str, Rights], members: Mapping[str, Sequence[str]]
) -> tuple[Writable, ...]:
    """What others may write of what root's services read and run: the file, or a folder above."""
    found: dict[tuple[str, str], Writable] = {}
    for one in units:
        if not one.starts_as_root:
            continue
        for path in with_folders(one.files):
            by = rights[path].writers(members) if path in rights else ""
            if by and by != one.user:
                found.setdefault((one.id, path), Writable(one.id, path, by))
    return tuple(found.values())
