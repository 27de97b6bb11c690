"""What a 404 says of a route that was asked for what is nobody's: nothing of what is there."""

from readiness.systems.access.reading import Answers, Doors, Said, Told

ROUTE, OTHER = "GET /students/{id}", "GET /courses"


def doors(*told: Told, guessed: tuple[str, ...] = (ROUTE,)) -> Doors:
    """What an address answered, where these routes were asked with a made-up value."""
    return Doors("192.0.2.1", 404, (), Answers(told), (), guessed)


def test_nothing_there_is_no_refusal_where_the_value_was_made_up() -> None:
    """Whoever knows a real id may be served; the route is named with its answer."""
    found = doors(Told(Said.ABSENT, 404, "app1", (OTHER, ROUTE)))
    assert found.missed == [f"{ROUTE} at app1: HTTP 404"]


def test_a_refusal_counts_whatever_was_asked_for() -> None:
    """It came before anything was looked up."""
    assert doors(Told(Said.REFUSED, 401, "", (ROUTE,))).missed == []


def test_with_a_declared_value_nothing_there_is_an_answer() -> None:
    """What is there was asked for, and nobody was served it."""
    assert doors(Told(Said.ABSENT, 404, "", (ROUTE,)), guessed=()).missed == []
