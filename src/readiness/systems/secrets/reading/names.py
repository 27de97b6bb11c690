"""Whether the name before a value says that the value is a secret, and of which kind."""

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Final


class Named(Enum):
    """What a name says of its value."""

    PASSWORD = auto()
    SECRET = auto()
    KEY = auto()
    """A token or a key: generated, so that a short word behind it is a name."""


_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_PASSWORDS: Final = (
    "password", "passwd", "passphrase", "passcode", "pwd", "passwort", "kennwort", "userpass",
    "dbpass", "authpass", "rootpw", "bindpw", "masterauth", "requirepass", "passwords",
)  # fmt: skip
_PASSWORD: Final = frozenset({"pass", "pw", "psk", "credential", "credentials", "creds"})
_OF_KEYS: Final = frozenset({
    "api", "access", "private", "secret", "encryption", "encrypt", "signing", "sign", "master",
    "session", "auth", "account", "shared", "storage", "cookie", "jwt", "hmac", "crypto", "cipher",
})  # fmt: skip
_KEYS: Final = ("token", "tokens", "apikey", "accesskey", "secretkey", "privatekey", "accountkey")
# Behind the word they say that the value is about a secret and is none.
_ABOUT: Final = frozenset({
    "file", "files", "path", "dir", "folder", "location", "name", "names", "id", "ids", "url",
    "uri", "endpoint", "host", "type", "kind", "class", "mode", "format", "method", "scheme",
    "encryption", "encoder", "encoding", "algorithm", "algo", "hash", "hashes", "hashed",
    "digest", "encrypted", "salt", "sha", "sha256", "md5", "checksum", "length", "len", "min",
    "max", "minlen", "size", "count", "limit", "age", "days", "ttl", "expiry", "expires",
    "expire", "expiration", "lifetime", "timeout", "interval", "validity", "policy", "rule",
    "rules", "regex", "pattern", "complexity", "strength", "history", "quality", "retry",
    "retries", "attempts", "reset", "change", "changed", "check", "checks", "authentication",
    "auth", "enabled", "enable", "required", "disabled", "allowed", "command", "cmd", "prompt",
    "label", "field", "header", "maps", "map", "param", "parameter", "attribute", "column",
    "issuer", "audience", "provider", "manager", "store", "backend", "source", "ref",
    "reference", "env", "var", "template", "page", "form", "service", "server", "version",
    "less", "warn", "alias", "eval", "program", "cost", "rounds", "storage", "validator",
    "validation", "validate", "plugin", "plugins", "module", "modules",
})  # fmt: skip
# Before the word: what is public, what is only spelled so, and what systemd loads from elsewhere.
_HARMLESS: Final = frozenset(
    {"public", "pub", "site", "nopasswd", "bypass", "compass", "load", "import", "inherit"}
)

# A trust store holds certificates of authorities: its password keeps nothing (`changeit`).
_CERTIFICATES: Final = frozenset({"truststore", "cacerts"})


@lru_cache(maxsize=4096)
def named(name: str) -> Named | None:
    """What the name of a setting, a variable or an option says of its value."""
    words = [one.lower() for one in _WORDS.findall(name)]
    if _HARMLESS & set(words) or _CERTIFICATES & set(words) or {"trust", "store"} <= set(words):
        return None
    found = next((hit for hit in (_at(words, place) for place in range(len(words))) if hit), None)
    if found is None:
        return None
    kind, after = found
    return None if _ABOUT & set(words[after:]) else kind


def _at(words: list[str], place: int) -> tuple[Named, int] | None:
    """What the word there says, and where the words behind it begin."""
    word, behind = words[place], words[place + 1 : place + 2]
    if word.endswith(_PASSWORDS) or word in _PASSWORD:
        return Named.PASSWORD, place + 1
    if (word in _OF_KEYS or word.endswith("secret")) and behind in (["key"], ["keys"]):
        return Named.KEY, place + 2
    if word.endswith(_KEYS):
        return Named.KEY, place + 1
    if word in {"secret", "secrets"} or word.endswith("secret"):
        return Named.SECRET, place + 1
    return None
