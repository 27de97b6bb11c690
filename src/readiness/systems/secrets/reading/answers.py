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
# What services keep is data there, and programs here; neither is where they are configured.
_ELSEWHERE: Final = re.compile(
    r"/(?:usr|bin|sbin|lib\w*|proc|sys|dev|run|tmp|boot|var/(?:lib|log|cache|spool|tmp|mail|run))(?:/|$)|/?$"
)
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
    """The paths that `grep -LZ` names."""
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
    named = [one for line in commands for one in _PATHS.findall(line)]
    folder = fields.get("WorkingDirectory", "").lstrip("!-")
    above = [one.rpartition("/")[0] for one in (*files, *named)]
    return Unit(fields.get("Id", "?"), fields.get("Environment", ""), commands, (folder, *above))


def roots(units: Sequence[Unit]) -> tuple[str, ...]:
    """Where to look: where configuration is, and where the services' own folders are besides."""
    own = {
        one
        for unit in units
        for one in unit.folders
        if one.startswith("/") and fits(one) and not _ELSEWHERE.match(one)
    }
    every: list[str] = list(EVERYWHERE)
    for one in sorted(own):
        if not any(one == root or one.startswith(f"{root}/") for root in every):
            every.append(one)
    return tuple(every)


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
