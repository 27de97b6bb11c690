"""What a machine says of its packages: which there are, what runs of them, and what was changed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from readiness.model.errors import NotUnderstood
from readiness.site.declared.machine import Machine
from readiness.site.subjects import REACHED_MACHINE
from readiness.systems.marks import BOUNDED, VOLATILE
from readiness.systems.token import Source

# Where programs and what they load lie. What is installed without its papers lacks those.
_RUN: Final = re.compile(r"/(?:usr/(?:local/)?)?(?:s?bin|lib\w*|libexec|games)/.+|/(?:opt|boot)/.+")
_ENDED: Final = re.compile(r"(?s)(.*?)^ended (\d+)\n?\Z", re.MULTILINE)
_INFO: Final = "/var/lib/dpkg/info/"
_ENDING: Final = ".md5sums"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_GONE: Final = " (deleted)"
_FIELDS: Final = 5


@dataclass(frozen=True)
class Package:
    """An installed package: its name with the architecture where dpkg says it, and its source."""

    name: str
    version: str
    source: str
    source_version: str


@dataclass(frozen=True)
class Stale:
    """A process that still runs what was deleted or replaced."""

    process: str
    path: str

    def __str__(self) -> str:
        return f"{self.process} runs {self.path}, which is gone"


@dataclass(frozen=True)
class Holed:
    """An installed package with a hole that is known."""

    bug: str
    package: str
    version: str
    mended_in: str
    """Empty where nobody has mended it."""

    def __str__(self) -> str:
        until = f"mended in {self.mended_in}" if self.mended_in else "mended nowhere"
        return f"{self.package} {self.version} has {self.bug}, {until}"


@dataclass(frozen=True)
class Software:
    """The packages of a machine with the holes that are known of them, and what runs of them."""

    packages: Annotated[int, VOLATILE]
    programs: Annotated[int, VOLATILE]
    """Processes whose programs were seen."""
    stale: tuple[Stale, ...]
    """Processes that still run what was deleted or replaced."""
    holes: tuple[Holed, ...]
    known: Annotated[int, VOLATILE]
    """Holes that the list knows of."""
    newest_year: Annotated[int, BOUNDED]
    """Of the newest hole of the list; 0 where none has a number of the CVE list."""
    fetched: Annotated[float, BOUNDED]
    """How many seconds ago the list was fetched."""


@dataclass(frozen=True)
class Brought:
    """What packages brought to a machine, against what is kept of it elsewhere."""

    compared: Annotated[int, VOLATILE]
    """Packages whose list of digests is as it was kept."""
    rebuilt: tuple[str, ...]
    """Packages whose list is another one, of the same version."""
    not_kept: tuple[str, ...]
    """Packages, or versions, that nothing was kept of."""
    changed: tuple[str, ...]
    """Programs and libraries that are not as their package's list says."""
    unread: tuple[str, ...]
    papers: Annotated[int, VOLATILE]
    """Others that differ or are missing: documents, and configuration, which is there to change."""


SOFTWARE: Final[Source[Machine, Software]] = Source("software", REACHED_MACHINE, Software)
BROUGHT: Final[Source[Machine, Brought]] = Source("brought", REACHED_MACHINE, Brought)


def read_packages(said: str, where: str) -> tuple[Package, ...]:
    """What `dpkg-query` says of packages that are installed.

    Raises:
        NotUnderstood: a line is none of its own, or no package is installed.
    """
    found = []
    for line in said.splitlines():
        row = line.split()
        if len(row) != _FIELDS:
            raise NotUnderstood(f"{where}: dpkg-query says {line[:60]!r} of a package")
        if row[4].startswith("i") or row[4][1:2] in {"i", "U", "F", "W", "t"}:
            found.append(Package(*row[:4]))
    if not found:
        raise NotUnderstood(f"{where}: dpkg-query knows no package")
    return tuple(found)


def ended(said: str, where: str, *, with_: tuple[int, ...]) -> str:
    """What a command said until it ended; raises NotUnderstood where it did not end well."""
    found = _ENDED.fullmatch(said)
    if not found or int(found[2]) not in with_:
        raise NotUnderstood(f"{where}: it ended with {found[2] if found else 'no status'}")
    return found[1]


