"""Find the values of sensitive fields: in assignments, headers, JSON, YAML, URLs, XML and prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from readiness.evidence.redaction.keys import NAMED, NAMING, Kind, classify, sensitive
from readiness.evidence.redaction.tokens import looks_random, natural_word
from readiness.evidence.redaction.views import BREAK, Span, View

MARK = "[redacted]"

_ASSIGNMENT = re.compile(
    r"(?<![\w.])(?<!\w-)([A-Za-z]\w*+(?:[.\-]\w++)*+)"
    r"((?:\\*[\"'`])?)\]?(?: ?\([^()\n]{0,24}\))?"
    r"(?:[ \t]{0,8}(=>|:=|!?={1,3}(?!~)|:(?!:|//)|,(?=[ \t]{0,8}\\*[\"']))[ \t]{0,8}"
    r"|[ \t]{1,3}(is|was)[ \t]{1,3})"
)
_ELEMENT = re.compile(r"<([A-Za-z][\w.:\-]*+)(?:[ \t][^<>\n]{0,200})?>([^<]{1,4096})</")
_OPTION = re.compile(r"(?<![^\s\"'(\[,=])--?([A-Za-z][\w\-]*+)[ \t]+(?=[^\s\-])")
_STATEMENT = re.compile(
    r"(?i)\b(?:(?:password|passphrase|secret|token)|identified +by +password)\s+(?=\\*[\"'])"
)
_DIRECTIVE = re.compile(
    r"(?mi)(?:^|[\"'\\])[ \t]*(?:requirepass|masterauth|auth_pass)[ \t]+([^\s\"']+)"
    r"|\b(?:insecure-password|sentinel[ \t]+auth-pass[ \t]+\S+|set[ \t]+\S+[ \t]+auth-pass"
    r"|sshpass[ \t]+-p|redis-cli\b[^|;\n]*?[ \t]-a)[ \t]+[\"']?([^\s\"']+)"
    r"|\blogin[ \t]+\S+[ \t]+(?:port[ \t]+\S+[ \t]+)?password[ \t]+(\S+)"
    r"|\b(?:set)?user[ \t]+\S+[ \t]+o(?:n|ff)[ \t]+(?:\S++[ \t]+){0,20}?>(?!\[redacted\])(\S+)"
)
"""Settings of Redis, HAProxy and keepalived, `.netrc`, and options whose name tells nothing."""

# A run that has no bound is gone through anew from each of its characters: 16 backslashes are four
# levels of JSON in JSON, and a column of a table is hardly wider than 99.
_ESCAPED = r"\\{0,16}"
_GAP = r"[ \t]{0,99}"
_NAMED_VALUE = re.compile(
    rf"({_ESCAPED}[\"']?)\b(?:{'|'.join(NAMING)})\1[ \t]*:[ \t]*\1([A-Za-z][\w.\-]{{1,60}})\1"
    rf"[ \t]*[,\r\n]\s*\1\b(?:{'|'.join(NAMED)})\1[ \t]*:[ \t]*"
)
"""A name and its value under keys of their own, as in the environment of a container."""

_DATE = (
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|[A-Z][a-z]{2,8}\.? \d{1,2},? \d{4}"
    r"|\d{1,2}\.? [A-Z][a-z]{2,8}\.? \d{4}|(?:19|20)\d{6}"
)
_WORD = "[^\\W\\d_](?:[^\\W\\d_]|['\u2019.\\-](?=[^\\W\\d_]))*\\.?"
_FIRST = rf"(?=[A-Z\u00c0-\u024f]){_WORD}"
_PARTICLE = r"(?:de|da|van|von|der|la|le|bin|al)\b"
_NEXT = rf"(?: (?=[A-Z\u00c0-\u024f]|{_PARTICLE}){_WORD}(?!\w*[=:]))"
_PERSON = f"{_FIRST}{_NEXT}{{1,4}}"
_STREET = r"\d{1,6} (?:[NSEW]\.? )?[A-Z]\w+(?: [A-Z]\w*\.?){0,4}"
_DIGITS = r"[+(]?\d[\d ().\-/]{2,22}\d(?!\w)"

# What a value of each kind looks like when nothing encloses it; otherwise one word is taken.
_SHAPES = {
    Kind.NUMBER: re.compile(_DIGITS),
    Kind.DATE: re.compile(_DATE),
    Kind.GRADE: re.compile(r"[0-5](?:\.\d{0,3})?(?!\w)|[A-F][+\-]?(?!\w)"),
    Kind.NAME: re.compile(f"{_FIRST}{_NEXT}{{0,4}}"),
    Kind.LOOSE: re.compile(f"(?:{_PERSON}|{_STREET})(?![\\w@])"),
}

_IN_PROSE = re.compile(
    r"(?i)\b(?:"
    r"(?:gpa|grade point average)(?: of| is| was)? (?P<gpa>[0-5]\.\d{1,3})"
    r"|(?:ssn|social security number)(?: is| was)? (?P<ssn>\d{3}[ \-]?\d{2}[ \-]?\d{4})"
    r"|(?:dob|born|date of birth|birth ?date|birthday)(?: on| is| was)?"
    rf" (?P<date>(?-i:{_DATE}))"
    r"|(?:student|campus|university)s?(?: id| number| no\.?)?(?: is| was)?[ /#]{1,2}"
    r"(?P<id>[a-z]{0,3}\d{4,}[\w\-]*)"
    rf"|(?:phone|mobile|telephone)(?: number| no\.?)?(?: is| was)? (?P<phone>{_DIGITS})"
    rf"|student (?:named |name )?(?P<name>(?-i:{_PERSON}))"
    r")"
)

_QUOTE = re.compile(r"[bBrRuUfF]{0,2}(\\*[\"'`])")
_PLAIN = re.compile(
    r"(?:\\[^\n]|[\"'](?=\w)|<(?![/A-Za-z])|[&,;](?![\w.\-]{1,40}=)|[^\s\"'<`\\&,;]|\\(?=\n|\Z))++"
)
_NEXT_FIELD = re.compile(
    rf"{_GAP}[,;|&][ \t]*[\"']?[A-Za-z][\w .\-]{{0,40}}[\"']?[ \t]*[=:]|[ \t][\w.\-]{{1,40}}="
)
_LINE_END = re.compile(r"\\r|\\n|[\r\n]|\Z")
_LINE_START = re.compile(r"(?:^|[\r\n]|\\n)[ \t]*(?:[\-*>|]|E|export)?[ \t]*\Z")
_BRACKETS = {"{", "["}
_TOKEN = re.compile(
    r"(?:(?!\[redacted\])[\s{}\[\],:()])*+"
    r"(?:(?P<mark>\[redacted\])|(?P<quote>\\*[\"'])|(?P<bare>[^\s\"'{}\[\],:()]++))"
)
_COLON = re.compile(r"\s*:")
_LONGEST_BRACKET = 65536
_MOST_LINES = 4
_WORDS_BEFORE = re.compile(r"(?<![A-Za-z\-])(?:[A-Za-z][A-Za-z\-]*+ ){1,3}\Z")
_CONTINUATION = re.compile(r"[^\s\"'<>,;&\\]+")
_STRUCTURE = re.compile(r"[\w.\-]+(?:=[^=]|:\S)|\W*\Z|-----|\[redacted\]")
_OPEN_END = re.compile(r"[.\-]*[ \t]*\\?(?=[\r\n]|\\[rn]|\Z)|")
_DIGITS_REST = re.compile(r"[\d ,().\-/]*\d(?![\w:])")
_NAME_REST = re.compile(rf"(?:{_WORD} ){{0,3}}{_FIRST}(?: {_WORD}){{0,2}}")
_PARTIAL = {
    Kind.DATE: re.compile(_DATE),
    Kind.GRADE: re.compile(r"[0-5]\.\d+|[A-F][+-]?"),
    Kind.NUMBER: re.compile(r"(?=(?:\D*\d){7}).*\d"),
}
"""What whole values look like; one that doesn't may go on with digits."""
_NAME_NEXT = re.compile(r"\\*[\"'][A-Za-z][a-z_]*\\*[\"']")
_DIRECTIVES = (
    "requirepass", "masterauth", "auth_pass", "insecure-password", "auth-pass", "sshpass",
    "redis-cli", "login", "user ", "USER ",
)  # fmt: skip
"""Without one of these, written in the usual case, `_DIRECTIVE` is not tried: it is slow."""

