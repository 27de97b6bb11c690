"""Which fields of a store can be searched for a value, and what finds the lines that may have it.

A search only leads to lines; whether one has the value is read in its text. So a question may
find too much and never too little: an analysed field is cut into words where most signs are, but
not at a colon or a dot between letters, and a word of more than 255 characters is cut anywhere.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.logs.encoded import PLAIN, Fragments

MOST_FIELDS: Final = 20_000  # a template of a common shipper has 6,000
MOST_USED: Final = 1_000  # that hold something in any line
CLAUSES: Final = 16  # of one search, each of which looks at every word of a field
EXISTING: Final = 400  # fields that are asked for at once; a store takes 1,024 clauses
_RUN: Final = re.compile(r"[^\W_]+")
_LONG: Final = 16  # characters of a word that may be cut: half of it is enough to find it
_WORDS: Final = 2  # of a value that are asked for, the longest ones
_BEGIN: Final = 16  # characters of what is looked for, by which it is found
_SPECIAL: Final = re.compile(r"([\\*?])")
_ANALYSED: Final = frozenset({"text", "match_only_text", "search_as_you_type", "annotated_text"})
_WHOLE: Final = frozenset({"keyword", "wildcard", "constant_keyword", "flat_object"})
# One that is only found by what it is as a whole; a part of a text in it is not.
_OPAQUE: Final = frozenset({"flattened"})
_NUMBERS: Final = frozenset({"long", "integer", "short", "unsigned_long", "double", "float"})
_HOW: Final = {"analysed": _ANALYSED, "whole": _WHOLE, "number": _NUMBERS}
_NESTED: Final = "nested"
LARGEST: Final = 2**63  # of a whole number that a field holds


@dataclass(frozen=True)
class SearchedField:
    """A field in those indices where it is of one kind; none: in all."""

    name: str
    how: str  # analysed, whole or number
    indices: tuple[str, ...] = ()
    nested: str = ""
    """The path of the nested object that it is in, which has to be asked for itself."""

    def query(self, one: dict[str, Any]) -> dict[str, Any]:
        """A question about this field, where it is asked."""
        one = inside((self.nested,) if self.nested else (), self.name, one)
        if self.indices:
            one = {"bool": {"filter": [{"terms": {"_index": list(self.indices)}}, one]}}
        return one


@dataclass(frozen=True)
class SearchedFields:
    """The fields of a store that a value may stand in."""

    fields: tuple[SearchedField, ...]
    searchable: tuple[str, ...] = ()
    """The names of all fields that can be asked for, dates and addresses among them."""
    nested: tuple[str, ...] = ()

    @property
    def has_nested(self) -> bool:
        """Whether a line may count as several, one for each object in it."""
        return bool(self.nested)

    def holding(self, path: str, index: str, line: str) -> dict[str, Any]:
        """Finds a line by what it has at a path, in that field, below it, or in one around it."""
        names = [
            one
            for one in self.searchable
            if one == path or one.startswith(f"{path}.") or path.startswith(f"{one}.")
        ]
        ways = [inside(self.nested, one, {"exists": {"field": one}}) for one in names]
        held = {"bool": {"should": ways, "minimum_should_match": 1}}
        this = [{"ids": {"values": [line]}}, {"term": {"_index": index}}]
        return {"bool": {"filter": [*this, held if ways else {"match_none": {}}]}}

    def only(self, names: set[str]) -> "SearchedFields":
        """Those of these names."""
        return replace(self, fields=tuple(one for one in self.fields if one.name in names))


def read_fields(body: Any, *, where: str) -> SearchedFields:
    """The fields that a value may stand in, as `_field_caps` tells them.

    Raises:
        NotUnderstood: it tells nothing, or of more than can be searched.
    """
    told = body.get("fields") if isinstance(body, Mapping) else None
    if not isinstance(told, Mapping):
        raise NotUnderstood(f"{where}: the answer has no fields")
    every = {str(name): _mapping(kinds) for name, kinds in sorted(told.items())}
    nested = tuple(sorted(name for name, kinds in every.items() if _NESTED in kinds))
    found = [
        one
        for name, kinds in every.items()
        if not (name.startswith("_") or name.endswith("."))  # the store's own
        for one in _of_kinds(name, kinds, _path(nested, name))
    ]
    if not 0 < len(found) <= MOST_FIELDS:
        raise NotUnderstood(f"{where}: {len(found)} fields hold text, expected 1 to {MOST_FIELDS}")
    names = [
        name
        for name, kinds in every.items()
        if not name.endswith(".")
        and kinds
        and not kinds.keys() & _OPAQUE
        and all(_mapping(one).get("searchable") is True for one in kinds.values())
    ]
    return SearchedFields(tuple(found), tuple(names), nested)


def _path(nested: Sequence[str], name: str) -> str:
    """The innermost nested object that a field is in; empty where it is in none."""
    return max((one for one in nested if name.startswith(f"{one}.")), key=len, default="")


def inside(nested: Sequence[str], name: str, query: dict[str, Any]) -> dict[str, Any]:
    """A question about a field, asked of the nested object that it is in."""
    path = _path(nested, name)
    if not path:
        return query
    return {"nested": {"path": path, "ignore_unmapped": True, "query": query}}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _of_kinds(name: str, kinds: Mapping[str, Any], nested: str) -> Iterator[SearchedField]:
    """A field once for each way of asking that it has; its kind may differ between indices."""
    for kind, told in kinds.items():
        how = next((one for one, some in _HOW.items() if kind in some), "")
        if how and _mapping(told).get("searchable") is True:
            indices = _mapping(told).get("indices")
            places = tuple(map(str, indices)) if isinstance(indices, list) else ()
            yield SearchedField(name, how, places, nested)


def used(fields: SearchedFields) -> Iterator[dict[str, dict[str, Any]]]:
    """Questions which fields hold something in any line, by name, as many as one search takes."""
    asked: dict[str, list[dict[str, Any]]] = {}
    for one in fields.fields:
        asked.setdefault(one.name, []).append(one.query({"exists": {"field": one.name}}))
    every = ((name, {"bool": {"should": ways}}) for name, ways in asked.items())
    while some := dict(islice(every, EXISTING)):
        yield some


def candidates(wanted: Fragments, fields: SearchedFields) -> list[list[dict[str, Any]]]:
    """What finds every line that may have a value, in as many questions as a search takes each."""
    ways = [one.query(way) for one in fields.fields for way in _ways(one, wanted)]
    return [ways[at : at + CLAUSES] for at in range(0, len(ways), CLAUSES)]


def _ways(field: SearchedField, wanted: Fragments) -> Iterator[dict[str, Any]]:
    every = [part for parts in wanted.values() for part in parts]
    if field.how == "number":
        plain = wanted[PLAIN][0]
        if plain.isascii() and plain.isdigit() and int(plain) < LARGEST:
            yield {"term": {field.name: int(plain)}}
    elif field.how == "whole":
        yield from _each(field.name, every)
    else:
        yield from _words(field.name, every)


def _words(field: str, parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Questions for a field that is cut into words: for a long one, or for several short ones."""
    long, short = list[str](), dict[tuple[str, ...], None]()
    for part in parts:
        runs = sorted(_RUN.findall(part), key=len, reverse=True)
        if not runs:
            yield {"match_phrase": {field: part}}
        elif len(runs[0]) >= _LONG:
            # A long word is rare by itself, and may have been cut in two.
            half = len(runs[0]) // 2
            long += [runs[0][:half], runs[0][half:]]
        else:
            short[tuple(one.lower() for one in runs[:_WORDS])] = None
    yield from _each(field, long)
    for some in short:
        yield {"bool": {"filter": list(_each(field, some))}}


def _each(field: str, parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Finds what has one of these anywhere in it, by their beginnings.

    A pattern each: all of them in one regular expression take a store ten times as long.
    """
    for one in dict.fromkeys(part[:_BEGIN] for part in parts):
        value = _SPECIAL.sub(r"\\\1", one)
        yield {"wildcard": {field: {"value": f"*{value}*", "case_insensitive": True}}}


def texts(source: Any) -> Iterator[tuple[str, str]]:
    """Every text and number of a line with the path of its field; as deep as a store takes."""
    left: list[tuple[str, Any]] = [("", source)]
    while left:
        path, one = left.pop()
        if isinstance(one, Mapping):
            left += [(f"{path}.{name}" if path else str(name), part) for name, part in one.items()]
        elif isinstance(one, list):
            left += [(path, part) for part in one]
        elif one is not None and not isinstance(one, bool):
            yield path, str(one)
