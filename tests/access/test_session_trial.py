"""Sessions from sign-in to sign-out, over real connections to a server on loopback."""

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from application import ACCESS, IDENTITY, Answer, Asked, application, healthy, place
from pki import Hierarchy
from test_access_answers import connections

from readiness.drills import session_trial
from readiness.drills.permit import Permit
from readiness.drills.personal_answers import PersonalAnswers
from readiness.drills.session_trial import SessionTrial, altered
from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import NotRun, ProbeError
from readiness.model.words import Case, Tier
from readiness.site.environment import Environment

SUITES = Path(__file__).parents[2] / "suites"
SESSIONS = runpy.run_path(str(SUITES / "pentest/test_sessions.py"))["test_sessions_end"]
PERSONAL = runpy.run_path(str(SUITES / "cdn/test_personal_answers.py"))
PERMIT = Permit("run", Case("PEN-008", "web/box/v4"), Tier.TOUCH)
TRIALS: dict[str, tuple[Any, Any]] = {
    "sessions": (SESSIONS, SessionTrial),
    "personal": (PERSONAL["test_nothing_personal_is_kept"], PersonalAnswers),
}


@pytest.fixture
def reasons(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a check claims, as people will read it; nobody waits for a session to be forgotten."""
    monkeypatch.setattr(session_trial, "REMEMBERED", 0.0)
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def judged(what: str, site: Environment) -> None:
    """Run a check on what its trial finds; raises as the check does."""
    check, trial = TRIALS[what]
    one = place(site)

    def ask(_: Any) -> Found[Any]:
        return Found(trial(connections(site), PERMIT, one.access).run()[one.id], one.id, 0)

    check(one, ask, site)


def private(asked: Asked) -> Answer:
    """A healthy application that says to caches what they may keep."""
    found = healthy(asked)
    return Answer(found.status, found.body, {"Cache-Control": "No-Cache, no-store"})


def test_a_healthy_application_is_green(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """One of each role signs in twice, and nobody stays signed in."""
    with application(tmp_path, authority, private) as served:
        judged("sessions", served.site())
        judged("personal", served.site())
        assert served.sessions == set()
        signed_in = [one for one in served.requests if one.path == "/login"]
    assert len(signed_in) == 2 * 2 + 3
    assert all(one.endswith("to be none, found none") for one in reasons)


def test_a_session_that_outlives_its_sign_out_is_red(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """The sign-out answers 200, and ends nothing."""
    with application(tmp_path, authority, ends=False) as served, pytest.raises(AssertionError):
        judged("sessions", served.site())
    assert "routes that are served after sign-out" in reasons[-1]
    assert "(as amy): HTTP 200" in reasons[-1]


def test_a_session_that_one_machine_remembers_is_red(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """The other forgot it: the machine is named."""
    known: dict[str, str] = {}

    def rule(asked: Asked) -> Answer | None:
        token = asked.headers.get("X-Session-Token", "")
        if asked.who:
            known[token] = asked.who
        if asked.server == "two" and token in known and asked.path.startswith("/records"):
            return Answer(200, b"grades")
        return None

    from application import BALANCER  # noqa: PLC0415 - beside what it is for

    with (
        application(tmp_path, authority, rule, servers=("one", "two")) as served,
        pytest.raises(AssertionError),
    ):
        judged("sessions", served.site(ACCESS, BALANCER))
    assert "at two: HTTP 200" in reasons[-1]
    assert "at one" not in reasons[-1]


def test_one_session_for_two_sign_ins_is_red(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """Who knows it once knows it for ever."""
    with (
        application(tmp_path, authority, made=lambda: "0123456789abcdef") as served,
        pytest.raises(AssertionError),
    ):
        judged("sessions", served.site())
    assert "one session for two sign-ins to be none, found amy, eve" in reasons[-1]


def test_an_altered_session_that_is_served_is_red(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """A token that says by itself who it is of, and that nobody verifies."""

    def rule(asked: Asked) -> Answer | None:
        bare = asked.path.startswith("/records") and "X-Session-Token" in asked.headers
        return Answer(200, b"grades") if bare else None

    with application(tmp_path, authority, rule) as served, pytest.raises(AssertionError):
        judged("sessions", served.site())
    assert "routes that an altered session is served" in reasons[-1]


@pytest.mark.parametrize(
    ("session", "differs"),
    [
        ({"X-Session-Token": "0123456789abcdef"}, True),
        ({"Authorization": "Bearer aaaaaaaa.bbbbbbbb.cccccccc"}, True),
        ({"Cookie": "JSESSIONID=0123456789AB; theme=dark"}, True),
        ({"X-Session-Token": "short"}, False),
    ],
)
def test_only_the_key_of_a_session_is_altered(session: dict[str, str], *, differs: bool) -> None:
    """Names stay, lengths too, and of a signed token it is the signature that changes."""
    changed = altered(session)
    (name,) = session
    assert (changed != session) is differs
    assert len(changed[name]) == len(session[name])
    assert sum(a != b for a, b in zip(changed[name], session[name], strict=True)) <= 1
    for kept in ("Bearer aaaaaaaa.bbbbbbbb.", "JSESSIONID=", "; theme=dark"):
        assert (kept in session[name]) == (kept in changed[name])


def test_a_route_that_refuses_everybody_proves_no_session(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """The control was not served."""

    def rule(asked: Asked) -> Answer | None:
        return Answer(401) if asked.path.startswith(("/records", "/staff")) else None

    with (
        application(tmp_path, authority, rule) as served,
        pytest.raises(ProbeError, match="could not be told"),
    ):
        judged("sessions", served.site())


def test_how_a_session_ends_has_to_be_declared(
    tmp_path: Path, authority: Hierarchy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an `end_path` nobody knows whether it would."""
    monkeypatch.setattr("application.IDENTITY", IDENTITY.replace(", end_path: /logout", ""))
    with application(tmp_path, authority) as served, pytest.raises(NotRun) as raised:
        judged("sessions", served.site())
    assert raised.value.declare == "`end_path` of their `sign_in`"


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "no Cache-Control"),
        ({"Cache-Control": "no-cache"}, "Cache-Control says no-cache"),
        ({"Cache-Control": "max-age=60"}, "Cache-Control says max-age"),
        ({"Cache-Control": 'private="set-cookie"'}, "Cache-Control says private"),
        ({"Cache-Control": "private", "CDN-Cache-Control": "max-age=60"}, "CDN-Cache-Control says"),
    ],
)
def test_a_personal_answer_that_a_cache_may_keep_is_red(
    tmp_path: Path,
    authority: Hierarchy,
    reasons: list[str],
    headers: dict[str, str],
    why: str,
) -> None:
    """The route, who asked and what was said are named."""

    def rule(asked: Asked) -> Answer | None:
        return Answer(200, b"grades", headers) if asked.who and "/records" in asked.path else None

    with application(tmp_path, authority, rule) as served, pytest.raises(AssertionError):
        judged("personal", served.site())
    assert "GET /records/{student} (as amy)" in reasons[-1]
    assert why in reasons[-1]


