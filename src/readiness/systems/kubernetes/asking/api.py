"""Questions to an API server: GET, LIST in pages, and what we may do ourselves; nothing else.

No question is asked a second time in silence: whoever limits us (429) is left alone, and the case
stays open.
"""

import contextlib
import json
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter

from readiness.model.errors import AccessDenied, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.probes.rest import reason
from readiness.systems.kubernetes.asking.kubeconfig import Way

# Objects of a page, as kubectl asks for them (its `--chunk-size`).
PAGE: Final = 500
TIMEOUT: Final = 20.0  # seconds for one answer
LIST_LIMIT: Final = 120.0  # seconds for all pages of one kind
_LARGEST: Final = 64 * 1024 * 1024  # bytes of one page; 500 pods have about 5 MB
_MOST_PAGES: Final = 400
_PIECE: Final = 256 * 1024
_DENIED: Final = (401, 403)
_REVIEWS: Final = "/apis/authorization.k8s.io/v1"


class NotThere(NotUnderstood):
    """The server has no such object."""


class Named(HTTPAdapter):
    """Has the server prove a name that is not the one of its address."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Ask for the certificate of that name, where there is one."""
        if self._name:
            kwargs |= {"server_hostname": self._name, "assert_hostname": self._name}
        super().init_poolmanager(*args, **kwargs)


class Api:
    """One cluster's API server, asked as one account."""

    def __init__(self, name: str, way: Way) -> None:
        self.name = name
        self._way = way
        self._session = requests.Session()
        # No proxy, no .netrc, no bundle of the environment's: the kubeconfig alone says how.
        self._session.trust_env = False
        self._session.mount("https://", Named(way.server_name))
        # A path that stands for the system's authorities where the file names none.
        self._session.verify = str(way.authority) if way.authority else True
        if way.certificate:
            certificate, key = way.certificate
            self._session.cert = (str(certificate), str(key))
        if way.token:
            self._session.headers["Authorization"] = f"Bearer {way.token}"
        self._session.headers["Accept"] = "application/json"
        self._session.headers["User-Agent"] = "readiness"
        # The server's clock, of its last answer; its leases are told by that and not by ours.
        self.date: float | None = None

    def close(self) -> None:
        """End the connections and remove what was written for them."""
        self._session.close()
        self._way.folder.cleanup()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The object at a path.

        Raises:
            ProbeError: there is no answer, we are refused, or it is something else.
        """
        return self._ask("GET", path, query, None)

    def list(self, path: str) -> list[Any]:
        """All objects of one kind, in pages of one moment (`resourceVersion` of the first).

        Raises:
            ProbeError: as with `get`; a list that can't be finished is none.
        """
        found: list[Any] = []
        query = {"limit": str(PAGE)}
        end = time.monotonic() + LIST_LIMIT
        for _ in range(_MOST_PAGES):
            page = self.get(path, query)
            items = page.get("items") if isinstance(page, dict) else None
            if not isinstance(items, list):
                raise NotUnderstood(f"{self.name}: {path} answered no list")
            found += items
            more = (page.get("metadata") or {}).get("continue")
            if not more:
                return found
            if time.monotonic() > end:
                break
            query = {"limit": str(PAGE), "continue": str(more)}
        raise TimedOut(f"{self.name}: {path} has more pages than are read")

    def may_in(self, namespace: str) -> Any:
        """What our account may do there, as the server says (SelfSubjectRulesReview)."""
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        }
        return self._ask("POST", f"{_REVIEWS}/selfsubjectrulesreviews", None, body)

    def may(self, attributes: Mapping[str, str]) -> bool:
        """Whether our account may do this one thing (SelfSubjectAccessReview)."""
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": dict(attributes)},
        }
        answer = self._ask("POST", f"{_REVIEWS}/selfsubjectaccessreviews", None, body)
        allowed = (answer.get("status") or {}).get("allowed")
        if not isinstance(allowed, bool):
            raise NotUnderstood(f"{self.name}: the review of what we may do has no answer")
        return allowed

    def create(self, path: str, thing: Mapping[str, Any]) -> Any:
        """Make an object, for who was permitted to; observing sessions never do.

        Raises:
            ProbeError: as with `get`.
        """
        return self._ask("POST", path, None, thing)

    def delete(self, path: str, options: Mapping[str, Any]) -> None:
        """Remove an object, for who was permitted to; one that is not there is fine.

        Raises:
            ProbeError: as with `get`.
        """
        with contextlib.suppress(NotThere):
            self._ask("DELETE", path, None, options)

    def _ask(self, method: str, path: str, query: Mapping[str, str] | None, body: Any) -> Any:
        try:
            answer = self._session.request(
                method,
                self._way.server + path,
                params=query,
                json=body,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            content = _content(answer, time.monotonic() + TIMEOUT)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._problem(path, error) from error
        self.date = _date(answer.headers.get("Date"))
        self._judge(path, answer.status_code)
        if len(content) > _LARGEST:
            raise NotUnderstood(f"{self.name}: {path} answered more than {_LARGEST} bytes")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise NotUnderstood(f"{self.name}: {path} answered no JSON") from error

    def _judge(self, path: str, status: int) -> None:
        if status in _DENIED:
            raise AccessDenied(f"{self.name}: {path} answered HTTP {status}")
        if status == requests.codes.not_found:
            raise NotThere(f"{self.name}: {path} answered HTTP {status}, expected 200")
        if status not in (requests.codes.ok, requests.codes.created):
            raise NotUnderstood(f"{self.name}: {path} answered HTTP {status}, expected 200")

    def _problem(self, path: str, error: Exception) -> ProbeError:
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
            return TimedOut(f"{self.name}: no answer to {path} within {TIMEOUT:g} s")
        if isinstance(error, requests.exceptions.SSLError):
            return NotUnderstood(f"{self.name}: TLS: {reason(error)}")
        if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
            return AccessDenied(f"{self.name}: can't use certificate, key or authority")
        return Unreachable(f"{self.name}: {reason(error)}")


def _date(text: str | None) -> float | None:
    """A header that is no date says nothing."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None


def _content(answer: requests.Response, deadline: float) -> bytes:
    """What was answered, up to the limit; who drips it ends at the deadline."""
    found = bytearray()
    while len(found) <= _LARGEST and (piece := answer.raw.read1(_PIECE, decode_content=True)):
        found += piece
        if time.monotonic() > deadline:
            raise urllib3.exceptions.TimeoutError
    return bytes(found)
