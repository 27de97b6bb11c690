"""Asks those whom a certificate names whether it was revoked: OCSP responders, and lists (CRL)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Final

import requests
from cryptography import x509

from readiness.model.errors import ProbeError, TimedOut, Unreachable
from readiness.systems.tls.asking.revocation import (
    issuer_of,
    load,
    ocsp_request,
    read_certificate,
    read_crl,
    read_ocsp,
    sources,
)
from readiness.systems.tls.reading.revocation import Answer, Kind, Revocation

# Seconds to connect, and between two parts of an answer; both are small files on web servers.
TIMEOUT: Final = 5.0
# The largest lists of public authorities have some ten megabytes.
LARGEST: Final = 32 * 1024 * 1024
_CHUNK: Final = 64 * 1024
OK: Final = 200


class Sources:
    """Everybody who is asked in a run; a list is fetched once, for all certificates on it."""

    def __init__(self) -> None:
        self._lists: dict[str, bytes | ProbeError] = {}
        self._fetching = Lock()

    def ask(
        self, fingerprint: str, chain: tuple[bytes, ...], authority_pem: bytes, now: datetime
    ) -> Revocation:
        """Ask all whom the leaf of a chain names; who does not answer has a problem.

        Raises:
            NotUnderstood: the leaf is no certificate.
        """
        leaf = load(chain[0])
        issuer = issuer_of(leaf, chain[1:], authority_pem)
        asked = tuple(self._answer(kind, url, leaf, issuer, now) for kind, url in sources(leaf))
        return replace(read_certificate(fingerprint, leaf), answers=asked)

    def _answer(
        self,
        kind: Kind,
        url: str,
        leaf: x509.Certificate,
        issuer: x509.Certificate | None,
        now: datetime,
    ) -> Answer:
        try:
            if kind == "CRL":
                return read_crl(self._list(url), url, leaf, issuer, now)
            if issuer is None:
                return read_ocsp(b"", url, leaf, issuer, now)
            headers = {"Content-Type": "application/ocsp-request"}
            body = ocsp_request(leaf, issuer)
            content = _fetch(
                url,
                lambda: requests.post(url, body, headers=headers, timeout=TIMEOUT, stream=True),
            )
            return read_ocsp(content, url, leaf, issuer, now)
        except ProbeError as error:
            return Answer(kind, url, problem=str(error))

    def _list(self, url: str) -> bytes:
        """A list, fetched by whoever needs it first."""
        with self._fetching:
            if url not in self._lists:
                try:
                    self._lists[url] = _fetch(
                        url, lambda: requests.get(url, timeout=TIMEOUT, stream=True)
                    )
                except ProbeError as error:
                    self._lists[url] = error
        found = self._lists[url]
        if isinstance(found, ProbeError):
            raise found
        return found


def _fetch(url: str, ask: Callable[[], requests.Response]) -> bytes:
    """What a web server answers with 200.

    Raises:
        ProbeError: nothing, or something else.
    """
    try:
        with ask() as answer:
            if answer.status_code != OK:
                raise Unreachable(f"{url} answers HTTP {answer.status_code}")
            content = b""
            for part in answer.iter_content(_CHUNK):
                content += part
                if len(content) > LARGEST:
                    raise Unreachable(f"{url} is larger than {LARGEST} bytes")
            return content
    except requests.Timeout as error:
        raise TimedOut(f"no answer within {TIMEOUT:g} s") from error
    except requests.RequestException as error:
        raise Unreachable(f"it is not reached: {type(error).__name__}") from error
