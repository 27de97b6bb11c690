"""Reads kernel settings: as /proc/sys has them, and as sysctl.d(5) has them for the next start."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from readiness.systems.hardening.reading import Setting

_TREE = "/proc/sys/"


def read_running(text: str) -> dict[str, str]:
    """What `grep -H .` says of files below /proc/sys, by key."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        path, colon, value = line.partition(":")
        if colon and path.startswith(_TREE):
            found[path.removeprefix(_TREE).replace("/", ".")] = value.strip()
    return found


def read_saved(text: str, keys: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Value and file of each of these keys that some file sets; the last one wins.

    A key in full wins over a pattern wherever the two stand, as systemd-sysctl(8) has it.
    """
    exact: dict[str, tuple[str, str]] = {}
    globbed: dict[str, tuple[str, str]] = {}
    file = ""
    wanted = tuple(keys)
    for line in map(str.strip, text.splitlines()):
        if line.startswith("# /"):
            file = line[2:]
        if line.startswith(("#", ";")) or "=" not in line:
            continue
        name, _, value = line.partition("=")
        key = dotted(name.strip().removeprefix("-"))
        for one in wanted:
            if one == key:
                exact[one] = (value.strip(), file)
            elif fnmatchcase(one, key):
                globbed[one] = (value.strip(), file)
    return globbed | exact


def dotted(name: str) -> str:
    """A key as sysctl prints it; where the first separator is a slash, dots stand for slashes."""
    separators = [one for one in name if one in "./"]
    if separators and separators[0] == "/":
        return name.translate(str.maketrans("./", "/."))
    return name


def settings(running: dict[str, str], saved: dict[str, tuple[str, str]]) -> tuple[Setting, ...]:
    """Both together, of those that the kernel has."""
    return tuple(
        Setting(key, value, *saved.get(key, ("", ""))) for key, value in sorted(running.items())
    )
