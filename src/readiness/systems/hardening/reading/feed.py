"""Reads a list of known holes as debsecan does, and says which packages have one.

The format is that of Debian's security tracker: holes by number, then for each package which of
them it has, until which version, and whether anybody has mended it (debsecan(1), its program).
"""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from readiness.systems.hardening.reading.software import Package
from readiness.systems.hardening.reading.versions import older

MOST_BYTES: Final = 256 * 1024 * 1024
"""Of a feed, unpacked; that of a release has 30 MB."""
_FIRST: Final = "VERSION 1"
_YEAR: Final = re.compile(r"CVE-(\d{4})-\d+")


@dataclass(frozen=True)
class Hole:
    """That a package has a hole, until a version, or in all but some."""

    bug: str
    package: str
    of_binary: bool
    mended: bool
    mended_in: str
    also_mended: tuple[str, ...]

    def is_in(self, package: Package) -> bool:
        """Whether an installed package has it."""
        if self.of_binary:
            name, version = package.name.partition(":")[0], package.version
            return name == self.package and (not self.mended_in or older(version, self.mended_in))
        if package.source != self.package or package.source_version in self.also_mended:
            return False
        return not self.mended_in or older(package.source_version, self.mended_in)


@dataclass(frozen=True)
class Feed:
    """What is known of holes."""

    holes: tuple[Hole, ...]
    newest_year: int
    """Of the newest hole that has a number of the CVE list; 0 where none has."""

    def found(self, packages: Iterable[Package]) -> tuple[tuple[Hole, Package], ...]:
        """Which of these packages have one."""
        by_name: dict[tuple[bool, str], list[Hole]] = {}
        for hole in self.holes:
            by_name.setdefault((hole.of_binary, hole.package), []).append(hole)
        return tuple(
            (hole, one)
            for one in packages
            for key in ((True, one.name.partition(":")[0]), (False, one.source))
            for hole in by_name.get(key, ())
            if hole.is_in(one)
        )


def read_feed(content: bytes) -> Feed:
    """What a feed says; raises ValueError with what was found instead."""
    text = _unpacked(content).decode("utf-8", "replace")
    first, _, rest = text.partition("\n")
    if first != _FIRST:
        raise ValueError(f"it begins with {first[:40]!r}")
    names, _, rest = rest.partition("\n\n")
    packages, ended, _ = rest.partition("\n\n")
    if not ended and not rest.endswith("\n"):
        raise ValueError("it ends in the middle")
    bugs = [line.partition(",")[0] for line in names.splitlines()]
    holes = tuple(_hole(line, bugs) for line in packages.splitlines() if line)
    if not holes:
        raise ValueError("it knows no hole")
    years = [int(found[1]) for one in bugs if (found := _YEAR.fullmatch(one))]
    return Feed(holes, max(years, default=0))


def _hole(line: str, bugs: list[str]) -> Hole:
    fields = line.split(",", 4)
    if len(fields) != 5 or not fields[1].isdigit() or len(fields[2]) != 4:  # noqa: PLR2004
        raise ValueError(f"{line[:60]!r} is about no package")
    package, number, flags, mended_in, others = fields
    if int(number) >= len(bugs):
        raise ValueError(f"{line[:60]!r} is about a hole that it does not name")
    return Hole(
        bugs[int(number)], package, flags[0] == "B", flags[3] == "F", mended_in,
        tuple(others.split()),
    )  # fmt: skip


def _unpacked(content: bytes) -> bytes:
    if content.startswith(_FIRST.encode()):
        return content
    try:
        unpacking = zlib.decompressobj()
        whole = unpacking.decompress(content, MOST_BYTES)
    except zlib.error:
        raise ValueError(f"it begins with {content[:20]!r}") from None
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise ValueError("it is larger than a feed, or ends in the middle")
    return whole
