"""Reads what the searches of a machine answered: lists of files, lines, units and processes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.systems.secrets.questions import fits

# Where configuration is, by the hierarchy of file systems (FHS 3.0), and where people leave it.
EVERYWHERE: Final = (
    "/etc", "/opt", "/srv", "/usr/local/etc", "/var/www", "/var/backups", "/home", "/root",
)  # fmt: skip
# Programs and what the distribution brings, and what comes and goes: nobody configures there.
_ELSEWHERE: Final = re.compile(
    r"/(?:usr/(?:local/)?)?(?:bin|sbin|lib\w*|share|include|games|src)(?:/|$)"
    r"|/(?:proc|sys|dev|run|tmp|boot|var/(?:log|cache|spool|tmp|mail|run))(?:/|$)"
    r"|/(?:usr(?:/local)?|var(?:/lib)?)?$"
)
_SETTINGS: Final = re.compile(
    r".+\.(?:properties|ya?ml|conf|cnf|cfg|cf|ini|env|json|toml|xml|sh|py|rb|php)"
)
"""Files that a command line names and that are looked at wherever they lie."""
_BLOCK: Final = re.compile(r"\n\s*\n")
_ARGV: Final = re.compile(r"argv\[\]=(.*?) ; ignore_errors=")
_PATHS: Final = re.compile(r"(?<![\w/.-])/[\w@+:.-]+(?:/[\w@+:.-]+)+")


@dataclass(frozen=True)
class Line:
    """A line of a file that was sent."""

    path: str
    number: int
    text: str


@dataclass(frozen=True)
class Unit:
    """What systemd shows of a service: its environment, its command lines, where its files are."""

    id: str
    environment: str
    commands: tuple[str, ...]
    folders: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True)
class Process:
    """A process that we can see, with its arguments as one line."""

    user: str
    unit: str
    arguments: str

    @property
    def program(self) -> str:
        """The name of its program."""
        first = self.arguments.split(" ", 1)[0].rsplit("/", 1)[-1]
        return re.sub(r"[^\w.@+-]", "", first)[:40] or "?"


def read_sizes(said: bytes, where: str) -> dict[str, int]:
    """Path -> bytes, of what `find` lists."""
    found = {}
    for entry in _text(said).split("\0")[:-1]:
        size, _, path = entry.partition(" ")
        if not size.isdigit():
            raise NotUnderstood(f"{where}: find lists an entry without a size")
        found[path] = int(size)
    return found


def read_counts(said: bytes, where: str) -> dict[str, int]:
    """Path -> suspect lines, of what `grep -c` counts."""
    found = {}
    path, rest = "", _text(said)
    while rest:
        path, mark, rest = rest.partition("\0")
        number, _, rest = rest.partition("\n")
        if not mark or not number.isdigit():
            raise NotUnderstood(f"{where}: grep counts in another way than expected")
        found[path] = int(number)
    return found


def read_lines(said: bytes) -> Iterator[Line]:
    """The lines that `grep -nZ` sends; a line without its path belongs to a file that changed."""
    for sent in _text(said).split("\n"):
        path, mark, rest = sent.partition("\0")
        number, _, text = rest.partition(":")
        if mark and number.isdigit():
            yield Line(path, int(number), text)


def read_names(said: bytes) -> tuple[str, ...]:
    """The paths that `grep -LZ` or `find -print0` names."""
    return tuple(one for one in _text(said).split("\0") if one)


def read_units(said: str) -> tuple[Unit, ...]:
    """The services of `systemctl show`."""
    return tuple(_unit(block) for block in _BLOCK.split(said) if block.strip())


def _unit(block: str) -> Unit:
    pairs = [line.partition("=")[::2] for line in block.splitlines()]
    fields = {key: value for key, value in pairs if not key.startswith("Exec")}
    commands = tuple(
        argv for key, value in pairs if key.startswith("Exec") for argv in _ARGV.findall(value)
    )
    files = [value.partition(" (")[0] for key, value in pairs if key == "EnvironmentFiles"]
    folder = fields.get("WorkingDirectory", "").lstrip("!-")
    return Unit(
        fields.get("Id", "?"), fields.get("Environment", ""), commands, (folder,), tuple(files)
    )


def places(units: Sequence[Unit], processes: Sequence["Process"]) -> tuple[str, ...]:
    """Folders and files of the services' own, besides those where configuration is anyway.

    They are what units name, and what stands in command lines: a program's folder, a file of
    settings wherever it lies.
    """
    lines = [line for unit in units for line in unit.commands]
    lines += [one.arguments for one in processes]
    named = {path for line in lines for path in _PATHS.findall(line)}
    files = {path for unit in units for path in unit.files}
    files |= {path for path in named if _SETTINGS.fullmatch(path)}
    folders = {folder for unit in units for folder in unit.folders}
    folders |= {path.rpartition("/")[0] for path in (*named, *files)}
    folders = {path for path in folders if path and not _ELSEWHERE.match(path)}
    found: list[str] = []
    for path in (*sorted(folders), *sorted(files)):
        if path.startswith("/") and fits(path) and not _below(path, (*EVERYWHERE, *found)):
            found.append(path)
    return tuple(found)


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in folders)


def read_processes(said: str) -> tuple[Process, ...]:
    """The processes of `ps`, without its headline."""
    rows = [line.split(None, 3) for line in said.splitlines()[1:]]
    return tuple(Process(row[1], row[2], row[3]) for row in rows if len(row) == 4)  # noqa: PLR2004


def read_shipped(said: str) -> dict[str, str]:
    """Path -> MD5 of each configuration file, as its package shipped it."""
    rows = (line.split() for line in said.splitlines())
    return {row[0]: row[1] for row in rows if len(row) >= 2 and row[0].startswith("/")}  # noqa: PLR2004


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace")
