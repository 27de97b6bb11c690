"""One page as it came: status, headers, cookies and what the body begins with.

The body may be somebody's record and cookies are keys: a page stays in memory, and only what is
said about it goes anywhere.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

# The names under which frameworks keep a session, of which scripts need to know nothing: what
# guards forms (CSRF) is meant to be read by them.
_SESSION: Final = re.compile(r"sess|sid$|auth|jwt|remember", re.IGNORECASE)
_FOR_SCRIPTS: Final = re.compile(r"[cx]srf", re.IGNORECASE)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TEXT_LIMIT: Final = 64 * 1024  # bytes: what tells a page apart stands at its beginning


@dataclass(frozen=True)
class Cookie:
    """What a Set-Cookie header asks of a browser (RFC 6265, 5.2); its value is not kept."""

    name: str
    secure: bool
    http_only: bool
    same_site: str
    """`strict`, `lax` or `none`; empty where nothing is said."""
    ends: bool
    """Whether it takes a cookie away."""

    @property
    def is_session(self) -> bool:
        """Whether its name says that it proves who somebody is."""
        return bool(_SESSION.search(self.name)) and not _FOR_SCRIPTS.search(self.name)


@dataclass(frozen=True)
class Page:
    """One answer to a GET."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """Names in lower case, in the order they came."""
    body: bytes = field(default=b"", repr=False)
    """The first bytes of it; the asker bounds how many."""
    json: Any = field(default=None, repr=False)
    """The body where it is JSON, else None."""

    def header(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, in order."""
        return tuple(value for found, value in self.headers if found == name)

    @property
    def secure(self) -> bool:
        """Whether it came over TLS."""
        return self.url.startswith("https:")

    @property
    def is_redirect(self) -> bool:
        """Whether a browser goes on to somewhere else and shows nothing of it."""
        return self.status in _REDIRECTS and bool(self.header("location"))

    @property
    def is_html(self) -> bool:
        """Whether a browser would show it as a document."""
        return not self.is_redirect and any(
            "html" in one.lower() for one in self.header("content-type")
        )

    @cached_property
    def text(self) -> str:
        """What the body begins with; each byte is a character."""
        return self.body[:_TEXT_LIMIT].decode("latin-1")

    @property
    def cookies(self) -> tuple[Cookie, ...]:
        """What it asks browsers to keep."""
        return tuple(read_cookie(one) for one in self.header("set-cookie"))


def read_cookie(header: str) -> Cookie:
    """Read a Set-Cookie header as a browser does: any order, any case, the last one counts."""
    pair, *rest = header.split(";")
    said = {
        name.strip().lower(): value.strip().lower()
        for name, _, value in (one.partition("=") for one in rest)
    }
    age = said.get("max-age", "")
    return Cookie(
        name=pair.partition("=")[0].strip(),
        secure="secure" in said,
        http_only="httponly" in said,
        same_site=said.get("samesite", ""),
        # Frameworks take a cookie away by an age of nothing, or by the beginning of time.
        ends=age == "0" or age.startswith("-") or "1970" in said.get("expires", ""),
    )
