"""Which of two versions of a Debian package is the older one (deb-version(7))."""

import re
from itertools import zip_longest
from typing import Final

_PARTS: Final = re.compile(r"(\D*)(\d*)")


def older(one: str, other: str) -> bool:
    """Whether the first comes before the second."""
    return _key(one) < _key(other)


def _key(version: str) -> tuple["_Part", "_Part", "_Part"]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return _Part(epoch), _Part(upstream), _Part(revision)


class _Part:
    """One part of a version: letters and numbers in turn, a tilde before the very end."""

    def __init__(self, text: str) -> None:
        self.pairs = [(letters, int(number or 0)) for letters, number in _PARTS.findall(text)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Part) and _compared(self, other) == 0

    def __lt__(self, other: "_Part") -> bool:
        return _compared(self, other) < 0

    def __hash__(self) -> int:
        return hash(tuple(self.pairs))


def _compared(one: _Part, other: _Part) -> int:
    for (letters, number), (theirs, their_number) in zip_longest(
        one.pairs, other.pairs, fillvalue=("", 0)
    ):
        mine = [_order(letter) for letter in letters] + [0]
        their = [_order(letter) for letter in theirs] + [0]
        if (mine, number) != (their, their_number):
            return -1 if (mine, number) < (their, their_number) else 1
    return 0


def _order(letter: str) -> int:
    """A tilde comes before the end, letters before what is none."""
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256
