"""Finds secrets in a line of a file, an environment or a command line: a pure function of text.

Whatever is found leaves this module with its value, which goes no further than a keyed digest
(`readiness.systems.secrets.asking`).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from readiness.systems.secrets.reading.directives import DIRECTIVES, OPTION
from readiness.systems.secrets.reading.names import Named, named
from readiness.systems.secrets.reading.values import (
    LEAST_OF_WEAK,
    MOST_WORDS,
    is_key,
    is_password,
    is_secret_word,
    stands_for_nothing,
)


@dataclass(frozen=True)
class Hit:
    """A secret in a line. `setting` is the name before it, empty where none is."""

    kind: str
    setting: str
    value: str


Shapes = Callable[[str], Iterator[tuple[str, str]]]
"""Finds values that are known by their own shape: what they are, and the value."""

SETTING, URL, KEY = "a setting", "a login in a URL", "a private key"
BY_OPTION: Final = "an option"
WHOLE: Final = "a whole file"
PAGES: Final = (
    ".js", ".mjs", ".ts", ".tsx", ".jsx", ".html", ".htm", ".css", ".po", ".map",
    ".vue", ".svelte", ".vim",
)  # fmt: skip
"""Ends of names of what is shown to people: words behind `password` are labels there."""
CODE: Final = (
    ".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".java", ".kt", ".groovy",
    ".scala", ".rb", ".erb", ".php", ".go", ".rs", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs",
    ".pl", ".pm", ".lua", ".sql", ".html", ".htm", ".css", ".po", ".vim", ".tcl", ".el", ".m4",
    ".map", ".jsp", ".vue", ".svelte",
)  # fmt: skip
"""Ends of names of programs and papers, where a value is a secret only as a literal."""

_BLOCKS: Final = (
    ((".xml", ".xsl", ".html", ".htm", ".config", ".jsp", ".vue"), re.compile(r"(?s)<!--.*?-->")),
    (
        (".js", ".ts", ".java", ".kt", ".groovy", ".php", ".c", ".h", ".cc", ".cpp", ".cs", ".go",
         ".css", ".sql", ".conf"),
        re.compile(r"(?s)/\*(?!\*?/).*?\*/"),
    ),
)  # fmt: skip
"""Comments of several lines, by the ends of the names of files that have them."""
_COMMENT: Final = re.compile(
    r"\s*(?:#|;|//(?![\w.-]+/)|--\s|\*\s|<!--|!(?!\w*:)|REM\s|dnl\s|\.\\\")"
)
_NAME: Final = re.compile(
    r"(?<![\w.-])(?P<name>-{0,2}[A-Za-z_][\w.-]{0,120})[\"']?\]?[ \t]{0,40}"
    r"(?:=>|:=|==?|:(?!//|:))[ \t]{0,40}"
)
_QUOTED: Final = re.compile(r"\\?(?P<q>[\"'])(?P<value>(?:\\.|(?!(?P=q)).)*?)\\?(?P=q)")
_WORD: Final = re.compile(r"[^\s\"'&;,<>`]+")
_BEHIND: Final = re.compile(r"\s+#.*|\s*,?\s*$")
_ASKS: Final = re.compile(r"[\"'](?:\s|$)")
"""The end of a text that asks for one, after its colon."""
_MAPPING: Final = re.compile(r"\{\s*[\"']?[\w-]+[\"']?\s*:")
"""What is in it has names of its own."""
_MORE: Final = re.compile(r"\s[\w.-]+\s?[=:]")
_ELEMENT: Final = re.compile(
    r"<(?P<name>[A-Za-z][\w.:-]{0,120})(?:\s[^<>]{0,200})?>(?P<value>[^<>]{1,500})</"
)
_NAMED_ELEMENT: Final = re.compile(
    r"<\w+\s[^<>]*?\b(?:name|key)=[\"'](?P<name>[\w.:-]{1,120})[\"'][^<>]*>(?P<value>[^<>]{1,500})</"
)
_PAIR: Final = re.compile(
    r"(?:name|key|Name)\s*[=:]\s*[\"']?(?P<name>[\w.-]{1,120})[\"']?[\s,]+"
    r"(?:value|Value)\s*[=:]\s*(?P<q>[\"'])(?P<value>.*?)(?P=q)"
)
_DEFINED: Final = re.compile(
    r"(?:define|put|setProperty|set|setenv|ENV|ARG)\s*\(?\s*[\"']?"
    r"(?P<name>[\w.-]{1,120})[\"']?\s*[,\s]\s*"
    r"(?P<q>[\"'])(?P<value>.*?)(?P=q)"
)
_URL: Final = re.compile(
    r"[A-Za-z][\w+.-]*://(?P<user>[^\s/@:\"'<>]*):(?P<value>[^\s/\"'<>]+)@[\w.\[{$-]"
)
_NOBODY: Final = {"user", "username", "login"}
"""Users of URLs in examples; a real one of that name has no example's password, or gets told."""
_PRIVATE: Final = re.compile(r"-----BEGIN (?!ENCRYPTED)(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
_ALONE: Final = re.compile(r"[\s\"'>|:=\w.-]{0,80}")


def is_code(path: str) -> bool:
    """Whether a file is a program or a paper, by its name."""
    return path.lower().endswith(CODE)


def is_page(path: str) -> bool:
    """Whether a file is made to be shown, by its name: there labels abound as in comments."""
    return path.lower().endswith(PAGES)


def in_file(path: str, line: str, shapes: "Shapes", *, comment: bool = False) -> tuple["Hit", ...]:
    """The secrets of a line of that file; `comment` where it is within one of several lines."""
    return secrets_in(line, code=is_code(path), comment=comment or is_page(path), shapes=shapes)


def has_comments(path: str) -> bool:
    """Whether a file may have comments of several lines, by its name."""
    return any(path.lower().endswith(ends) for ends, _ in _BLOCKS)


def within_comments(path: str, text: str) -> frozenset[int]:
    """The numbers of the lines that a comment of several lines begins before, from 1."""
    between = next((marks for ends, marks in _BLOCKS if path.lower().endswith(ends)), None)
    if between is None:
        return frozenset()
    found: set[int] = set()
    for match in between.finditer(text):
        first = text.count("\n", 0, match.start()) + 1
        found |= set(range(first + 1, first + match[0].count("\n") + 1))
    return frozenset(found)


def secrets_in(
    line: str,
    *,
    code: bool = False,
    comment: bool = False,
    shapes: Shapes = lambda _: iter(()),
) -> tuple[Hit, ...]:
    """The secrets of a line, each value once."""
    comment = comment or bool(_COMMENT.match(line))
    found: dict[str, Hit] = {}
    for hit in (
        *_private_key(line),
        *_urls(line, comment=comment),
        *_settings(line, comment=comment, code=code),
        *(() if code else _commands(line, comment=comment)),
        *_known_shapes(line, shapes),
    ):
        found.setdefault(hit.value, hit)
    return tuple(found.values())


def whole_secret(lines: list[str]) -> Hit | None:
    """What a file holds that is named like a secret, if it is one word on one line."""
    said = [one.strip() for one in lines if one.strip()]
    if len(said) != 1 or re.search(r"[\s:=]", said[0]) or not is_password(said[0]):
        return None
    return Hit(WHOLE, "", said[0])


def _private_key(line: str) -> Iterator[Hit]:
    """A header alone on its line, or with the key behind it: else somebody looks for headers."""
    for match in _PRIVATE.finditer(line):
        behind = line[match.end() :].strip()
        if (not behind.strip("\"'") or behind.startswith(("\\n", "\\r"))) and _ALONE.fullmatch(
            line[: match.start()]
        ):
            yield Hit(KEY, "", line)


def _known_shapes(line: str, shapes: Shapes) -> Iterator[Hit]:
    for kind, value in shapes(line):
        if not stands_for_nothing(value):
            # Some detectors tell the first letters only.
            yield Hit(kind, "", value if len(value) > LEAST_OF_WEAK else line.strip())


def _urls(line: str, *, comment: bool) -> Iterator[Hit]:
    for match in _URL.finditer(line):
        if is_password(match["value"], comment=comment or match["user"] in _NOBODY):
            yield Hit(URL, "", match["value"])


def _settings(line: str, *, comment: bool, code: bool) -> Iterator[Hit]:
    for match in _NAME.finditer(line):
        if said := named(match["name"]):
            value = _value(line, match, comment=comment, code=code)
            if value is not None and _is_secret(said, value, comment=comment, code=code):
                yield Hit(SETTING, match["name"].lstrip("-"), value)
    for pattern in (_ELEMENT, _NAMED_ELEMENT, _PAIR, _DEFINED):
        for match in pattern.finditer(line):
            said = named(match["name"])
            value = match["value"].strip()
            if said and _is_secret(said, value, comment=comment, code=code):
                yield Hit(SETTING, match["name"], value)


def _value(line: str, name: re.Match[str], *, comment: bool, code: bool) -> str | None:
    """What stands behind a name; None where it is a sentence, an expression, or nothing."""
    if quoted := _QUOTED.match(line, name.end()):
        return quoted["value"]
    rest = _BEHIND.sub("", line[name.end() :]).strip()
    if code or not rest or _ASKS.match(rest) or _MAPPING.match(rest):
        return None
    words = len(rest.split())
    if name[0].endswith((" ", "\t")) and not _MORE.search(rest) and words > 1:
        # `password: the one that you were given` is a sentence, `password = two words` is none.
        before = re.search(r"\w", line[: name.start()]) is not None
        sentence = comment or before or words > MOST_WORDS
        about = any(named(one) for one in rest.split())
        return None if sentence or about else rest.strip("\"'{}[],") or None
    word = _WORD.match(rest)
    return word[0].rstrip("})],") if word else None


def _is_secret(said: Named, value: str, *, comment: bool, code: bool) -> bool:
    if said is Named.KEY:
        return is_key(value)
    if said is Named.SECRET:
        name = value.lower() in {"passphrase", "shared-secret"}
        return not name and is_secret_word(value) and (not comment or is_key(value))
    if code and (" " in value or not value.isascii() or named(value) is not None):
        return False
    return is_password(value, comment=comment)


def _commands(line: str, *, comment: bool) -> Iterator[Hit]:
    for match in OPTION.finditer(line):
        said = named(match["name"])
        if said and _is_secret(said, match["value"], comment=comment, code=False):
            yield Hit(BY_OPTION, match["name"], match["value"])
    for name, pattern in DIRECTIVES:
        for match in pattern.finditer(line):
            if is_password(match["value"], comment=comment):
                yield Hit(BY_OPTION, name, match["value"])
