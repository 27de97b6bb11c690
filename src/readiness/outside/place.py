"""Where an address of the web leads: host, port, path, and each address behind the name."""

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from readiness.model.errors import UsageError
from readiness.probes.certificates import trust_anchors
from readiness.site.declared.common import canonical, is_address
from readiness.site.trust import system_store
from readiness.systems.http.asking.pages import host_of
from readiness.systems.http.reading import HTTP_PORT, HTTPS_PORT

MOST_ADDRESSES: Final = 4
"""Addresses that are asked: a front of a site has two or four, a network of others has dozens."""

_PORTS: Final = {"http": HTTP_PORT, "https": HTTPS_PORT}
_EXPECTED: Final = "https://HOST[:PORT][/PATH], or http://…"
_NAME: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")
_PATH: Final = re.compile(r"/[!\"$-~]*")


@dataclass(frozen=True)
class Url:
    """What somebody typed."""

    scheme: str
    """`http` or `https`."""
    host: str
    """In ASCII and lower case, or an IP address without brackets."""
    port: int
    path: str
    """Without query and fragment."""

    @property
    def netloc(self) -> str:
        """Host and port as a Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def to(self, path: str) -> str:
        """Another page of the same server."""
        return f"{self.scheme}://{self.netloc}{path}"

    def __str__(self) -> str:
        return self.to(self.path)


def read_url(text: str) -> Url:
    """The parts of an address of the web.

    Raises:
        UsageError: it is none, or holds credentials; those are not repeated.
    """
    if not text.isprintable() or " " in text:  # urlsplit leaves line breaks out, and says nothing
        problem = "holds a blank or a control character"
        raise UsageError(problem, key="URL", expected=_EXPECTED)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"is malformed ({error})", key="URL", expected=_EXPECTED) from None
    if "@" in parts.netloc:
        found = "a user or a password in it"
        raise UsageError("holds credentials", key="URL", expected=_EXPECTED, found=found)
    if parts.scheme not in _PORTS:
        found = f"'{parts.scheme}:…'" if parts.scheme else f"'{text}'"
        raise UsageError("is no address of the web", key="URL", expected=_EXPECTED, found=found)
    if port == 0:
        raise UsageError("has no port", key="URL", expected="1 to 65535", found="0")
    path = parts.path or "/"
    if not _PATH.fullmatch(path):
        expected = "a path of printable ASCII characters"
        raise UsageError("has a path that can't be sent", key="URL", expected=expected)
    return Url(parts.scheme, _host(parts), port or _PORTS[parts.scheme], path)


def _host(parts: SplitResult) -> str:
    """The host as resolvers and certificates know it."""
    host = host_of(parts)
    if is_address(host) and "%" not in host:
        return canonical(host)
    try:
        ascii_only = host.encode("idna").decode()
    except UnicodeError:
        ascii_only = ""
    if not _NAME.fullmatch(ascii_only):
        found = f"'{host}'" if host else "none"
        raise UsageError(
            "has no host that can be asked", "", key="URL", expected=_EXPECTED, found=found
        )
    return ascii_only


def read_addresses(texts: Sequence[str]) -> tuple[str, ...]:
    """The addresses that are asked instead of those behind the name.

    Raises:
        UsageError: one is a name, or no address.
    """
    for text in texts:
        if not is_address(text) or "%" in text:
            expected = "an IPv4 or IPv6 address"
            raise UsageError("is wrong", key="--connect-to", expected=expected, found=f"'{text}'")
    return tuple(dict.fromkeys(map(canonical, texts)))


def no_way_to(address: str) -> str:
    """Why this machine can't send anything there; empty when it can. Nothing is sent."""
    family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET  # noqa: PLR2004
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, HTTPS_PORT))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def authorities(file: Path | None) -> Path:
    """The file of whom to trust: the one that was named, else this system's own.

    Raises:
        UsageError: it can't be read or holds no root; this system has none where they are kept.
    """
    found = file or system_store("--authority")
    try:
        trust_anchors(found.read_bytes())
    except OSError as error:
        raise UsageError(
            f"can't be read ({error.strerror})", str(found), key="--authority"
        ) from error
    except UsageError as error:
        error.file, error.key = str(found), "--authority"
        raise
    return found.absolute()