_EXEMPT = re.compile(
    r"(?i)(?:null|none|nil|true|false|yes|no|on|off|undefined|n/a"
    r"|str|int|float|bool|bytes|any|string|text|varchar(?:\(\d+\))?"
    r"|required|invalid|missing|expired|unset|not[ _]set|empty|absent|present"
    r"|scram-sha-256|md5|trust|peer"
    r"|\*{3,}|x{3,}|\.{3}|-+|\[redacted\]"
    r"|\$\d+|\?|%s|%\([a-z_]+\)s|:[a-z_]+|\$?\{+[a-z_][\w.]*\}+|\$[a-z_]\w*|<[a-z][a-z _\-]*>"
    r"|(?:file|env):[\w./\-]+|[a-z_][a-z_.]*\((?:\d*|%s|\$\d+|\?)\)|[*!:]+"
    r"|(?:\.{0,2}/)?(?:[\w.\-]++/)++[\w.\-]+\.(?:key|pem|crt|conf|pass|pgpass|ya?ml|json|txt|env))"
)
"""What stands for a value without being one."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A sensitive field found in a text: where its name starts, and where its value does."""

    kind: Kind
    key: str
    start: int
    value: int
    separator: str
    quoted: bool


def field_values(text: str) -> Iterator[Span]:
    """Where the values of sensitive fields stand."""
    done = 0
    for match in _ASSIGNMENT.finditer(text):
        # What lies within a value already found is found.
        if match.start() >= done and (field := _field(text, match, match.end())):
            for span in _value(text, field):
                yield span
                done = max(done, span[1])
    yield from _other_notations(text)


