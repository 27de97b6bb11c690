"""What an answer says to who has no login, over real connections to a server on loopback."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from application import ACCESS, BALANCER, Answer, Asked, Rule, application, place
from pki import Hierarchy, hierarchy

from readiness.model.errors import ProbeError, UsageError
from readiness.site.environment import Environment
from readiness.systems.access.asking import ASKERS
from readiness.systems.access.documents import refuse_unreadable
from readiness.systems.access.reading import Doors, Said
from readiness.systems.http.asking.kept import Kept
from readiness.systems.http.asking.pages import Question

SHELL = b"<!doctype html><title>Portal</title><script nonce=%s></script><p>%s"


def connections(site: Environment) -> Any:
    """What an asker asks over."""
    kept: dict[str, Any] = {}

    def keep(key: str, opened: Any) -> Any:
        return kept.setdefault(key, opened())

    return SimpleNamespace(
        site=site, kept=keep, authority_pem=lambda name: site.content(site.authorities[name])
    )


def doors(site: Environment) -> Doors:
    """What the one address answers to who has no login."""
    (asker,) = ASKERS
    ask: Any = asker.ask
    found: Doors = ask(connections(site), place(site))
    return found


def asked_by(rule: Rule, tmp_path: Path, authority: Hierarchy, access: str = ACCESS) -> Doors:
    """The same of an application that follows a rule."""
    with application(tmp_path, authority, rule) as served:
        return doors(served.site(access))


def on(path: str, answer: Answer, method: str = "GET", accept: str = "") -> Rule:
    """Answer one path otherwise, for one method and one kind of content."""

    def rule(asked: Asked) -> Answer | None:
        right = asked.path == path and asked.method == method
        return answer if right and accept in asked.headers["Accept"] else None

    return rule


def test_a_healthy_application_refuses_each_route_each_way(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """GET, HEAD and GET as JSON of what is guarded; what is public is not asked for."""
    with application(tmp_path, authority) as served:
        found = doors(served.site())
        asked = {(one.method, one.path) for one in served.requests}
    (told,) = found.answers.told
    assert (told.said, told.status, len(told.routes)) == (Said.REFUSED, 401, 6)
    assert found.answers.open == []
    assert {("GET", "/records/11"), ("HEAD", "/records/11"), ("GET", "/staff")} <= asked
    assert not [one for one in asked if one[1] == "/news" or one[0] not in {"GET", "HEAD"}]


@pytest.mark.parametrize(
    ("rule", "served"),
    [
        (on("/records/11", Answer(200, b"grades")), "GET /records/{student}: HTTP 200"),
        (
            on("/records/11", Answer(200, b"grades"), "HEAD"),
            "GET /records/{student} (by HEAD): HTTP 200",
        ),
        (
            on("/staff", Answer(200, b"[]"), accept="json"),
            "GET /staff (as JSON): HTTP 200",
        ),
        (on("/staff", Answer(206, b"people")), "GET /staff: HTTP 206"),
    ],
)
def test_what_is_served_to_anybody_is_found(
    tmp_path: Path, authority: Hierarchy, rule: Rule, served: str
) -> None:
    """Route, way and status are named."""
    assert served in asked_by(rule, tmp_path, authority).answers.those(Said.SERVED)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(403, b"no"), Said.REFUSED),
        (Answer(404, b"no"), Said.ABSENT),
        (Answer(302, b"", {"Location": "/sign-in?next=/staff"}), Said.REFUSED),
        (Answer(302, b"", {"Location": "https://login.example.edu/sso?a=b"}), Said.REFUSED),
        (Answer(302, b"", {"Location": "/staff/"}), Said.AWAY),
        (Answer(302, b"", {"Location": "https://login.example.edu.evil.test/sso"}), Said.AWAY),
        (Answer(302, b"", {}), Said.AWAY),
        (Answer(429, b""), Said.BUSY),
        (Answer(502, b""), Said.BUSY),
        (Answer(500, b"trace"), Said.UNCLEAR),
        (Answer(400, b"term is missing"), Said.UNCLEAR),
        (Answer(200, b""), Said.UNCLEAR),
    ],
)
def test_what_refuses_and_what_does_not(
    tmp_path: Path, authority: Hierarchy, answer: Answer, said: Said
) -> None:
    """Refusals of all shapes; what neither refuses nor serves is known by nobody."""
    pages = "    sign_in_pages: [/sign-in, 'https://login.example.edu/sso']\n"
    rule = on("/staff", answer)
    found = asked_by(rule, tmp_path, authority, ACCESS + pages).answers.those(said)
    assert f"GET /staff: HTTP {answer.status}" in found


def test_a_page_of_its_own_for_whatever_is_asked_is_nothing(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """An application in the browser answers 200 to everything, with another nonce each time."""
    count = 0

    def shell(asked: Asked) -> Answer:
        nonlocal count
        count += 1
        return Answer(200, SHELL % (f"{count:032x}".encode(), asked.path.encode()))

    found = asked_by(shell, tmp_path, authority)
    assert (found.nobody, found.answers.those(Said.SERVED)) == (200, [])
    assert len(found.answers.those(Said.ABSENT)) == 6


def test_a_record_behind_such_a_page_is_found_all_the_same(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """What differs from the page for everything is content."""

    def shell(asked: Asked) -> Answer:
        return Answer(200, b"<p>grades" if asked.path == "/records/11" else b"<p>welcome")

    found = asked_by(shell, tmp_path, authority).answers
    assert "GET /records/{student}: HTTP 200" in found.those(Said.SERVED)
    assert "GET /staff: HTTP 200" in found.those(Said.ABSENT)


@pytest.mark.parametrize("keeps", [True, False])
def test_each_server_behind_a_balancer_has_to_answer(
    tmp_path: Path, authority: Hierarchy, *, keeps: bool
) -> None:
    """One of two serves what the other refuses: it is named."""

    def rule(asked: Asked) -> Answer | None:
        wrong = asked.server == "two" and asked.path == "/staff" and not asked.who
        return Answer(200, b"people") if wrong else None

    with application(tmp_path, authority, rule, servers=("one", "two"), keeps=keeps) as served:
        found = doors(served.site(ACCESS, BALANCER))
    assert found.servers == ("one", "two")
    assert found.answers.open == []
    assert "GET /staff at two: HTTP 200" in found.answers.those(Said.SERVED)
    assert "GET /staff at one: HTTP 401" in found.answers.those(Said.REFUSED)


def test_a_server_that_never_answers_is_not_proven(tmp_path: Path, authority: Hierarchy) -> None:
    """The gate can't tell what a machine would serve that nobody is sent to."""
    with application(tmp_path, authority, servers=("one",)) as served:
        found = doors(served.site(ACCESS, BALANCER))
    assert any(one.startswith("two answers nobody") for one in found.answers.open)


