"""Every route asked as each identity, over real connections to a server on loopback."""

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from application import ACCESS, Answer, Application, Asked, Rule, application, place
from pki import Hierarchy
from test_access_answers import connections

from readiness.drills.access_trial import AccessTrial, Matrix
from readiness.drills.permit import Permit
from readiness.evidence.claim import CURRENT, Found
from readiness.model.errors import NotRun, ProbeError
from readiness.model.words import Case, Tier
from readiness.site.environment import Environment

SUITE = runpy.run_path(str(Path(__file__).parents[2] / "suites/pentest/test_who_is_served.py"))
PERMIT = Permit("run", Case("PEN-002", "web/box/v4"), Tier.TOUCH)
MORE = """\
      - {method: DELETE, path: "/records/{student}"}
      - {method: POST, path: /search, safe: true}
"""
WRITES = ACCESS.replace("    public:", f"{MORE}    public:")
UNKNOWN = ACCESS.replace("    public:", "      - {path: '/rooms/{room}'}\n    public:").replace(
    "STUDENT: [", "STUDENT: ['/rooms/*', "
)
PAGES = """\
pages:
  - {listener: web, path: "/records/{amy}", as: [amy, eve], expect: [200], contains: records}
  - {listener: web, path: "/records/{amy}", as: [anonymous, bob], expect: [401, 403]}
  - {listener: web, path: /staff, method: HEAD, as: [eve], expect: [200]}
"""


@pytest.fixture
def reasons() -> Iterator[list[str]]:
    """What a check claims, as people will read it."""
    said: list[str] = []
    token = CURRENT.set(SimpleNamespace(claim=lambda claim, **_: said.append(str(claim))))
    yield said
    CURRENT.reset(token)


def tried(site: Environment) -> Matrix:
    """What the one address answered."""
    one = place(site)
    return AccessTrial(connections(site), PERMIT, one.access).run()[one.id]


def judged(check: str, site: Environment) -> None:
    """Run a check on what the trial finds; raises as the check does."""
    one = place(site)

    def trial(_: Any) -> Found[Matrix]:
        return Found(tried(site), one.id, 0)

    extra = () if check == "test_nobody_changes_anything" else (site,)
    SUITE[check](one, trial, *extra)


def instead(wrong: Callable[[Asked], bool]) -> Rule:
    """Serve what should be refused."""
    return lambda asked: Answer(200, b"grades") if wrong(asked) else None


@pytest.fixture
def served(tmp_path: Path, authority: Hierarchy) -> Iterator[Application]:
    """A healthy application."""
    with application(tmp_path, authority) as one:
        yield one


def test_a_healthy_application_is_green(served: Application, reasons: list[str]) -> None:
    """The owner and the advisor are served, everybody else is refused, and all sign out again."""
    site = served.site()
    for check in ("somebody_is_served", "wrong_roles_are_refused", "wrong_objects_are_refused"):
        judged(f"test_{check}", site)
    judged("test_nobody_changes_anything", site)
    assert served.sessions == set()
    assert all(one.endswith("to be none, found none") for one in reasons)
    asked = {(one.who, one.path) for one in served.requests if one.method == "GET"}
    assert {("amy", "/records/11"), ("bob", "/records/11"), ("amy", "/staff")} <= asked


@pytest.mark.parametrize(
    ("check", "wrong", "said"),
    [
        (
            "wrong_objects_are_refused",
            lambda asked: asked.who == "bob" and asked.path == "/records/11",
            "GET /records/{student} (as bob): HTTP 200",
        ),
        (
            "wrong_roles_are_refused",
            lambda asked: asked.who == "amy" and asked.path == "/staff",
            "GET /staff (as amy): HTTP 200",
        ),
    ],
)
def test_who_is_served_wrongly_is_named(
    tmp_path: Path,
    authority: Hierarchy,
    reasons: list[str],
    check: str,
    wrong: Callable[[Asked], bool],
    said: str,
) -> None:
    """Route, identity and status are in the reason."""
    with (
        application(tmp_path, authority, instead(wrong)) as served,
        pytest.raises(AssertionError),
    ):
        judged(f"test_{check}", served.site())
    assert said in reasons[-1]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_route_that_refuses_everybody_is_red(
    tmp_path: Path, authority: Hierarchy, reasons: list[str], status: int
) -> None:
    """It refuses who may, too: a dead route, or a right that nobody has."""

    def rule(asked: Asked) -> Answer | None:
        return Answer(status, b"no") if asked.path == "/staff" else None

    with application(tmp_path, authority, rule) as served, pytest.raises(AssertionError):
        judged("test_somebody_is_served", served.site())
    assert f"GET /staff (as eve): HTTP {status}" in reasons[0]