def test_an_answer_that_the_next_is_given_is_red(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """A cache in front keys by the address alone, whatever the application says to it."""
    kept: dict[str, bytes] = {}

    def rule(asked: Asked) -> Answer | None:
        if asked.who and asked.path.startswith("/records"):
            kept[asked.path] = b"grades"
        found = kept.get(asked.path)
        return Answer(200, found, {"Cache-Control": "no-store"}) if found else None

    with application(tmp_path, authority, rule) as served, pytest.raises(AssertionError):
        judged("personal", served.site())
    assert "GET /records/{student} (as amy): HTTP 200" in reasons[-1]
    assert "given without a login" in reasons[-1]


@pytest.mark.parametrize("said", ["private", "no-store", "max-age=0, PRIVATE", 'x="a,b",no-store'])
def test_what_people_may_keep_for_themselves_is_green(
    tmp_path: Path, authority: Hierarchy, reasons: list[str], said: str
) -> None:
    """A browser is no cache that others share."""

    def rule(asked: Asked) -> Answer:
        found = healthy(asked)
        return Answer(found.status, found.body, {"Cache-Control": said})

    with application(tmp_path, authority, rule) as served:
        judged("personal", served.site())
    assert all(one.endswith("to be none, found none") for one in reasons)


def test_what_refuses_who_may_says_nothing_about_caches(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """Nobody knows what it would say with an answer."""
    rule: Callable[[Asked], Answer | None] = lambda asked: (  # noqa: E731 - a rule in one line
        Answer(403) if asked.path == "/staff" else private(asked)
    )
    with (
        application(tmp_path, authority, rule) as served,
        pytest.raises(ProbeError, match=r"GET /staff \(as eve\): HTTP 403"),
    ):
        judged("personal", served.site())
