"""One question to one member's REST or status interface, at its own address.

Patroni and etcd answer on every member, HAProxy on every balancer. Over TLS the certificate must
bear the member's name while the connection goes to the declared address. No proxy, no redirect, no
credentials but those given.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter

from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.systems.answer import RestAnswer

TIMEOUT: Final = 5.0  # seconds for connecting, and for the answer
_LARGEST: Final = 4 * 1024 * 1024  # bytes
_PIECE: Final = 64 * 1024  # bytes
_REFUSED: Final = (401, 403)
_ALERTS: Final = ("alert", "certificate required")


@dataclass(frozen=True)
class RestTarget:
    """One member: `host` is the name in its certificate, `address` where we connect."""

    name: str
    host: str
    address: str
    port: int
    ca_file: Path | None  # None: in the clear
    certificate: Path | None = None  # our own, where members ask for one
    key: Path | None = None
    login: tuple[str, str] | None = None  # user and password, by Basic authentication (RFC 7617)

    @property
    def origin(self) -> str:
        """The URL without a path."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"http{'s' if self.ca_file else ''}://{address}:{self.port}"

    def __str__(self) -> str:
        """Name, address and as whom for a message."""
        who = f" with {self.certificate.name}" if self.certificate else ""
        return f"{self.name} ({self.address}:{self.port}){who}"


class Pinned(HTTPAdapter):
    """Connects where told while the server has to prove to be `host`."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Ask for the certificate of that name, whatever the address."""
        super().init_poolmanager(
            *args, **kwargs, server_hostname=self._host, assert_hostname=self._host
        )


def ask(target: RestTarget, path: str, *, post: Any = None, timeout: float = TIMEOUT) -> RestAnswer:
    """GET the path, or POST the JSON document `post` to it; any status is an answer."""
    status, body, headers = _exchange(target, path, post, timeout, "application/json")
    return RestAnswer(status, _json(target, path, status, body), _date(headers.get("Date")))


def fetch(
    target: RestTarget,
    path: str,
    *,
    post: Any = None,
    timeout: float = TIMEOUT,
    accept: str = "application/json",
) -> tuple[int, bytes]:
    """Status and body of one answer.

    Raises:
        ProbeError: there is none, we are refused, or it is too long.
    """
    status, body, _ = _exchange(target, path, post, timeout, accept)
    return status, body


def _exchange(
    target: RestTarget, path: str, post: Any, timeout: float, accept: str
) -> tuple[int, bytes, Mapping[str, str]]:
    method, data = ("GET", None) if post is None else ("POST", json.dumps(post))
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", Pinned(target.host))
        try:
            answer = session.request(
                method,
                target.origin + path,
                data=data,
                headers={"Host": f"{target.host}:{target.port}", "Accept": accept},
                verify=str(target.ca_file) if target.ca_file else False,
                cert=_identity(target),
                auth=target.login,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            )
            body = _body(answer.raw, time.monotonic() + timeout)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _problem(target, path, error, timeout) from error
    if answer.status_code in _REFUSED:
        raise AccessDenied(f"{target}: {path} answered HTTP {answer.status_code}")
    if len(body) > _LARGEST:
        raise NotUnderstood(f"{target}: {path} answered more than {_LARGEST} bytes")
    return answer.status_code, body, answer.headers


def _date(text: str | None) -> float | None:
    """A header that is no date says nothing."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None


def _body(raw: urllib3.HTTPResponse, deadline: float) -> bytes:
    """Read up to the limit; a member that drips its answer ends at the deadline."""
    body = b""
    while len(body) <= _LARGEST and (piece := raw.read1(_PIECE, decode_content=True)):
        body += piece
        if time.monotonic() > deadline:
            raise urllib3.exceptions.TimeoutError
    return body


def require_ok(target: RestTarget, path: str, answer: RestAnswer) -> Any:
    """Return the body of a 200 answer; NotUnderstood for any other status."""
    if answer.status != requests.codes.ok:
        raise NotUnderstood(f"{target}: {path} answered HTTP {answer.status}, expected 200")
    return answer.body


def _identity(target: RestTarget) -> tuple[str, str] | None:
    if target.certificate is None or target.key is None:
        return None
    return str(target.certificate), str(target.key)


def _json(target: RestTarget, path: str, status: int, body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        if status != requests.codes.ok:
            return None  # an error page or a redirect: its status says what there is to say
        raise NotUnderstood(f"{target}: {path} answered HTTP {status} without JSON") from error


def _problem(target: RestTarget, path: str, error: Exception, timeout: float) -> ProbeError:
    said = reason(error)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return TimedOut(f"{target}: no answer to {path} within {timeout:g} s")
    if any(word in said for word in _ALERTS):
        return AccessDenied(f"{target}: TLS refused us: {said}")
    if "EOF occurred" in said:
        return Unreachable(f"{target}: hung up during the TLS handshake")
    if isinstance(error, requests.exceptions.SSLError):
        return NotUnderstood(f"{target}: TLS: {said}")
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return AccessDenied(f"{target}: cannot use certificate, key or authority: {said}")
    return Unreachable(f"{target}: {said}")


def reason(error: BaseException) -> str:
    """The innermost cause, which says what happened, in one line."""
    seen: BaseException = error
    while True:
        inner = seen.args[0] if seen.args else None
        inner = getattr(inner, "reason", inner)
        if not isinstance(inner, BaseException) or inner is seen:
            break
        seen = inner
    if isinstance(seen, OSError) and seen.strerror:
        return seen.strerror
    return " ".join(str(seen).split()).rpartition(">: ")[2] or type(seen).__name__
