"""Reads one YAML file that a person wrote into plain values, remembering where each of them stands.

YAML 1.2, and of its scalars only what JSON knows too. Aliases, anchors, tags, repeated keys, deep
nesting and big files are refused while they are read, so that no file can run code or blow up.
"""

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from readiness.model.errors import UsageError

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 20
MAX_VALUES: Final = 50_000

KeyPath = tuple[str | int, ...]

_CONSTANTS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,2})?"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_QUOTED: Final = re.compile(r"'[^']*'")
_KEY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Place:
    """Line and column in a file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class YamlFile:
    """The values of one file, and the places of its keys and values."""

    file: str
    data: dict[str, Any]
    keys: dict[KeyPath, Place] = field(default_factory=dict)
    values: dict[KeyPath, Place] = field(default_factory=dict)

    def place(self, path: KeyPath) -> Place:
        """Where the value stands, or the closest thing around it that the file has."""
        while path not in self.values:
            path = path[:-1]
        return self.values[path]


def read_yaml(path: Path) -> YamlFile:
    """Read a file whose top level is a mapping.

    Raises:
        UsageError: there is no such file, or it is not YAML of the kind described above.
    """
    text = _text(path)
    try:
        return _Reader(path, text).document()
    except ReaderError as error:
        place = _place_of(text[: error.position])
        message = "has a character that YAML does not allow"
        raise _refused(path, place, message, "a text file") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        context = f" {error.context}" if error.context else ""
        message = "is not YAML: " + _QUOTED.sub(_harmless_quote, f"{error.problem}{context}")
        raise _refused(path, _place(mark) if mark else Place(1, 1), message) from None
    except (YAMLError, ValueError, OverflowError):
        # ruamel lets a few of Python's own errors through, such as for an impossible escape.
        raise UsageError("is not YAML", file=str(path)) from None


def written(path: KeyPath) -> str:
    """A key path as people write it: `databases[0].members[1]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + harmless_key(part)
    return text


def harmless_key(key: str) -> str:
    """The key, unless it looks like a value that ended up in its place."""
    return key if _KEY.fullmatch(key) else "(a key that is not a name)"


def _harmless_quote(quote: re.Match[str]) -> str:
    """A quote in the parser's message, unless it is more than a character or two of the file."""
    short = len(quote[0]) <= len("'\\t'") or quote[0].startswith("'<")
    return quote[0] if short else "a text"


def _text(path: Path) -> str:
    """The text of a regular file of bounded size."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UsageError("is a folder", file=str(path), expected="a YAML file")
        if not stat.S_ISREG(mode):
            raise UsageError("is not a regular file", file=str(path), expected="a YAML file")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError("does not exist", file=str(path), expected="a YAML file") from None
    except OSError as error:
        raise UsageError(f"can't be read ({error.strerror})", file=str(path)) from None
    if len(raw) > MAX_BYTES:
        raise UsageError("is too big", file=str(path), expected=f"at most {MAX_BYTES} bytes")
    if not raw.strip():
        raise UsageError("is empty", file=str(path), expected="a mapping of keys")
    return _decoded(path, raw)


def _decoded(path: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of(raw[: error.start].decode("utf-8", "replace"))
        found = f"the byte 0x{raw[error.start]:02x}"
        raise _refused(path, place, "is not UTF-8", "a text file", found) from None


class _Reader:
    """Builds values from the parser's events; every refusal carries its place."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
        self._places = YamlFile(str(path), {})
        self._count = 0

    def document(self) -> YamlFile:
        """The one document of the stream."""
        next(self._events)  # start of the stream
        start = next(self._events)
        if isinstance(start, StreamEndEvent):
            raise UsageError("is empty", file=str(self._path), expected="a mapping of keys")
        if isinstance(start, DocumentStartEvent) and (start.version or start.tags):
            raise self._wrong(start, "has a % directive", "YAML 1.2 without directives")
        data = self._value(next(self._events), ())
        next(self._events)  # end of the document
        after = next(self._events)
        if not isinstance(after, StreamEndEvent):
            raise self._wrong(after, "has more than one document", "one")
        if data is None:
            raise UsageError("is empty", file=str(self._path), expected="a mapping of keys")
        if not isinstance(data, dict):
            found = "a list" if isinstance(data, list) else "a single value"
            raise UsageError("holds no keys", str(self._path), expected="a mapping", found=found)
        self._places.data.update(data)
        return self._places

    def _value(self, event: Event, path: KeyPath) -> Any:
        self._permitted(event, path)
        self._places.values[path] = _place(event.start_mark)
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        return self._sequence(path)

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            self._permitted(event, path)
            if not isinstance(event, ScalarEvent):
                raise self._wrong(event, "has a key that is a list or mapping", "a name", path)
            key = self._unicode(event)
            if key in found:
                first = self._places.keys[*path, key]
                message = f"appears twice (first in line {first.line})"
                raise self._wrong(event, message, "each key once", (*path, key))
            self._places.keys[*path, key] = _place(event.start_mark)
            found[key] = self._value(next(self._events), (*path, key))
        return found

    def _sequence(self, path: KeyPath) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            found.append(self._value(event, (*path, len(found))))
        return found

    def _scalar(self, event: ScalarEvent) -> Any:
        value = self._unicode(event)
        plain = bool(event.implicit and event.implicit[0])
        if not plain:
            return value
        if value in _CONSTANTS:
            return _CONSTANTS[value]
        if _INTEGER.fullmatch(value):
            return int(value)
        return float(value) if _FLOAT.fullmatch(value) else value

    def _unicode(self, event: ScalarEvent) -> str:
        value: str = event.value
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise self._wrong(event, "has half a character (a lone surrogate)", "Unicode text")
        if _CONTROL.search(value):
            # A terminal would act upon it, wherever the value is shown.
            raise self._wrong(event, "has a control character", "text without them")
        return value

    def _permitted(self, event: Event, path: KeyPath) -> None:
        """Refuse what could run code, grow or nest without end; never echo what was written."""
        self._count += 1
        if isinstance(event, AliasEvent):
            raise self._wrong(event, "is an alias (*)", "the value written out", path)
        if isinstance(event, NodeEvent) and event.anchor:
            raise self._wrong(event, "has an anchor (&)", "the value written out", path)
        if getattr(event, "tag", None):
            raise self._wrong(event, "has a tag (!)", "a value without a tag", path)
        if len(path) > MAX_DEPTH:
            raise self._wrong(event, "is nested too deeply", f"at most {MAX_DEPTH} levels")
        if self._count > MAX_VALUES:
            raise self._wrong(event, "holds too much", f"at most {MAX_VALUES} keys and values")

    def _wrong(self, event: Event, problem: str, expected: str, path: KeyPath = ()) -> UsageError:
        return _refused(self._path, _place(event.start_mark), problem, expected, key=written(path))


def _refused(
    path: Path, place: Place, problem: str, expected: str = "", found: str = "", key: str = ""
) -> UsageError:
    return UsageError(problem, str(path), place.line, place.column, key, expected, found)


def _place(mark: StringMark) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _place_of(before: str) -> Place:
    return Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
