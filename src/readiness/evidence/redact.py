"""The one way out: every string that leaves is made safe here, before the first sink sees it.

What is hidden, wherever it stands:

* *registered* secrets, the values behind the environment's references: as they are, reversed, in
  base64, hex, percent, backslash or HTML escapes, and split over lines;
* values in a *recognisable context*: next to a sensitive field's name (in code, JSON, YAML, XML,
  headers, options, forms, tables and short prose), in a URL's login, a `.pgpass` line, a PEM block;
* values of a *recognisable shape*: JWTs, keys of well-known services, password hashes, social
  security numbers, e-mail addresses, phone numbers, and long random strings;
* either of the last two inside base64, hex or escapes, nested up to three deep, and split over up
  to four lines.

What can't be recognised isn't hidden, and nobody should believe it is: a short password without a
field's name beside it, a bare name, date, number or grade, a key in plain hex (it looks like a
digest, and digests are evidence), ciphertext. Register what must never leave; don't print values
without their names.

Field names stay, values become `[redacted]`. Line breaks stay, so does the structure of JSON.
Whatever goes wrong raises `RedactionError`, and then nothing may be written.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from typing import Any

from readiness.evidence.redaction.fields import (
    MARK,
    exempt,
    field_values,
    looks_personal,
    prose_values,
    values_of_split_keys,
)
from readiness.evidence.redaction.keys import NAMED, NAMING, Kind, classify, sensitive
from readiness.evidence.redaction.registered import Registered
from readiness.evidence.redaction.shapes import private_keys, public_blocks, shaped_values
from readiness.evidence.redaction.tables import table_values
from readiness.evidence.redaction.tokens import looks_random, natural_word, secret_runs
from readiness.evidence.redaction.views import Span, View, decoded, joined, unescaped
from readiness.model.closing import Closes
from readiness.model.errors import ReadinessError
from readiness.model.printable import printable

_DEEPEST = 3
_MOST_LINES = 4
_MOST_PASSES = 8
_CACHED_LENGTH = 256
_PAIR = 2
_SHORT_WORD = 3
_KEY_LINE = re.compile(r"\W*[A-Za-z0-9+/=]*\W*|\s*[\w\-]+: .*")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LINE_BREAKS = re.compile(r"(\r\n|\n|\r)")
_BARE_IN_JSON = re.compile(r"(?:(\\*\")[ \t]*:|[\[,])\s*\Z")
_JSON_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+\-]?\d+)?")
_IDENTIFIER = re.compile(r"[a-z][a-z_]*")


@dataclass(frozen=True)
class Described:
    """What people wrote by a schema of ours, in which a secret is a reference.

    Its keys are names that somebody gave to a part, so none of them makes a value secret.
    """

    value: Any


class RedactionError(ReadinessError):
    """Text could not be made safe; nothing of it may be written. Says nothing of the text."""


@contextmanager
def _closed_by_failure() -> Iterator[None]:
    """Any failure closes the way out; the cause is left out, its words may quote the text."""
    try:
        yield
    except RedactionError:
        raise
    except Exception as error:  # noqa: BLE001 - any failure must close the way out
        raise RedactionError(f"redaction failed ({type(error).__name__})") from None


class Redactor:
    """Hides secrets and personal data in everything that leaves. Safe to share and to repeat."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Register secrets by their values; white space around them doesn't count."""
        self._registered = Registered(secrets)
        self._remembered = lru_cache(maxsize=4096)(self._redacted)

    def text(self, text: str) -> str:
        """The text with everything recognised replaced by `[redacted]`; lines stay lines.

        What a terminal would act upon is shown instead, so that no record and no log holds it.

        Raises:
            RedactionError: whatever went wrong; write nothing.
        """
        with _closed_by_failure():
            return self._safe(text)

    def value(self, value: Any) -> Any:
        """The value made safe: same keys, same lengths of lists, values hidden by their keys too.

        What JSON has no form for becomes its redacted `str`.

        Raises:
            RedactionError: whatever went wrong; write nothing.
        """
        with _closed_by_failure():
            return self._walked(value)

    def stream(self, write: Callable[[str], object]) -> "RedactingStream":
        """A writer for text that arrives in pieces."""
        return RedactingStream(self, write)

    def _safe(self, text: str) -> str:
        safe = self._remembered(text) if len(text) <= _CACHED_LENGTH else self._redacted(text)
        return printable(safe)

    def _redacted(self, text: str) -> str:
        for _ in range(_MOST_PASSES):
            spans = _merged(text, self._spans(text, _DEEPEST))
            safe = _without(text, spans)
            if safe == text:
                return text
            text = safe
        # Never settled: hide every line whole.
        return _LINE_BREAKS.sub("", MARK) + "".join(b + MARK for b in _LINE_BREAKS.findall(text))

    def _spans(self, text: str, depth: int) -> Iterator[Span]:
        yield from self._registered.spans(text)
        yield from field_values(text)
        yield from shaped_values(text)
        yield from private_keys(text)
        yield from table_values(text)
        yield from _random_runs(text)
        if depth:
            yield from self._encoded(text, depth - 1, partial(self._spans, depth=depth - 1))
            if view := joined(text):
                yield from self._over_lines(text, view, depth - 1)

    def _encoded(
        self, text: str, depth: int, spans: Callable[[str], Iterable[Span]]
    ) -> Iterator[Span]:
        """Encoded runs that hold anything, and what is found where escapes are resolved."""
        yield from (span for span, plain in decoded(text) if any(self._spans(plain, depth)))
        if view := unescaped(text):
            yield from map(view.origin, spans(view.text))

    def _over_lines(self, text: str, view: View, depth: int) -> Iterator[Span]:
        """What only shows when lines are joined."""
        known = (span for span in self._registered.spans(view.text) if view.crossed(span))
        encoded = self._encoded(view.text, depth, self._enclosed)
        shapes = chain(shaped_values(view.text), encoded)
        short = chain.from_iterable(_of_one_value(text, view, span) for span in shapes)
        runs = (
            span
            for span in _random_runs(view.text)
            if view.crossed(span)
            and all(looks_random(view.text[slice(*piece)]) for piece in view.pieces(span))
        )
        keys = (
            span
            for span in private_keys(view.text)
            if view.crossed((span[0], view.text.find("-----", span[0] + 5) + 5))
        )
        yield from (view.origin(span) for span in chain(known, short, runs, keys))
        yield from values_of_split_keys(text, view)
        for other in (view, joined(text, by=" ") or view):
            for value in prose_values(other.text):
                yield from map(other.origin, _of_one_value(text, other, value, named=True))

    def _enclosed(self, text: str) -> Iterator[Span]:
        """What ends by itself: the values of fields would run on where lines are joined."""
        return chain(self._registered.spans(text), shaped_values(text))

    def _walked(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self._safe(value)
        if isinstance(value, Described):
            return self._each(value.value, self._walked)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list | tuple | set | frozenset):
            return self._list(list(value))
        return self._safe(str(value))

    def _each(self, value: Any, leaf: Callable[[Any], Any]) -> Any:
        """The same keys and lists, with something made of each of the leaves."""
        if isinstance(value, Mapping):
            return {self._key(key): self._each(entry, leaf) for key, entry in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._each(entry, leaf) for entry in value]
        return leaf(value)

    def _mapping(self, mapping: Mapping[Any, Any]) -> dict[Any, Any]:
        kinds = {key: classify(key) if isinstance(key, str) else None for key in mapping}
        of_person = any(kind not in {None, Kind.LOOSE, Kind.SECRET} for kind in kinds.values())
        named = any(_sensitive(mapping.get(key)) for key in NAMING)
        safe: dict[Any, Any] = {}
        for key, value in mapping.items():
            kind = kinds[key]
            if kind is Kind.LOOSE:
                personal = of_person or (isinstance(value, str) and looks_personal(value))
                hide = personal and isinstance(value, str)
            else:
                hide = kind is not None or (named and key in NAMED)
            new = self._hidden(value) if hide else self._walked(value)
            safe[_unused(safe, self._key(key))] = new
        return safe

    def _key(self, key: Any) -> Any:
        return key if key is None or isinstance(key, bool | int | float) else self._safe(str(key))

    def _hidden(self, value: Any) -> Any:
        """Everything in a sensitive field's value, whatever its form."""
        return self._each(value, _mark)

    def _list(self, entries: list[Any]) -> list[Any]:
        if len(entries) > 1 and all(isinstance(entry, str) for entry in entries):
            return self._lines(entries)
        return [self._walked(entry) for entry in entries]

    def _lines(self, entries: list[str]) -> list[str]:
        """A list of texts: perhaps lines, a command with its options, or a name and its value."""
        safe = [self._safe(entry) for entry in entries]
        pair = len(entries) == _PAIR and _sensitive(entries[0])
        pair = pair and not _IDENTIFIER.fullmatch(entries[1])
        for i in range(1, len(entries)):
            before, entry = entries[i - 1], entries[i]
            option = before.startswith("-") and _sensitive(before) and not entry.startswith("-")
            cut = safe[i - 1] != before and safe[i - 1].endswith(MARK) and looks_random(entry)
            if option or cut or pair:
                safe[i] = self._hidden(safe[i])
        text = "\n".join(safe)
        merged = _merged(text, (s for s in self._spans(text, _DEEPEST) if "\n" in text[slice(*s)]))
        if not merged:
            return safe
        lines = iter(_without(text, merged).split("\n"))
        return ["\n".join(next(lines) for _ in range(entry.count("\n") + 1)) for entry in safe]


