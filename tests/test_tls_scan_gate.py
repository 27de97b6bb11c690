"""The scan as a gate makes it: beside the other questions, waited for, and told where it lacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import Engine, Site, outcome, web
from pki import Hierarchy
from servers import server_context, tls

from readiness.evidence.steps import Observation
from readiness.model.words import Outcome

ONLY = ("--only", "TLS-005", "--only", "TLS-007", "--only", "TLS-008")
CIPHERS, REVOCATION = "TLS-007|web/box/v4", "TLS-008|web/box/v4"
# Empty is not set: the scanner's own place, beside the environment that the tests run in.
SCANNED = {"READINESS_TLS_SCAN": ""}


@pytest.fixture
def careful(tmp_path: Path, authority: Hierarchy) -> Iterator[Site]:
    """A listener as the intermediate profile wants it, of an authority that publishes nothing."""
    leaf = authority.leaf()
    context = server_context(
        leaf.write(tmp_path / "leaf.pem", *leaf.above), ciphers="ECDHE+AESGCM:ECDHE+CHACHA20"
    )
    with web(Site(tmp_path), authority, tls(context)) as site:
        yield site


def test_a_gate_scans(engine: Engine, careful: Site) -> None:
    """Its claims rest on the scan and on the profile that came with it, both in the record."""
    engine.gate(careful, *ONLY, **SCANNED)
    verdict, record = careful.judged(), careful.record()
    ciphers, revocation = outcome(verdict, CIPHERS), outcome(verdict, REVOCATION)
    assert ciphers.passed, ciphers.reason
    sources = {one.source: one.reading for one in record.steps(Observation)}
    assert sources["tls-profile"]["version"]
    assert sources["tls-scan"]["scanner"].startswith("sslyze ")
    # Nobody publishes what this authority revokes: not proven, and the key that settles it.
    assert revocation.outcome is Outcome.NOT_RUN
    assert "names nobody who tells whether it was revoked" in revocation.reason


def test_what_an_owner_declares_settles_it(engine: Engine, careful: Site) -> None:
    """The certificate of the test lives 91 days."""
    text = careful.environment.read_text()
    declared = "objectives:\n  certificate_life_without_revocation: {} d\n"
    for days, expected in ((100, Outcome.PASSED), (30, Outcome.FAILED)):
        careful.environment.write_text(text.replace("objectives:\n", declared.format(days)))
        engine.gate(careful, "--only", "TLS-008", **SCANNED)
        assert outcome(careful.judged(), REVOCATION).outcome is expected


def test_without_the_scanner_the_command_is_told(engine: Engine, careful: Site) -> None:
    """Not run, and everything else is."""
    engine.gate(careful, *ONLY)
    verdict = careful.judged()
    for case in (CIPHERS, REVOCATION):
        assert outcome(verdict, case).outcome is Outcome.NOT_RUN
        assert "sslyze is not installed: " in outcome(verdict, case).reason
        assert "--require-hashes -r " in outcome(verdict, case).reason
    assert outcome(verdict, "TLS-005|web/box/v4").passed
