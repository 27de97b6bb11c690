"""Asking a balancer until every machine behind it has answered; the answers are made here."""

from collections.abc import Callable
from itertools import cycle

from readiness.model.errors import TimedOut
from readiness.systems.http.asking.rotation import EACH, PATIENCE, ask
from readiness.systems.http.reading import Exchange, Share

HEADER = "X-Served-By"


def page(name: str, status: int = 200, *, right: bool = True, whole: bool = True) -> Exchange:
    """An answer of a machine."""
    headers = ((HEADER.lower(), name),) if name else ()
    return Exchange(
        "192.0.2.1", 443, "v4", "https://x/", "x", answers=True, status=status, headers=headers,
        body_complete=whole, contains=right,
    )  # fmt: skip


def dealt(*answers: Exchange | Exception) -> Callable[[], Exchange]:
    """A balancer that deals these answers in turn."""
    hand = cycle(answers)

    def once() -> Exchange:
        found = next(hand)
        if isinstance(found, Exception):
            raise found
        return found

    return once


def test_it_ends_when_everybody_has_answered() -> None:
    """Two machines in turn need two answers each."""
    found = ask("192.0.2.1", dealt(page("a"), page("b")), HEADER, ("a", "b"))
    assert found.requests == 2 * EACH
    assert found.shares == (Share("a", EACH, EACH, ""), Share("b", EACH, EACH, ""))
    assert found.unanswered == 0


def test_patience_ends() -> None:
    """A machine that never gets a request has no answers, after a bounded number of requests."""
    found = ask("192.0.2.1", dealt(page("a")), HEADER, ("a", "b"))
    assert found.requests == 2 * PATIENCE
    assert found.of("b") == Share("b", 0, 0, "")


def test_wrong_answers_are_told_apart() -> None:
    """An error, a page cut off, and 200 with another page are wrong, each in its words."""
    wrong = (page("a", 503), page("b", right=False), page("c", whole=False))
    found = ask("192.0.2.1", dealt(*wrong), HEADER, ("a", "b", "c"))
    assert {one.served_by: one.problem for one in found.shares} == {
        "a": "HTTP 503",
        "b": "another page than the right one",
        "c": "the page is cut off",
    }
    assert all(one.right == 0 for one in found.shares)


def test_one_wrong_answer_of_many_is_kept() -> None:
    """An answer that is wrong every second time is not drowned by the right ones."""
    found = ask("192.0.2.1", dealt(page("a"), page("a", 500)), HEADER, ("a",))
    assert found.of("a") == Share("a", 2, 1, "HTTP 500")


def test_requests_without_an_answer_are_counted() -> None:
    """A time-out is kept with its reason, and the others are asked all the same."""
    found = ask("192.0.2.1", dealt(TimedOut("no answer within 5 s"), page("a")), HEADER, ("a",))
    assert (found.unanswered, found.problem) == (EACH, "no answer within 5 s")
    assert found.of("a").right == EACH


def test_a_machine_without_a_name_is_nobody() -> None:
    """Without the header the answer counts for none of the declared machines."""
    found = ask("192.0.2.1", dealt(page("")), HEADER, ("a",))
    assert found.of("a").answers == 0
    assert found.names == {"a machine without a name"}
