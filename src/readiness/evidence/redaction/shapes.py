"""Find values that are recognised by their own shape, wherever they stand."""

import base64
import binascii
import re
from collections.abc import Iterator

from readiness.evidence.redaction.tokens import natural_word
from readiness.evidence.redaction.views import Span

# Patterns begin with the characters they may begin with and look back after: skipping is cheap.
_TEN = r"(?:\(\d{3}\) ?|\d{3}[\-.])\d{3}[\-.]\d{4}"
_NUMBERS = re.compile(
    r"(?:\d(?<![\w.\-].)\d\d-\d\d-\d{4}"
    r"|\d(?<![\w.+\-].)\d\d[\-.]\d{3}[\-.]\d{4}"
    rf"|\((?<![\w.+\-].)\d{{3}}\) ?\d{{3}}[\-.]\d{{4}}|1(?<![\w.+\-].)[\-. ]{_TEN}"
    rf"|\+(?<![\w+].)(?:1[\-. ]{_TEN}|\d{{10,15}}"
    r"|\d{1,3}[ \-]\(?\d{2,4}\)?[ \-]\d{3,4}[ \-]?\d{3,4}))"
    r"(?![\w\-]|\.\d)"
)
_PERHAPS_NUMBER = re.compile(r"[\-.]\d{4}(?!\d)|\+\d(?:[\d ()\-]){8}")

_EMAIL = re.compile(r"(?<![\w.%+'\-])([\w.%+'\-]++)@([^\W_][\w\-]*+(?:\.[\w\-]++)+)")
_TOP_LEVEL = re.compile(r"[^\W\d_]{2,24}|xn--[a-z0-9\-]+")
_UNITS = {
    "service", "socket", "timer", "slice", "scope", "target", "mount", "automount", "path",
    "device", "swap", "conf",
}  # fmt: skip
_TOOLS = ("openssh.com", "libssh.org", "ssh.com")  # name algorithms like addresses
_ACCOUNTS = {
    "root", "postgres", "patroni", "etcd", "redis", "haproxy", "git", "barman", "pgbackrest",
}  # fmt: skip

# Each with a literal without which it can't match.
_LITERALS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("eyJ", re.compile(r"(?<![A-Za-z0-9])eyJ[\w\-]{8,}+(?:\.[\w\-]*+){1,4}")),
    ("SCRAM-SHA-", re.compile(r"(?:(?<=SHA-256)|(?<=SHA-1))\$\d+:[^\s\"',]+")),
    ("md5", re.compile(r"(?<![A-Za-z0-9])md5[0-9a-f]{32}(?![0-9a-f])")),
    ("$", re.compile(
        r"\$(?:1|2[abxy]?|5|6|7|y|gy|argon2(?:id|i|d)|scrypt|pbkdf2[\w\-]*|apr1)\$[./A-Za-z0-9$=,+\-]{8,}+"
    )),
    ("AKIA", re.compile(r"(?<![A-Za-z0-9])AKIA[A-Z0-9]{16}(?![A-Za-z0-9])")),
    ("ASIA", re.compile(r"(?<![A-Za-z0-9])ASIA[A-Z0-9]{16}(?![A-Za-z0-9])")),
    ("gh", re.compile(r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_\w{20,}+")),
    ("glpat-", re.compile(r"glpat-[\w\-]{16,}+")),
    ("xox", re.compile(r"xox[abeoprs]-[\w\-]{10,}+")),
    ("_live_", re.compile(r"(?<![A-Za-z0-9])[rsp]k_live_\w{10,}+")),
    ("AIza", re.compile(r"AIza[\w\-]{30,}+")),
    ("hvs.", re.compile(r"(?<![A-Za-z0-9])hvs\.[\w\-]{20,}+")),
    ("hooks.slack.com/", re.compile(r"(?<=hooks\.slack\.com/)(?:services|workflows)/[\w/]+")),
    ("-u", re.compile(r"(?<!\S)(?:-u|--user)[ =]*[\"']?[^\s:'\"]+:(?!:)([^\s'\"]+)")),
    ("auth ", re.compile(r"\bstats +auth +[^\s:'\"]+:([^\s'\"]+)")),
    ("tudent", re.compile(r"(?i)\bstudents?/([a-z\-]*\d[\w\-]*)")),
)  # fmt: skip

_AUTHORITY = re.compile(r"://[^\s\"'<>]*+")
_PORT = re.compile(r":\d{1,5}(?:[/?#,;)\]]|\Z)")

_BEARER = re.compile(r"(?i)\bbearer[ :=]+[\"']?([\w\-.~+/]{8,}+=*)")
_BASIC = re.compile(r"(?i)\bbasic[ :=]+[\"']?([A-Za-z0-9+/]{8,}+={0,2})")
_FIELD = r"(?:[^\s:\\\"']|\\.)++"
_PGPASS_FIELDS = rf"{_FIELD}:(?:\d{{3,5}}|\*):{_FIELD}:(?=[A-Za-z_*]){_FIELD}:"
_PGPASS = re.compile(
    rf"(?m)^{_PGPASS_FIELDS}((?:[^:\\\r\n]|\\[^\r\n])++)$"
    rf"|(?<=[\"']){_PGPASS_FIELDS}((?:[^:\\\r\n\"']|\\[^\r\n\"'])++)(?=\\?[\"'])"
)
_PERHAPS_PGPASS = re.compile(r":(?:\d{3,5}|\*):[^\s:]")
_USERLIST = re.compile(r'(?m)^"[^"\n]+"[ \t]+"([^"\n]+)"[ \t]*$')

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]*?)(PRIVATE KEY(?: BLOCK)?)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]*-----")
_PEM_BODY = re.compile(r"(?:\s|\\[nr]|[A-Za-z0-9+/=]|[\w\-]+: [^\n\\]*)*+")
_PPK = re.compile(r"(?m)^Private-Lines: \d+\s*([A-Za-z0-9+/=\s]++)")