def values_of_split_keys(text: str, joined: View) -> Iterator[Span]:
    """The values of fields whose names are split over lines."""
    for match in _ASSIGNMENT.finditer(joined.text):
        if joined.crossed((match.start(1), match.end(match.lastindex or 1))):
            start, value = joined.origin(match.span())
            if field := _field(joined.text, match, value):
                yield from _value(text, replace(field, start=start))


def exempt(value: str) -> bool:
    """Whether it stands for a value without being one: a placeholder, a reference, a type, null."""
    return _EXEMPT.fullmatch(value) is not None


def looks_personal(value: str) -> bool:
    """Whether it looks like a person's full name or a street address."""
    return _SHAPES[Kind.LOOSE].fullmatch(value) is not None


def _field(text: str, match: re.Match[str], value: int) -> _Field | None:
    key = match[1].rstrip(".-")
    kind = classify(key)
    if kind is None or kind is Kind.LOOSE:
        kind = _of_several_words(text, match) or kind
    separator = match[3] or match[4]
    if kind is None or (separator == "," and not _is_pair(text, match, kind)):
        return None
    return _Field(kind, key.lower(), match.start(1), value, separator, quoted=bool(match[2]))


def _is_pair(text: str, match: re.Match[str], kind: Kind) -> bool:
    """Whether two quoted words in a row are a name and its value, not two names."""
    return bool(match[2]) and kind is not Kind.LOOSE and not _NAME_NEXT.match(text, match.end())


