r"""What others wrote, made fit for people: shown as it is, and never acted upon.

A terminal obeys escape sequences, a reader is misled by text that changes its direction, and
nobody reads 100 kB. All that is foreign goes through here on its way to terminal, log and page:
standard error of machines, names in certificates, what people put into files, records that somebody
handed over. What is replaced stays recognisable: `␛[31m` for an escape, `\u202e` for a turn.
"""

import re
from typing import Any, Final

# Line breaks and tabs stay, a line break of two characters too.
_ACTED_UPON: Final = re.compile(
    "[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f]"  # ECMA-48: the controls of both sets
    "|\r(?!\n)"  # goes back to the beginning of the line
    "|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # Unicode UAX 9: directions
    "|[\u2028\u2029]"  # line breaks that are none elsewhere
    "|[\U000e0000-\U000e007f]"  # tags, which nobody sees
    "|[\ud800-\udfff]"  # halves of characters, which can't be encoded
)
_PICTURES: Final = 0x2400
_DELETE: Final = 0x7F
_FIRST_PRINTABLE: Final = 0x20


def printable(text: str, most: int | None = None) -> str:
    """The text with what a terminal or a reader's eye would obey shown instead.

    Args:
        text: what somebody else wrote.
        most: how many characters it may have; what is left out is counted.
    """
    safe = _ACTED_UPON.sub(_shown, text)
    return safe if most is None else clipped(safe, most)


def clipped(text: str, most: int) -> str:
    """At most so many characters, the count of those that are left out among them."""
    if len(text) <= most:
        return text
    kept = max(0, most - len(f" … ({len(text)} more characters)"))
    return f"{text[:kept].rstrip()} … ({len(text) - kept} more characters)"


def one_line(text: str, most: int) -> str:
    """The text on one line: a line break in it could look like a line of ours."""
    return clipped(" ".join(printable(text).split()), most)


def each_printable(value: Any, most: int) -> Any:
    """The value with each of its texts made printable, in lists and mappings, too."""
    if isinstance(value, str):
        # An enumeration's member is a text of ours.
        return printable(value, most) if type(value) is str else value
    if isinstance(value, list):
        return [each_printable(entry, most) for entry in value]
    if isinstance(value, tuple):
        return tuple(each_printable(entry, most) for entry in value)
    if isinstance(value, dict):
        return {key: each_printable(entry, most) for key, entry in value.items()}
    return value


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < _FIRST_PRINTABLE:
        return chr(_PICTURES + code)
    if code == _DELETE:
        return "\u2421"
    return found[0].encode("unicode_escape").decode()
