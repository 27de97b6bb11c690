"""Other ways to read the same text: with lines joined, with escapes resolved, and decoded.

A view remembers where each of its characters came from, so that what is found in it can be taken
out of the original text.
"""

import base64
import binascii
import html
import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from urllib.parse import unquote_to_bytes

Span = tuple[int, int]

BREAK = re.compile(r"(?:\n|\r\n?|\\(?<!\\\\)(?:\r?\n|(?:r\\)?n))[ \t]*+(?:[E>|][ \t]+)?")
"""A line end, real or written as an escape, with what wrapping puts around it: a trailing
backslash, indentation, the gutter of a pytest report or a quote."""

_ESCAPE = re.compile(
    r"%[0-7][0-9a-fA-F]|(?:%[89a-fA-F][0-9a-fA-F])+"
    r"|\\u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,6}\}|\\U[0-9a-fA-F]{8}|\\x[0-9a-fA-F]{2}|\\[\"'/\\nrt]"
    r"|&(?:#[0-9]{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);"
)

_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{8,}+={0,2}")
_HEX = re.compile(r"(?<![0-9A-WYZa-wyz])(?:[0-9a-fA-F]{2}){4,}+(?![0-9A-Za-z])")


class View:
    """A text made from another by replacing stretches of it."""

    def __init__(
        self,
        text: str,
        pattern: re.Pattern[str],
        replace: Callable[[re.Match[str]], str],
    ) -> None:
        self.replaced: list[int] = []
        """Where in the view something was replaced, in order."""
        self._ends: list[int] = []
        self._origins: list[Span] = []
        pieces = []
        size = done = 0
        for match in pattern.finditer(text):
            kept, made = text[done : match.start()], replace(match)
            pieces += [kept, made]
            size += len(kept)
            self.replaced.append(size)
            size += len(made)
            self._ends.append(size)
            self._origins.append(match.span())
            done = match.end()
        pieces.append(text[done:])
        self.text = "".join(pieces)

    def __bool__(self) -> bool:
        """Whether anything was replaced; otherwise the view shows nothing new."""
        return bool(self.replaced)

    def origin(self, span: Span) -> Span:
        """The stretch of the original text that a stretch of the view was made from."""
        return self._start(span[0]), self._end(span[1])

    def crossed(self, span: Span) -> int:
        """How many replaced stretches lie strictly inside a stretch of the view."""
        return bisect_left(self.replaced, span[1]) - bisect_right(self.replaced, span[0])

    def pieces(self, span: Span) -> list[Span]:
        """A stretch of the view, cut where something was replaced; the view's positions."""
        first, last = bisect_right(self.replaced, span[0]), bisect_left(self.replaced, span[1])
        return list(pairwise([span[0], *self.replaced[first:last], span[1]]))

    def _start(self, position: int) -> int:
        i = bisect_right(self.replaced, position) - 1
        if i < 0:
            return position
        start, end = self._origins[i]
        return start if position < self._ends[i] else end + position - self._ends[i]

    def _end(self, position: int) -> int:
        i = bisect_left(self.replaced, position) - 1
        if i < 0:
            return position
        return self._origins[i][1] + max(0, position - self._ends[i])


def joined(text: str, by: str = "") -> View | None:
    """The text with its lines joined, or `None` when it has but one."""
    if "\n" not in text and "\\n" not in text and "\r" not in text:
        return None
    return View(text, BREAK, lambda _: by) or None


def unescaped(text: str) -> View | None:
    """The text with percent, backslash and HTML escapes resolved, or `None` without any."""
    if "%" not in text and "\\" not in text and "&" not in text:
        return None
    return View(text, _ESCAPE, _resolve) or None


def decoded(text: str) -> Iterator[tuple[Span, str]]:
    """Runs that are text in base64 or hex, with that text."""
    for match in _BASE64.finditer(text):
        bare = match[0].rstrip("=").translate(_URLSAFE)
        if plain := _printable(base64.b64decode, bare + "=" * (-len(bare) % 4)):
            yield match.span(), plain
    for match in _HEX.finditer(text):
        if plain := _printable(bytes.fromhex, match[0]):
            yield match.span(), plain


_URLSAFE = str.maketrans("-_", "+/")


def _printable(decode: Callable[[str], bytes], run: str) -> str | None:
    try:
        text = decode(run).decode()
    except (binascii.Error, ValueError):
        return None
    return None if _CONTROL.search(text) else text


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _resolve(match: re.Match[str]) -> str:
    escape = match[0]
    if escape[0] == "%":
        return unquote_to_bytes(escape).decode(errors="replace")
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[1] in "uUx":
        number = int(escape[2:].strip("{}"), 16)
        return chr(number) if number <= sys.maxunicode else "\ufffd"
    return _CONTROLS.get(escape[1], escape[1])


_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
