"""What suites ask about ciphers and revocation: one scan of all listeners, and where it leads.

The scan is a process of its own that begins before the first case, so that it runs beside all other
questions; who needs an answer waits for its end.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from readiness.claim import Found
from readiness.environment import Environment
from readiness.errors import NotRun, ProbeError
from readiness.look import Look
from readiness.probes import revocation, revocation_sources, tls_scan, tls_scan_process
from readiness.run import Run
from readiness.subjects import Endpoint, endpoints
from readiness.systems.tls.asking import Question

SOURCE: Final = "tls-scan"
PROFILE: Final = "tls-profile"
REVOCATION: Final = "revocation"


@dataclass(frozen=True)
class _Leaf:
    """A certificate that some listener presents, with what it takes to ask about it."""

    id: str
    presented: tls_scan.Presented
    authority_pem: bytes


class TlsScans:
    """The scan of one run. `question` says how a listener is asked for its TLS."""

    def __init__(
        self,
        run: Run,
        look: Callable[[], Look],
        question: Callable[[Endpoint], Question],
    ) -> None:
        self._run, self._look, self._question = run, look, question
        self._process: tls_scan_process.Scanning | None = None

    @property
    def _site(self) -> Environment:
        return self._run.environment

    def begin(self) -> None:
        """Start the scan now, for cases to come; where it is not installed, each is told."""
        with suppress(NotRun):
            self._started()

    def close(self) -> None:
        """End what still runs; whoever asks later starts anew."""
        if self._process is not None:
            self._process.close()
        self._process = None

    def _started(self) -> tls_scan_process.Scanning:
        if self._process is None:
            everyone = endpoints(self._site)
            profiles = [one.listener.tls_profile for one in everyone]
            self._process = tls_scan_process.Scanning(map(self._target, everyone), profiles)
        return self._process

    def _target(self, endpoint: Endpoint) -> tls_scan_process.Target:
        asked = self._question(endpoint)
        return tls_scan_process.Target(
            id=endpoint.id,
            address=asked.address,
            port=asked.port,
            server_name=asked.server_name or asked.address,
            starttls=asked.starttls,
            client_certificate=asked.client_certificate,
        )

    def scan(self, endpoint: Endpoint) -> Found[tls_scan.Scan]:
        """What a listener accepts and presents.

        Raises:
            NotRun: the scanner is not installed.
            ProbeError: the listener was not reached, or the scan did not end.
        """

        def ask() -> tls_scan.Scan:
            process, question = self._started(), self._question(endpoint)
            line = process.line(endpoint.id)
            scanner = f"sslyze {process.header()['sslyze']}"
            place = (question.address, question.port)
            return tls_scan.read(place, scanner, line, question.authority_pem, datetime.now(UTC))

        return self._look().at(endpoint.id, SOURCE, ask)

    def profile(self, endpoint: Endpoint) -> Found[tls_scan.Profile]:
        """What the profile allows that a listener is declared to comply with."""
        name = endpoint.listener.tls_profile

        def ask() -> tls_scan.Profile:
            known = {one["name"]: one for one in self._started().header()["profiles"]}
            return tls_scan.read_profile(known[name])

        return self._look().at(name, PROFILE, ask)

    def revocation(self, deployed: tls_scan.Deployed) -> Found[revocation.Revocation]:
        """What those say of a presented certificate whom it names; the first question asks all."""
        look = self._look()
        asked = revocation_sources.Sources()

        def ask(one: _Leaf) -> revocation.Revocation:
            chain = one.presented.chain
            return asked.ask(one.id, chain, one.authority_pem, datetime.now(UTC))

        def ask_this() -> revocation.Revocation:
            return ask(self._leaves()[deployed.fingerprint])

        if not look.knows(deployed.fingerprint, REVOCATION):
            look.ahead(REVOCATION, tuple(self._leaves().values()), ask)
        return look.at(deployed.fingerprint, REVOCATION, ask_this)

    def _leaves(self) -> dict[str, _Leaf]:
        """Every certificate that was presented anywhere, once."""
        found: dict[str, _Leaf] = {}
        for one in endpoints(self._site):
            try:
                line = self._started().line(one.id)
            except ProbeError:
                continue
            pem = self._question(one).authority_pem
            for each in tls_scan.presented(line):
                name = tls_scan.fingerprint(each.chain[0])
                found.setdefault(name, _Leaf(name, each, pem))
        return found
