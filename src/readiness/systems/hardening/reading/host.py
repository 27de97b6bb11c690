"""Reads accounts, files and mounts, and says which rows of the table they break."""

from collections.abc import Iterator
from dataclasses import dataclass

from readiness.model.errors import NotUnderstood
from readiness.systems.hardening import rules
from readiness.systems.hardening.reading import Wrong

_TIMED_OUT = 124
_FIELDS = 7


@dataclass(frozen=True)
class File:
    """What a search found: kind of file, rights, owner, path."""

    kind: str
    mode: int
    owner: str
    path: str

    @property
    def runs_as_another(self) -> bool:
        """Whether it is set-uid or set-gid."""
        return self.kind == "f" and bool(self.mode & 0o6000)


def read_files(text: str, *, where: str) -> tuple[File, ...]:
    """What the search found; raises NotUnderstood when it did not come to its end."""
    found: list[File] = []
    ended = None
    for entry in text.split("\0"):
        kind, _, rest = entry.partition(" ")
        if kind == "ended":
            ended = int(rest)
        elif (parts := rest.split(" ", 2)) and len(parts) == len(("mode", "owner", "path")):
            found.append(File(kind, int(parts[0], 8), parts[1], parts[2]))
    if not found and (ended is None or ended == _TIMED_OUT):
        raise NotUnderstood(f"{where}: the search for open files did not come to its end")
    if ended == _TIMED_OUT:
        raise NotUnderstood(f"{where}: the search for open files took too long")
    return tuple(found)


def read_owned(text: str) -> frozenset[str]:
    """The paths that `dpkg-query -S` knows a package of, by the name below /usr too."""
    found: set[str] = set()
    for line in text.splitlines():
        package, colon, path = line.partition(": ")
        if colon and not package.startswith("diversion by"):
            found |= {path, f"/usr{path}"}
    return frozenset(found)


def accounts(text: str, *, where: str) -> tuple[int, tuple[Wrong, ...]]:
    """How many accounts there are, and what is wrong with them (passwd(5))."""
    lines = [line.split(":") for line in text.splitlines()]
    known = [one for one in lines if len(one) == _FIELDS]
    if not known or len(known) != len(lines):
        raise NotUnderstood(f"{where}: expected passwd(5), found {text[:60]!r}")
    wrong = [
        Wrong(rules.UID_0, f"account {one[0]} has UID 0")
        for one in known
        if one[2] == "0" and one[0] != "root"
    ]
    wrong += [
        Wrong(rules.EMPTY, f"account {one[0]} has an empty password") for one in known if not one[1]
    ]
    return len(known), tuple(wrong)


def files(found: tuple[File, ...], owned: frozenset[str]) -> Iterator[Wrong]:
    """What is wrong with the rights of files."""
    for one in found:
        if one.path.startswith("/home/") and one.owner != "root":
            # What somebody gives of their own is theirs to give.
            continue
        if one.runs_as_another and one.path not in owned:
            how = (
                f"{one.path} runs as its owner {one.owner} ({one.mode:04o}), and no package has it"
            )
            yield Wrong(rules.SET_UID, how, one.path)
        elif one.runs_as_another and rules.runs_anything(one.path):
            how = f"{one.path} runs what it is told as {one.owner} ({one.mode:04o})"
            yield Wrong(rules.SET_UID, how, one.path)
        if one.kind == "f" and one.mode & 0o002 and one.path.startswith(rules.SYSTEM):
            yield Wrong(rules.WRITABLE_FILE, f"everybody writes to {one.path}", one.path)
        if one.kind == "d" and (one.path.startswith(rules.SYSTEM) or one.path in rules.SHARED):
            how = f"everybody removes what is in {one.path} (no sticky bit)"
            yield Wrong(rules.WRITABLE_FOLDER, how, one.path)


def mounts(text: str) -> Iterator[Wrong]:
    """What is wrong with the options of folders that everybody writes to, and that are mounts.

    A later mount on the same point hides the earlier one.
    """
    options: dict[str, list[str]] = {}
    for line in text.splitlines():
        parts = line.split(" ")
        if len(parts) > len(("source", "point", "kind")):
            options[parts[1]] = parts[3].split(",")
    for point in rules.SHARED:
        lacking = [one for one in ("nosuid", "nodev") if one not in options.get(point, (one,))]
        if lacking:
            yield Wrong(rules.MOUNT, f"{point} is mounted without {' and '.join(lacking)}", point)
