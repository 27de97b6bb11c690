"""One request to one node of a central log, at one address; any status is an answer.

Over TLS the certificate must bear the machine's name while the connection goes to the declared
address. No proxy, no redirect, no second try, no credentials but those given.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
import urllib3

from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.probes.rest import Pinned, reason

TIMEOUT: Final = 10.0  # seconds
MOST: Final = 8 * 1024 * 1024  # bytes of one answer: 10,000 lines of a drill, and no more
_PIECE: Final = 64 * 1024
_OK: Final = range(200, 300)
_REFUSED: Final = (401, 403)
# What a node says that has too much to do, or does not know anybody yet (security plugin, before
# its setup).
BUSY: Final = (429, *range(500, 600))


@dataclass(frozen=True)
class Target:
    """A node at an address: `host` is the name in its certificate; without a login, a stranger."""

    name: str
    host: str
    address: str
    port: int
    ca_file: Path
    login: tuple[str, str] | None = None

    @property
    def origin(self) -> str:
        """The URL without a path."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"https://{address}:{self.port}"

    def __str__(self) -> str:
        """Name, address and as whom for a message."""
        who = f" as {self.login[0]}" if self.login else ""
        return f"{self.name} ({self.address}:{self.port}){who}"


@dataclass(frozen=True)
class Reply:
    """Status and decoded JSON body; None for a body that is no JSON."""

    status: int
    body: Any


def send(target: Target, method: str, path: str, body: Any = None) -> Reply:
    """The answer to one request.

    Raises:
        ProbeError: there is none, or it is too long.
    """
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", Pinned(target.host))
        try:
            answer = session.request(
                method,
                target.origin + path,
                data=None if body is None else json.dumps(body),
                headers={
                    "Host": f"{target.host}:{target.port}",
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                },
                verify=str(target.ca_file),
                auth=target.login,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            read = _body(answer.raw, time.monotonic() + TIMEOUT)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _problem(target, path, error) from error
    if len(read) > MOST:
        raise NotUnderstood(f"{target}: {path} answered more than {MOST} bytes")
    try:
        return Reply(answer.status_code, json.loads(read))
    except (ValueError, RecursionError):
        return Reply(answer.status_code, None)


def require(target: Target, method: str, path: str, body: Any = None) -> Any:
    """The body of an answer that must be a good one.

    Raises:
        AccessDenied: this login may not ask that.
        ProbeError: there is no answer, or another one.
    """
    said = send(target, method, path, body)
    place = path.partition("?")[0]
    if said.status in _REFUSED:
        raise AccessDenied(f"{target}: {method} {place} answered HTTP {said.status}")
    if said.status in BUSY:
        raise Unreachable(f"{target}: {method} {place} answered HTTP {said.status}")
    if said.status not in _OK or said.body is None:
        raise NotUnderstood(f"{target}: {method} {place} answered HTTP {said.status}")
    return said.body


def _body(raw: urllib3.HTTPResponse, deadline: float) -> bytes:
    """Read up to the limit; a node that drips its answer ends at the deadline."""
    body = b""
    while len(body) <= MOST and (piece := raw.read1(_PIECE, decode_content=True)):
        body += piece
        if time.monotonic() > deadline:
            raise urllib3.exceptions.TimeoutError
    return body


def _problem(target: Target, path: str, error: Exception) -> ProbeError:
    place = path.partition("?")[0]
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return TimedOut(f"{target}: no answer to {place} within {TIMEOUT:g} s")
    if isinstance(error, requests.exceptions.SSLError):
        return NotUnderstood(f"{target}: TLS: {reason(error)}")
    return Unreachable(f"{target}: {reason(error)}")