def shaped_values(text: str) -> Iterator[Span]:
    """Social security and phone numbers, addresses, keys and hashes of known shapes, URL logins."""
    if _PERHAPS_NUMBER.search(text):
        yield from (match.span() for match in _NUMBERS.finditer(text))
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text) if _is_address(match))
    for literal, pattern in _LITERALS:
        if literal in text:
            group = pattern.groups
            yield from (match.span(group) for match in pattern.finditer(text))
    yield from _authentication(text)
    yield from _logins(text)
    if "://" in text:
        yield from _url_passwords(text)


def _url_passwords(text: str) -> Iterator[Span]:
    """Passwords in URLs, unencoded characters included: up to the last @ of the word."""
    for match in _AUTHORITY.finditer(text):
        last = text.rfind("@", match.start(), match.end())
        start = match.start()
        while 0 <= start < last:
            colon = text.find(":", start + 3, last)
            user = text[start + 3 : colon]
            if colon >= 0 and not set(user) & set("/?#@[]") and not _PORT.match(text, colon, last):
                yield colon + 1, last
                break
            start = text.find("://", start + 3, last)


def _logins(text: str) -> Iterator[Span]:
    if _PERHAPS_PGPASS.search(text):
        yield from (match.span(match.lastindex or 0) for match in _PGPASS.finditer(text))
    if '" "' in text:
        yield from (match.span(1) for match in _USERLIST.finditer(text))


def private_keys(text: str) -> Iterator[Span]:
    """Private keys in PEM and PuTTY's form; one without an end reaches as far as its body."""
    yield from ((start, end) for start, end, private in _pem_blocks(text) if private)
    if "Private-Lines" in text:
        yield from (match.span(1) for match in _PPK.finditer(text))


def public_blocks(text: str) -> list[Span]:
    """Certificates, public keys and the like in PEM: long and random, and meant to be seen."""
    return [(start, end) for start, end, private in _pem_blocks(text) if not private]


def _pem_blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Start, end, and whether a private key is inside."""
    if "-----BEGIN" not in text:
        return
    done = 0
    for match in _PEM.finditer(text):
        if match.start() < done:
            continue
        following = text.find("-----BEGIN", match.end())
        end = _PEM_END.search(text, match.end(), len(text) if following < 0 else following)
        if end:
            done = end.end()
        elif match[2] and (body := _PEM_BODY.match(text, match.end())):
            done = body.end()
        else:
            continue
        yield match.start(), done, bool(match[2])


def _is_address(match: re.Match[str]) -> bool:
    """Whether it is no unit of systemd, no algorithm, no service account and no URL's login."""
    local, domain = match[1], match[2].rstrip("-")
    last = domain.rpartition(".")[2]
    tool = domain.lower().endswith(_TOOLS) or local.lower() in _ACCOUNTS
    login = match.string.endswith("://", 0, match.start())
    return bool(_TOP_LEVEL.fullmatch(last)) and last not in _UNITS and not tool and not login


def _authentication(text: str) -> Iterator[Span]:
    lower = text.lower()
    if "bearer" in lower:
        for match in _BEARER.finditer(text):
            if not natural_word(match[1]):
                yield match.span(1)
    if "basic" in lower:
        for match in _BASIC.finditer(text):
            if _is_login(match[1]):
                yield match.span(1)


def _is_login(encoded: str) -> bool:
    try:
        return b":" in base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        return False