class RedactingStream(Closes):
    """Redacts text that arrives in pieces, even where a secret spans pieces or lines.

    The last lines are held back until enough has followed to know that they are whole; `close`
    writes them.
    """

    def __init__(self, redactor: Redactor, write: Callable[[str], object]) -> None:
        self._redactor = redactor
        self._write = write
        self._written: list[str] = []
        """The raw lines written last, as context for those that follow."""
        self._held: list[str] = []
        self._rest = ""

    def write(self, text: str) -> None:
        """Take a piece of any length; pass on the lines that are known to be whole.

        Raises:
            RedactionError: nothing of the piece was written, and nothing more may be.
        """
        *lines, self._rest = (self._rest + text).split("\n")
        self._held += lines
        if lines and len(self._held) > _MOST_LINES:
            self._pass_on(len(self._held) - _MOST_LINES, end="\n")

    def close(self) -> None:
        """Write what was held back."""
        self._held.append(self._rest)
        self._rest = ""
        self._pass_on(len(self._held), end="")

    def _pass_on(self, count: int, end: str) -> None:
        lines = [*self._written, *self._held]
        safe = self._redactor.text("\n".join(lines)).split("\n")
        if len(safe) != len(lines):
            raise RedactionError("redaction failed (lines were lost)")
        first = len(self._written)
        self._write("\n".join(safe[first : first + count]) + end)
        self._written = _context(lines[: first + count])
        del self._held[:count]