def test_somebody_elses_record_may_not_be_there(tmp_path: Path, authority: Hierarchy) -> None:
    """A 404 refuses as well as a 403 where its owner is served."""

    def rule(asked: Asked) -> Answer | None:
        return Answer(404, b"none") if asked.who == "bob" else None

    with application(tmp_path, authority, rule) as served:
        judged("test_somebody_is_served", served.site())
        judged("test_wrong_objects_are_refused", served.site())


def test_a_value_that_belongs_to_nobody_proves_nothing(served: Application) -> None:
    """Nobody has what is asked for: which value to declare is told."""
    with pytest.raises(ProbeError, match="without a value among `values`"):
        judged("test_somebody_is_served", served.site(UNKNOWN))


def test_methods_that_change_are_tried_where_that_is_harmless(
    tmp_path: Path, authority: Hierarchy, reasons: list[str]
) -> None:
    """What is declared safe is sent without a body; the other is named, and was never sent."""
    with application(tmp_path, authority) as served:
        with pytest.raises(NotRun, match=r"1 methods were not tried: DELETE /records/\{student\}"):
            judged("test_nobody_changes_anything", served.site(WRITES))
        sent = [(one.method, one.path, one.who) for one in served.requests]
    assert ("POST", "/search", "") in sent
    assert not [one for one in sent if one[0] == "DELETE"]
    rule = instead(lambda asked: asked.path == "/search")
    with application(tmp_path, authority, rule) as wrong, pytest.raises(AssertionError):
        judged("test_nobody_changes_anything", wrong.site(WRITES))
    assert "POST /search: HTTP 200" in reasons[-1]


def test_pages_are_answered_as_declared_to_who_is_named(
    tmp_path: Path, authority: Hierarchy, served: Application, reasons: list[str]
) -> None:
    """By status and content, as each of them."""
    judged("test_somebody_is_served", served.site(ACCESS, PAGES))
    folder = tmp_path / "wrong"
    folder.mkdir()
    wrong = instead(lambda asked: asked.path == "/records/11" and asked.who in {"bob", "eve"})
    with application(folder, authority, wrong) as other, pytest.raises(AssertionError):
        judged("test_somebody_is_served", other.site(ACCESS, PAGES))
    assert "GET /records/{amy} (as bob): HTTP 200" in reasons[-1]
    assert "GET /records/{amy} (as eve): another page than the right one" in reasons[-1]


def test_without_identities_nothing_is_proven(served: Application) -> None:
    """The key to declare is told."""
    site = served.site(ACCESS.replace('"{amy}"', '"11"'), people=False)
    for check in ("somebody_is_served", "wrong_roles_are_refused", "wrong_objects_are_refused"):
        with pytest.raises(NotRun) as raised:
            judged(f"test_{check}", site)
        assert raised.value.declare == "`identities`"


def test_sessions_end_where_an_address_can_not_be_asked(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """Whatever breaks off in between, nobody stays signed in."""

    def rule(asked: Asked) -> Answer | None:
        if asked.path.startswith("/readiness-"):
            raise ConnectionError
        return None

    with application(tmp_path, authority, rule) as served:
        with pytest.raises(ProbeError):
            tried(served.site())
        assert served.sessions == set()


def test_a_trial_needs_a_permit(served: Application) -> None:
    """A run that only looks signs nobody in."""
    site = served.site()
    looking = Permit("run", Case("PEN-001", "web/box/v4"), Tier.OBSERVE)
    with pytest.raises(NotRun):
        AccessTrial(connections(site), looking, place(site).access)
    assert served.requests == []


def test_many_routes_are_asked_over_few_connections(served: Application) -> None:
    """A handshake for each request would take most of the time."""
    routes = "".join(f"      - {{path: '/records/{{student}}/{one}'}}\n" for one in range(100))
    access = ACCESS.replace("    public:", f"{routes}    public:")
    access = access.replace('["/records/{student}"', '["/records/*"')
    found = tried(served.site(access))
    assert (found.right.count, found.wrong_object.count) == (102, 101)
    assert found.wrong_object.open == []
    assert len(served.connections) < 40