def read_mapped(said: str) -> tuple[int, tuple[Stale, ...]]:
    """How many processes `lsof` tells the programs of, and which run what was deleted.

    Shared memory and what a program keeps in memory only have no file, and are nobody's library.
    """
    process, kind = "", ""
    programs: set[str] = set()
    pid = ""
    stale: dict[tuple[str, str], Stale] = {}
    for line in said.splitlines():
        field, value = line[:1], line[1:]
        if field == "p":
            pid, process = value, "?"
        elif field == "c":
            process = value
        elif field == "f":
            kind = value
        elif field == "n":
            if kind == "txt":
                programs.add(pid)
            gone = kind == "DEL" or value.endswith(_GONE)
            path = value.partition(_GONE)[0]
            if gone and _RUN.fullmatch(path):
                stale.setdefault((process, path), Stale(process, path))
    return len(programs), tuple(stale[one] for one in sorted(stale))


def read_digests(said: str, where: str) -> dict[str, str]:
    """What `sha256sum` says of the packages' lists, by package.

    Raises:
        NotUnderstood: a line is none of its own.
    """
    found = {}
    for line in said.splitlines():
        digest, _, path = line.partition("  ")
        if not _DIGEST.fullmatch(digest) or not path.startswith(_INFO):
            raise NotUnderstood(f"{where}: sha256sum says {line[:60]!r}")
        found[path.removeprefix(_INFO).removesuffix(_ENDING)] = digest
    return found


def read_kept(said: str) -> "Kept":
    """Versions and digests of packages as somebody kept them; raises ValueError."""
    versions: dict[str, str] = {}
    lists: list[str] = []
    for line in said.splitlines():
        words = line.split()
        if len(words) != 2:  # noqa: PLR2004
            raise ValueError(f"{line[:60]!r} is neither a version nor a digest")
        if _DIGEST.fullmatch(words[0]):
            lists.append(line)
        else:
            versions[words[0]] = words[1]
    if not versions or not lists:
        raise ValueError(f"{len(versions)} versions and {len(lists)} digests of packages")
    try:
        return Kept(versions, read_digests("\n".join(lists), "what was kept"))
    except NotUnderstood as error:
        raise ValueError(str(error)) from None


def read_verified(said: str) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """What dpkg found changed of what runs, what it could not read, and how much else there is.

    A line is nine tests and a `c` for configuration, or `missing` (dpkg(1), --verify).
    """
    changed, unread, papers = [], [], 0
    for line in said.splitlines():
        tests, _, rest = line.partition(" ")
        path = rest[rest.find("/") :] if "/" in rest else ""
        configuration = rest.lstrip().startswith("c ")
        path, _, why = path.partition(" (")
        if not path or configuration or not _RUN.fullmatch(path) or _is_paper(path):
            papers += 1
        elif tests == "missing" and why and "No such file" not in why:
            unread.append(path)
        elif tests == "missing":
            changed.append(f"{path} is missing")
        elif "5" in tests:
            changed.append(f"{path} is another one than its package brought")
        else:
            unread.append(path)
    return tuple(changed), tuple(unread), papers


def _is_paper(path: str) -> bool:
    return any(f"/{one}/" in path for one in ("doc", "man", "locale", "__pycache__"))


@dataclass(frozen=True)
class Kept:
    """What somebody kept of packages: the version and the digest of the list of each."""

    versions: Mapping[str, str]
    digests: Mapping[str, str]

    def against(
        self, versions: Mapping[str, str], digests: Mapping[str, str]
    ) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
        """How many packages are as they were kept, which are not, and of which nothing is kept.

        A package whose list is gone is not as it was kept.
        """
        alike, rebuilt, unknown = 0, [], []
        for name, version in sorted(versions.items()):
            if self.versions.get(name) != version:
                unknown.append(f"{name} {version}")
            elif self.digests.get(name) == digests.get(name):
                alike += 1
            else:
                rebuilt.append(name)
        return alike, tuple(rebuilt), tuple(unknown)


def by_name(packages: Iterable[Package]) -> dict[str, str]:
    """Versions by package."""
    return {one.name: one.version for one in packages}
