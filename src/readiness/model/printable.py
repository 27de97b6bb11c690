r"""What others wrote, made fit for people: shown as it is, and never acted upon.

A terminal obeys escape sequences, a reader is misled by text that changes its direction, and
nobody reads 100 kB. All that is foreign goes through here on its way to terminal, log and page:
standard error of machines, names in certificates, what people put into files, records that somebody
handed over. What is replaced stays recognisable: `␛[31m` for an escape, `\u202e` for a turn.
Joiners are shown in Persian words and emoji, too: in a name they would make two of one look.
"""

import re
import unicodedata
from typing import Any, Final

# Goes back to the beginning of the line; before a line feed it is a line break of two characters.
_RETURN: Final = re.compile("\r(?!\n)")
_BREAKS: Final = "\n\t\r"
# Letters and marks that are drawn as nothing (Unicode: Default_Ignorable_Code_Point) though their
# category is not one of those: fillers, joiners of graphemes, vowels, and what selects a shape.
_DRAWN_AS_NOTHING: Final = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0))
) | frozenset(
    chr(code)
    for first, last in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for code in range(first, last + 1)
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
    if not (text.isascii() and text.isprintable()):
        text = _RETURN.sub("\u240d", text)
        hidden = {ord(one): _shown(one) for one in set(text) if _is_hidden(one)}
        text = text.translate(hidden) if hidden else text
    return text if most is None else clipped(text, most)


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


def _is_hidden(one: str) -> bool:
    """Whether a terminal would act upon the character, or a reader not see it.

    `isprintable` is false for controls, formats, surrogates, for private use, what is not assigned,
    and for separators (Unicode, chapter 4.5), of which blanks are seen.
    """
    if one in _BREAKS:
        return False
    return one in _DRAWN_AS_NOTHING or not (one.isprintable() or unicodedata.category(one) == "Zs")


def _shown(one: str) -> str:
    code = ord(one)
    if code < _FIRST_PRINTABLE:
        return chr(_PICTURES + code)
    if code == _DELETE:
        return "\u2421"
    return one.encode("unicode_escape").decode()