def _context(lines: list[str]) -> list[str]:
    """The lines to remember: the last few, and the head of a private key still going on."""
    before, last = lines[:-_MOST_LINES], lines[-_MOST_LINES:]
    heads = [line for line in before if "-----BEGIN" in line and "PRIVATE KEY" in line]
    if heads and all(_KEY_LINE.fullmatch(line) for line in last):
        return [heads[-1], *last]
    return last


def _of_one_value(text: str, view: View, span: Span, *, named: bool = False) -> Iterator[Span]:
    """The lines' pieces that make up one value: no blank line within, no sentence at either end.

    What follows its field's name begins where it begins.
    """
    groups: list[list[Span]] = [[]]
    for piece in view.pieces(span) if view.crossed(span) else ():
        if view.text[slice(*piece)].strip():
            groups[-1].append(piece)
        else:
            groups.append([])
    for group in groups:
        while group and _of_sentence(text, view, group[-1]):
            group.pop()
        while not named and group and _begins_apart(text, view, group[0]):
            group.pop(0)
        if 1 < len(group) <= _MOST_LINES:
            yield group[0][0], group[-1][1]


def _of_sentence(text: str, view: View, piece: Span) -> bool:
    word = view.text[slice(*piece)].strip(" .,;:!?")
    short = word.isalpha() and len(word) <= _SHORT_WORD
    return short or natural_word(word) or bool(_DATE.match(text, view.origin(piece)[0]))


def _begins_apart(text: str, view: View, piece: Span) -> bool:
    before = view.text[max(0, piece[0] - 1) : piece[0]]
    return not before.strip() and _of_sentence(text, view, piece)


def _random_runs(text: str) -> Iterator[Span]:
    public = public_blocks(text)
    for start, end in secret_runs(text):
        if not any(first <= start and end <= last for first, last in public):
            yield start, end


def _mark(leaf: Any) -> Any:
    """The mark, or what stands for a value without being one."""
    nothing = leaf is None or isinstance(leaf, bool) or leaf == ""
    return leaf if nothing or (isinstance(leaf, str) and exempt(leaf)) else MARK


def _sensitive(name: object) -> bool:
    return isinstance(name, str) and sensitive(name)


def _unused(taken: Mapping[Any, Any], key: Any) -> Any:
    """The key, numbered when redaction has made two keys alike."""
    number = 1
    new = key
    while new in taken:
        number += 1
        new = f"{key} ({number})"
    return new


def _merged(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans in order, joined where they meet; marks already in place are left out."""
    found = {(start, end) for start, end in spans if start < end}
    if not found:
        return []
    marks = {match.span() for match in re.finditer(re.escape(MARK), text)}
    merged: list[Span] = []
    for start, end in sorted(found | marks):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return [span for span in merged if span not in marks]


def _without(text: str, spans: Iterable[Span]) -> str:
    pieces = []
    done = 0
    for start, end in spans:
        pieces += [text[done:start], _replacement(text, start, end)]
        done = end
    pieces.append(text[done:])
    return "".join(pieces)


def _replacement(text: str, start: int, end: int) -> str:
    """The mark, once per line; quoted where JSON had a bare number or a bracket."""
    parts = _LINE_BREAKS.split(text[start:end])
    if len(parts) > 1:
        return "".join(
            MARK if i % 2 == 0 and part.strip() else part for i, part in enumerate(parts)
        )
    bare = _BARE_IN_JSON.search(text, max(0, start - 16), start)
    if not bare or (not bare[1] and not _JSON_NUMBER.fullmatch(text, start, end)):
        return MARK
    quote = bare[1] or '"'
    return f"{quote}{MARK}{quote}"