def test_who_stands_in_front_may_refuse_by_itself(tmp_path: Path, authority: Hierarchy) -> None:
    """An answer that names no machine, each time, is the front's; a page shows that all answer."""

    def rule(asked: Asked) -> Answer | None:
        return Answer(403, b"no", named=False) if asked.path == "/staff" else None

    with application(tmp_path, authority, rule, servers=("one", "two")) as served:
        found = doors(served.site(ACCESS, BALANCER)).answers
    assert found.open == []
    assert "GET /staff: HTTP 403" in found.those(Said.REFUSED)


def test_a_certificate_that_nobody_vouches_for_hides_nothing(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """Without credentials it is looked all the same; with some it is not."""
    with application(tmp_path, hierarchy("Another"), on("/staff", Answer(200, b"x"))) as served:
        site = served.site()
        (tmp_path / "root.pem").write_bytes(authority.root.pem)
        assert "GET /staff: HTTP 200" in doors(site).answers.those(Said.SERVED)
        question = Question("127.0.0.1", served.port, "portal.example.org")
        with Kept(question, trusts_all=True) as kept, pytest.raises(UsageError):
            kept.ask("/staff", headers={"X-Session-Token": "secret"})


def test_nobody_listens(tmp_path: Path, authority: Hierarchy) -> None:
    """It could not be found out."""
    with application(tmp_path, authority) as served:
        site = served.site()
    with pytest.raises(ProbeError):
        doors(site)


def test_few_connections_are_opened(tmp_path: Path, authority: Hierarchy) -> None:
    """Connections are kept: a handshake for each request would take most of the time."""
    routes = "".join(f"      - {{path: /r{one}}}\n" for one in range(50))
    access = f"    routes:\n{routes}"
    with application(tmp_path, authority) as served:
        found = doors(served.site(access))
        assert found.answers.count == 150
        assert len(served.connections) <= 6


def test_a_document_that_can_not_be_read_is_refused_before_anything_is_touched(
    tmp_path: Path, authority: Hierarchy
) -> None:
    """File, key and place are told."""
    (tmp_path / "api.json").write_text('{"openapi": "3.0.0", "paths": {"a": 1}}')
    with application(tmp_path, authority) as served:
        site = served.site('    openapi: "file:api.json"\n')
    with pytest.raises(UsageError) as raised:
        refuse_unreadable(site)
    assert str(raised.value) == (
        f"{tmp_path}/api.json: access[0].openapi: paths.a: is no path; "
        "expected one that begins with '/', in ASCII"
    )