def _of_several_words(text: str, match: re.Match[str]) -> Kind | None:
    """The kind of a field whose name is written with spaces: `Date of birth`."""
    start = match.start(1)
    if not text.startswith(" ", start - 1):
        return None
    before = _WORDS_BEFORE.search(text, max(0, start - 40), start)
    kind = classify(before[0] + match[1]) if before else None
    return None if kind is Kind.LOOSE else kind


def _value(text: str, field: _Field) -> Iterator[Span]:
    if text.startswith(MARK, field.value):
        return
    quote = _QUOTE.match(text, field.value)
    if quote:
        yield from _quoted(text, quote.end(), quote[1], field)
    elif text[field.value : field.value + 1] in _BRACKETS and field.kind is not Kind.LOOSE:
        yield from _bracketed(text, field.value)
    else:
        yield from _unquoted(text, field)


def _quoted(text: str, start: int, quote: str, field: _Field) -> Iterator[Span]:
    end = _closing(text, start, quote)
    if end is None or text.count("\n", start, end) > _MOST_LINES:
        end = _line_end(text, start)
        yield start, end
        yield from continued(text, end, field.kind, text[start:end])
        return
    content = text[start:end]
    if field.kind is Kind.LOOSE and not looks_personal(content):
        return
    if content.strip() and not exempt(content):
        yield start, end


def _closing(text: str, start: int, quote: str) -> int | None:
    """Where the quote closes: not escaped more deeply, and not doubled as in SQL."""
    at = text.find(quote, start)
    while at >= 0:
        before = text[max(start, at - 16) : at]
        backslashes = len(before) - len(before.rstrip("\\"))
        if quote == "'" and text.startswith("''", at) and at > start:
            at = text.find(quote, at + 2)
        elif backslashes % 2 == 0:
            return at
        else:
            at = text.find(quote, at + 1)
    return None


def _bracketed(text: str, start: int) -> Iterator[Span]:
    """Every scalar inside a bracket, object keys left out."""
    if _EXEMPT.match(text, start):
        return
    depth = 0
    end = min(len(text), start + _LONGEST_BRACKET)
    for at in range(start, end):
        depth += (text[at] in "{[") - (text[at] in "}]")
        if depth == 0:
            end = at
            break
    else:
        end = _line_end(text, end)
    yield from _scalars(text, start + 1, end)
    yield end, end  # the whole bracket is done with


def _scalars(text: str, at: int, end: int) -> Iterator[Span]:
    while token := _TOKEN.match(text, at, end):
        start, stop = token.span(token.lastgroup or 0)
        at = stop
        if token["quote"]:
            start = stop
            closing = _closing(text, start, token["quote"])
            if closing is None or closing > end:
                yield start, end
                return
            stop, at = closing, closing + len(token["quote"])
        is_key = _COLON.match(text, at) is not None
        if not token["mark"] and not is_key and text[start:stop] and not exempt(text[start:stop]):
            yield start, stop


def _unquoted(text: str, field: _Field) -> Iterator[Span]:
    start = field.value
    end = _unquoted_end(text, field)
    if end is None:
        return
    value = text[start:end]
    if value and (exempt(value) or _is_prose(field, value)):
        return
    if value:
        yield start, end
    last = _OPEN_END.match(text, end)
    if last and _LINE_END.match(text, last.end()):
        yield from continued(text, last.end(), field.kind, value)


def _unquoted_end(text: str, field: _Field) -> int | None:
    """Where a value ends that nothing encloses; `None` when there is no value worth hiding."""
    start = field.value
    shape = _SHAPES.get(field.kind)
    found = shape.match(text, start) if shape else None
    if field.kind is Kind.LOOSE:
        return found.end() if found else None
    if field.kind is Kind.HEADER:
        opener = text[field.start - 1 : field.start]
        end = _line_end(text, start)
        closer = text.find(opener, start, end) if opener in {'"', "'"} else -1
        return closer if closer >= 0 else end
    if field.separator == ":" and not field.quoted and _starts_line(text, field.start):
        end = _line_end(text, start)
        following = _NEXT_FIELD.search(text, start, end)
        return _trimmed(text, start, following.start() if following else end)
    word = _PLAIN.match(text, found.end() if found else start)
    return _trimmed(text, start, word.end() if word else found.end() if found else start)


