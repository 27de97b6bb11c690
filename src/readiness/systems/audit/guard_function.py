"""Which changes a trigger's function refuses: by what it is made of, never run.

Words are those of PL/pgSQL's grammar (PostgreSQL manual, "Structure of PL/pgSQL", "Conditionals"
and "Reporting Errors and Messages"). It is enough that nothing can leave the function before it
raises, and nothing but the kind of change decides whether it does; of a function that is written in
another way, or language, nothing is said.
"""

import re
from collections.abc import Collection
from typing import Final

LANGUAGE: Final = "plpgsql"
CHANGES: Final = frozenset({"UPDATE", "DELETE", "TRUNCATE"})
# Of a text only that it is one, unless it names a kind of change; a comment is a blank.
_TEXT: Final = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<kind>'(?:UPDATE|DELETE|TRUNCATE|INSERT)')"
    r"|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|\"(?:[^\"]|\"\")*\"",
    re.DOTALL,
)
_LEVELS: Final = "DEBUG|LOG|INFO|NOTICE|WARNING"
_RAISES: Final = (
    rf"(?:(?:PERFORM|RAISE (?:{_LEVELS})) [^;]*; ?)*RAISE(?! ?(?:{_LEVELS})\b)\b[^;]*; ?"
)
_KIND: Final = r"TG_OP ?(?:= ?'\w+'|IN ?\( ?'\w+'(?: ?, ?'\w+')* ?\))"
_IF: Final = rf"\(?{_KIND}(?: OR {_KIND})*\)? THEN {_RAISES}"
_HEAD: Final = r"(?:# ?\w+ \w+ )*(?:DECLARE (?:(?!BEGIN\b).)*)?BEGIN "
# No handler may follow: it would take the error back.
_TAIL: Final = r"(?:RETURN\b[^;]*; ?)?END ?;?"
_ALWAYS: Final = re.compile(_HEAD + _RAISES + _TAIL)
_BY_KIND: Final = re.compile(
    rf"{_HEAD}(?P<kinds>IF {_IF}(?:ELSIF {_IF})*)(?P<rest>ELSE {_RAISES})?END IF ?; ?"
    rf"(?P<then>{_RAISES})?{_TAIL}"
)


def refused(language: str, body: str) -> Collection[str]:
    """The kinds of change that a function raises an error for, and lets it stand, whoever asks."""
    words = _TEXT.sub(_without_words, body)
    if language != LANGUAGE or "/*" in words or "*/" in words:
        return frozenset()
    words = " ".join(words.upper().split())
    if _ALWAYS.fullmatch(words):
        return CHANGES
    found = _BY_KIND.fullmatch(words)
    if found is None:
        return frozenset()
    if found["rest"] or found["then"]:
        return CHANGES
    named = re.findall(_KIND, found["kinds"])
    return CHANGES & {kind for one in named for kind in re.findall(r"'(\w+)'", one)}


def _without_words(found: re.Match[str]) -> str:
    if found["comment"]:
        return " "
    return found["kind"] or "''"
