"""How a value stands in a line when a program has encoded it, and the questions that find it.

Base64 (RFC 4648) of a longer text has a value in one of three forms, by where in the text it
begins; what its first and last characters share with their neighbours is left out. An analysed
field is cut into words where letters and digits end, so there the longest run of them is looked
for.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from readiness.model.errors import NotUnderstood

PLAIN: Final = "plain"
_RUN: Final = re.compile(r"[A-Za-z0-9]+")
_SHORTEST: Final = 8  # characters that nobody else's base64 has by chance
_SPECIAL: Final = re.compile(r"([\\*?])")
_BITS: Final = 6  # of a character of base64
MOST_FIELDS: Final = 200
_ANALYSED: Final = frozenset({"text", "match_only_text"})
_WHOLE: Final = frozenset({"keyword", "wildcard", "constant_keyword"})


@dataclass(frozen=True)
class SearchedFields:
    """The fields of a store that hold text: cut into words, or kept as they are."""

    analysed: tuple[str, ...]
    whole: tuple[str, ...]


def read_fields(body: Any, *, where: str) -> SearchedFields:
    """The fields that hold text, as `_field_caps` tells them.

    Raises:
        NotUnderstood: it tells nothing, or of more than can be searched.
    """
    fields = body.get("fields") if isinstance(body, Mapping) else None
    if not isinstance(fields, Mapping):
        raise NotUnderstood(f"{where}: the answer has no fields")
    kinds = {str(name): {*one} for name, one in fields.items() if isinstance(one, Mapping)}
    found = SearchedFields(
        tuple(sorted(name for name, one in kinds.items() if one & _ANALYSED)),
        tuple(sorted(name for name, one in kinds.items() if one & _WHOLE)),
    )
    if not 0 < len(found.analysed) + len(found.whole) <= MOST_FIELDS:
        many = len(found.analysed) + len(found.whole)
        raise NotUnderstood(f"{where}: {many} fields hold text, expected 1 to {MOST_FIELDS}")
    return found


def fragments(value: str) -> dict[str, tuple[str, ...]]:
    """What of a value stands in a line, by the name of each encoding."""
    raw = value.encode()
    found = {
        PLAIN: (value,),
        "hexadecimal": (raw.hex(),),
        "base64": tuple(_inner(raw, before) for before in range(3)),
    }
    if quote(value, safe="") != value:
        found["percent-encoded"] = (quote(value, safe=""),)
    return found


def written(value: str) -> tuple[str, ...]:
    """Lines that have a value in each of its forms, for finding out whether a search sees them."""
    coded = [base64.b64encode(b"=" * before + value.encode()).decode() for before in range(3)]
    lines = [f"value={value}", f"hex={value.encode().hex()}", *(f"data={one}" for one in coded)]
    return (*lines, f"url=/people?who={quote(value, safe='')}")


def questions(value: str, fields: SearchedFields) -> dict[str, list[dict[str, Any]]]:
    """What finds a value, by the name of each encoding."""
    return {
        name: [way for one in parts for way in _ways(name, one, fields)]
        for name, parts in fragments(value).items()
    }


def _ways(name: str, part: str, fields: SearchedFields) -> Iterator[dict[str, Any]]:
    for field in fields.whole:
        yield _inside(field, part)
    run = max(_RUN.findall(part), key=len, default="")
    for field in fields.analysed:
        if name in (PLAIN, "percent-encoded"):
            yield {"match_phrase": {field: part}}
            if run != part:
                continue
        if len(run) >= _SHORTEST:
            yield _inside(field, run)


def _inside(field: str, part: str) -> dict[str, Any]:
    value = _SPECIAL.sub(r"\\\1", part)
    return {"wildcard": {field: {"value": f"*{value}*", "case_insensitive": True}}}


def _inner(raw: bytes, before: int) -> str:
    """The characters of base64 that are a value's alone, with so many bytes before it."""
    coded = base64.b64encode(bytes(before) + raw).decode()
    return coded[-(-before * 8 // _BITS) : (before + len(raw)) * 8 // _BITS]