def _trimmed(text: str, start: int, end: int) -> int:
    """The end of a value without what follows it in a list, a sentence or a call."""
    value = text[start:end].rstrip()
    closers = ")" if "(" not in value else ""
    closers += "}" if "{" not in value else ""
    closers += "]" if "[" not in value else ""
    return start + len(value.rstrip(",;\\" + closers).removesuffix("."))


def _is_prose(field: _Field, value: str) -> bool:
    """Whether a sentence goes on rather than a value follows: `token: unexpected end`."""
    told = field.separator in {"is", "was"}
    if field.kind is Kind.SECRET:
        count = field.key == "pass" and value.isdigit()
        word = natural_word(value.split(maxsplit=1)[0])
        return count or (word and (told or field.key.endswith(("token", "credentials"))))
    if field.kind is Kind.PERSONAL and value.startswith("/"):
        return True
    shape = _SHAPES.get(field.kind)
    return told and not (shape and shape.match(value))


def continued(text: str, end: int, kind: Kind, value: str) -> Iterator[Span]:
    """What a value that ends with its line goes on with on the next lines."""
    for _ in range(_MOST_LINES):
        gap = BREAK.match(text, end)
        word = _CONTINUATION.match(text, gap.end()) if gap else None
        if not word or _STRUCTURE.match(word[0]):
            return
        following = _LINE_END.search(text, word.end())
        line_end = following.start() if following else len(text)
        alone = word.end() == line_end
        if kind is Kind.NAME and _NAME_REST.fullmatch(text, word.start(), line_end):
            yield word.start(), line_end
            return
        partial = kind in _PARTIAL and not _PARTIAL[kind].fullmatch(value)
        if partial and (digits := _DIGITS_REST.match(text, word.start(), line_end)):
            yield digits.span()
            return
        if not (looks_random(word[0]) or (alone and not natural_word(word[0]))):
            return
        yield word.span()
        value += word[0]
        end = word.end()
        if not alone:
            return


def _line_end(text: str, start: int) -> int:
    match = _LINE_END.search(text, start)
    return match.start() if match else len(text)


def _starts_line(text: str, position: int) -> bool:
    return bool(_LINE_START.search(text, max(0, position - 16), position)) or position == 0


def _other_notations(text: str) -> Iterator[Span]:
    yield from _elements(text)
    for match in _OPTION.finditer(text):
        if kind := classify(match[1]):
            yield from _after_space(text, match, kind)
    if "'" in text or '"' in text:
        for match in _STATEMENT.finditer(text):
            yield from _after_space(text, match, Kind.SECRET)
    if any(word in text for word in _DIRECTIVES):
        yield from _directives(text)
    for match in _NAMED_VALUE.finditer(text):
        if sensitive(match[2]):
            yield from _after_space(text, match, Kind.SECRET)
    yield from prose_values(text)


def prose_values(text: str) -> Iterator[Span]:
    """Values of known form after a field's name in a sentence: `a GPA of 3.9`, `born on ...`."""
    return (match.span(match.lastgroup or 0) for match in _IN_PROSE.finditer(text))


def _directives(text: str) -> Iterator[Span]:
    for match in _DIRECTIVE.finditer(text):
        span = match.span(match.lastindex or 0)
        if not exempt(text[slice(*span)]):
            yield span


def _elements(text: str) -> Iterator[Span]:
    for match in _ELEMENT.finditer(text):
        if sensitive(match[1]) and not exempt(match[2].strip() or MARK):
            yield match.span(2)


def _after_space(text: str, match: re.Match[str], kind: Kind) -> Iterator[Span]:
    field = _Field(kind, match[0].strip(), match.start(), match.end(), " ", quoted=False)
    return _value(text, field)
