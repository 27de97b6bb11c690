"""Whether a trigger's function refuses whatever comes: what it is made of, never run.

Words are those of PL/pgSQL's grammar (PostgreSQL manual, "Structure of PL/pgSQL" and "Reporting
Errors and Messages"). It is enough that nothing can leave the function before it raises; of a
function that is written in another way, or language, nothing is said.
"""

import re
from typing import Final

LANGUAGE: Final = "plpgsql"
# Of a text only that it is one; a comment is a blank.
_TEXT: Final = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|\"(?:[^\"]|\"\")*\"",
    re.DOTALL,
)
_LEVELS: Final = "DEBUG|LOG|INFO|NOTICE|WARNING"
# No handler may follow: it would take the error back.
_REFUSES: Final = re.compile(
    r"(?:# ?\w+ \w+ )*(?:DECLARE (?:(?!BEGIN\b).)*)?BEGIN "
    rf"(?:(?:PERFORM|RAISE (?:{_LEVELS})) [^;]*; ?)*"
    rf"RAISE(?! ?(?:{_LEVELS})\b)\b[^;]*; ?"
    r"(?:RETURN\b[^;]*; ?)?END ?;?"
)


def refuses_at_once(language: str, body: str) -> bool:
    """Whether a function raises an error without any condition before it, and lets it stand."""
    words = _TEXT.sub(lambda found: " " if found["comment"] else "''", body)
    if language != LANGUAGE or "/*" in words or "*/" in words:
        return False
    return _REFUSES.fullmatch(" ".join(words.upper().split())) is not None
