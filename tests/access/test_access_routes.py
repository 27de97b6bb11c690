"""Routes: what they are asked as, which entries are about them, and who has to be served."""

from types import SimpleNamespace
from typing import Any

import pytest

from readiness.systems.access.declared import Access
from readiness.systems.access.matrix import Rights
from readiness.systems.access.routes import Parameter, Route, decided, matches, may, route_of

RECORD = route_of("GET", "/records/{student}")
STAFF = route_of("GET", "/staff")
NEWS = route_of("GET", "/news")
WRITE = route_of("DELETE", "/records/{student}")
ROLES: dict[str, Any] = {"STUDENT": ("/records/*",), "ADVISOR": ("/records/{id}", "GET /staff")}


def access(**more: Any) -> Access:
    """A declared application."""
    routes = ({"path": "/records/{student}"},)
    return Access.model_validate({"listener": "web", "routes": routes, **more})


def person(name: str, role: str) -> Any:
    """An identity, as far as rights go."""
    return SimpleNamespace(name=name, role=role)


AMY, BOB, EVE = person("amy", "STUDENT"), person("bob", "STUDENT"), person("eve", "ADVISOR")


@pytest.mark.parametrize(
    ("entry", "right"),
    [
        ("/records/{student}", True),
        ("/records/{other}", True),
        ("GET /records/{id}", True),
        ("DELETE /records/{id}", False),
        ("/records/*", True),
        ("/*", True),
        ("/records", False),
        ("/records/{student}/", False),
        ("/", False),
    ],
)
def test_an_entry_is_about_a_route(entry: str, *, right: bool) -> None:
    """By its template whatever parameters are called, by what it begins with, by its method."""
    assert matches(RECORD, [entry]) is right


def test_values_are_filled_in_as_a_path_may_hold_them() -> None:
    """The id of an identity, a text as it is, and what belongs to nobody."""
    given = access(values={"student": "{amy}", "name": "a b/c&d"})
    assert RECORD.target(given, {"amy": "1/2"}) == "/records/1%2F2"
    assert route_of("GET", "/by/{name}").target(given, {}) == "/by/a%20b%2Fc%26d"
    assert route_of("GET", "/x/{y}").target(given, {}) == "/x/readiness-canary"
    asked = Route("GET", "/find", (), (Parameter("name"), Parameter("n", "integer")))
    assert asked.target(given, {}) == "/find?name=a%20b%2Fc%26d&n=2147483646"
    assert (asked.lacks(given), RECORD.owners(given)) == (("n",), ("amy",))


def test_roles_may_what_is_listed_for_them_or_for_everybody() -> None:
    """Where no roles are declared anybody who signed in may."""
    given = access(roles={**ROLES, "*": ("/me",)})
    assert may(given, "STUDENT", RECORD)
    assert not may(given, "STUDENT", STAFF)
    assert may(given, "STUDENT", route_of("GET", "/me"))
    assert may(access(), "STUDENT", STAFF)
    assert (decided(given, STAFF), decided(given, NEWS)) == (True, False)


def test_each_route_is_asked_by_who_may_and_by_who_must_be_refused() -> None:
    """The owner is the control; each other role and another of the owner's role are refused."""
    given = access(roles=ROLES, values={"student": "{amy}"})
    rights = Rights(given, (AMY, BOB, EVE), (RECORD, STAFF, WRITE))
    assert [one.name for one in rights.right().asked] == [
        "GET /records/{student} (as amy)",
        "GET /staff (as eve)",
    ]
    assert [one.name for one in rights.wrong_role().asked] == ["GET /staff (as amy)"]
    assert [one.name for one in rights.wrong_object().asked] == ["GET /records/{student} (as bob)"]
    parts = (rights.right(), rights.wrong_role(), rights.wrong_object())
    assert [one.lacking for one in parts] == [[], [], []]


def test_what_nobody_can_ask_is_told() -> None:
    """No identity of a role, no entry for a route, and nobody else who could be refused."""
    given = access(roles={"STUDENT": ("/records/*",)}, values={"student": "{amy}"})
    rights = Rights(given, (AMY,), (RECORD, STAFF))
    assert rights.right().lacking == ["GET /staff: no identity may ask it"]
    assert rights.wrong_role().lacking == ["GET /staff: which roles may ask it is not declared"]
    assert rights.wrong_object().lacking == ["GET /records/{student}: no other identity is STUDENT"]
