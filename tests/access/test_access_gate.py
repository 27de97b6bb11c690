"""A gate over a small site: what anybody is served is a NO-GO without a single identity."""

from pathlib import Path

import pytest
from application import ACCESS, Answer, Asked, application
from engine import Engine, Site, outcome
from pki import Hierarchy

from readiness.model.words import Outcome

CLAUSE = "sec.pentest/anonymous-refused"
NOBODY = ACCESS.replace('"{amy}"', '"11"')
ENV = b'{"activeProfiles": [], "propertySources": []}'


def wrong(asked: Asked) -> Answer | None:
    """Transcripts without a login, and a debug page."""
    bodies = {"/records/11": b"grades", "/actuator/env": ENV}
    return Answer(200, bodies[asked.path]) if asked.path in bodies else None


def test_what_anybody_is_served_is_found_by_looking(
    tmp_path: Path, authority: Hierarchy, engine: Engine
) -> None:
    """Route and path are named; what needs a login was not run, and says what to declare."""
    with application(tmp_path, authority, wrong) as served:
        served.site(NOBODY, people=False)
        site = Site(tmp_path).requiring(CLAUSE)
        assert engine.gate(site).code == 1
        verdict = site.judged()
    routes, hidden = (outcome(verdict, f"PEN-00{one}|web/box/v4") for one in (1, 3))
    assert (routes.outcome, hidden.outcome) == (Outcome.FAILED, Outcome.FAILED)
    assert "GET /records/{student}: HTTP 200" in routes.reason
    assert "/actuator/env answers: Spring Boot's settings" in hidden.reason
    assert outcome(verdict, "PEN-002|web/box/v4").outcome is Outcome.NOT_RUN


def test_a_site_that_refuses_is_not_proven_without_a_control(
    tmp_path: Path, authority: Hierarchy, engine: Engine
) -> None:
    """Nothing is red, and nothing is a GO: who would be served was not seen."""
    with application(tmp_path, authority) as served:
        served.site(NOBODY, people=False)
        site = Site(tmp_path).requiring(CLAUSE)
        assert engine.gate(site).code == 2
        verdict = site.judged()
    assert outcome(verdict, "PEN-001|web/box/v4").outcome is Outcome.PASSED


@pytest.mark.parametrize("text", ["{", '{"openapi": "3.0.0", "paths": {}}'])
def test_a_document_that_can_not_be_read_ends_the_gate_before_it_begins(
    tmp_path: Path, authority: Hierarchy, engine: Engine, text: str
) -> None:
    """Exit 64, with the file and the key."""
    (tmp_path / "api.json").write_text(text)
    with application(tmp_path, authority) as served:
        served.site('    openapi: "file:api.json"\n', people=False)
        ended = engine.gate(Site(tmp_path).requiring(CLAUSE))
        assert served.requests == []
    assert ended.code == 64
    assert "api.json" in ended.text
    assert "access[0].openapi" in ended.text
