"""How a value stands in a line when a program has encoded it, and whether a text has it.

Base64 (RFC 4648, with either alphabet) of a longer text has a value in one of three forms, by where
in the text it begins; what its first and last characters share with their neighbours is left out.
"""

import base64
import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, quote_plus

PLAIN: Final = "plain"
BASE64: Final = "base64"
_ASCII: Final = 128  # bytes below it are characters of their own
_BITS: Final = 6  # of a character of base64
_URL_ALPHABET: Final = str.maketrans("+/", "-_")

Fragments = Mapping[str, tuple[str, ...]]
"""What of a value stands in a line, by the name of each encoding."""


def fragments(value: str) -> dict[str, tuple[str, ...]]:
    """What of a value stands in a line, by the name of each encoding."""
    raw = value.encode()
    inner = [_inner(raw, before) for before in range(3)]
    found = {
        PLAIN: (value,),
        "hexadecimal": (raw.hex(),),
        BASE64: _each(*inner, *(one.translate(_URL_ALPHABET) for one in inner)),
    }
    coded = quote(value, safe="")
    if coded != value:
        # Once, as a form does it (a blank becomes a plus), and twice, as a redirect does.
        found["percent-encoded"] = _each(coded, quote_plus(value), quote(coded, safe=""))
    if not value.isascii():
        found["escaped"] = _each(json.dumps(value)[1:-1], _by_bytes(raw))
    return found


def written(value: str) -> tuple[str, ...]:
    """Lines that have a value in each of its forms, for finding out whether a search sees them."""
    coded = [base64.b64encode(b"=" * before + value.encode()).decode() for before in range(3)]
    both = _each(*coded, *(one.translate(_URL_ALPHABET) for one in coded))
    lines = [f"value={value}", f"hex={value.encode().hex()}", *(f"data={one}" for one in both)]
    found = fragments(value)
    others = (*found.get("percent-encoded", ()), *found.get("escaped", ()))
    return (*lines, *(f"url=/people?who={one}" for one in others))


def encodings_in(text: str, wanted: Fragments) -> list[str]:
    """The encodings in which a text has a value; letters may be large or small but in base64."""
    folded = text.casefold()
    return [
        name
        for name, parts in wanted.items()
        if any(one in text if name == BASE64 else one.casefold() in folded for one in parts)
    ]


def _each(*parts: str) -> tuple[str, ...]:
    """Each part once, in order."""
    return tuple(dict.fromkeys(parts))


def _by_bytes(raw: bytes) -> str:
    """As a web server's access log has it: what is no ASCII by its bytes."""
    return "".join(chr(one) if one < _ASCII else f"\\x{one:02X}" for one in raw)


def _inner(raw: bytes, before: int) -> str:
    """The characters of base64 that are a value's alone, with so many bytes before it."""
    coded = base64.b64encode(bytes(before) + raw).decode()
    return coded[-(-before * 8 // _BITS) : (before + len(raw)) * 8 // _BITS]
