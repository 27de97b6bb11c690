"""What is asked beside other questions, and what is kept, is asked for once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from engine import Site

from readiness.model.words import Tier
from readiness.session.clients import Clients
from readiness.session.look import Look
from readiness.session.run import Run, RunRequest, open_run
from readiness.systems.token import Identified

AT_MOST = 10.0  # seconds until a test that hangs has failed; nothing here takes one

A_MOMENT = 0.2  # seconds in which what must not happen would have happened


@pytest.fixture
def run(site: Site, monkeypatch: pytest.MonkeyPatch) -> Run:
    """An open run of a site that nothing has to answer for."""
    monkeypatch.setenv("READINESS_STATE", str(site.state))
    request = RunRequest(
        environment_file=site.environment,
        policy_file=site.policy,
        tier=Tier.OBSERVE,
        reports=site.reports,
    )
    return open_run(request)


class Somebody:
    """A subject."""

    def __init__(self, name: str) -> None:
        self.id = name


class Question:
    """Is answered once `released` is set, by the number of the time that it was asked."""

    def __init__(self) -> None:
        self.asked, self.begun, self.released = 0, Event(), Event()

    def __call__(self, _: Identified) -> int:
        """Say how often it was asked by now."""
        self.asked += 1
        self.begun.set()
        assert self.released.wait(AT_MOST)
        return self.asked


def test_a_question_that_was_begun_is_asked_once(run: Run) -> None:
    """Who needs the answer waits for it, and does not ask again."""
    look, question, one = Look(run), Question(), Somebody("one")
    look.begin("source", [one], question)
    assert question.begun.wait(AT_MOST)
    question.released.set()
    look.await_begun("source")
    assert look.at(one.id, "source", lambda: question(one)).reading == 1
    assert question.asked == 1


def test_a_late_answer_is_not_taken_for_one_from_after_a_disturbance(run: Run) -> None:
    """A disturbance waits for what is being asked and forgets it; who asks then asks anew."""
    look, question, one = Look(run), Question(), Somebody("one")
    look.begin("source", [one], question)
    assert question.begun.wait(AT_MOST)
    with ThreadPoolExecutor(1) as pool:
        disturbed = pool.submit(run.disturbed)
        with pytest.raises(TimeoutError):
            disturbed.result(A_MOMENT)
        question.released.set()
        disturbed.result(AT_MOST)
    assert not look.knows(one.id, "source")
    assert look.at(one.id, "source", lambda: question(one)).reading == 2


def test_an_error_of_ours_is_raised_where_the_answer_is_needed(run: Run) -> None:
    """A question that breaks off does not look like one that nobody began."""
    look = Look(run)

    def broken(_: Identified) -> int:
        raise ZeroDivisionError

    look.begin("source", [Somebody("one")], broken)
    with pytest.raises(ZeroDivisionError):
        look.await_begun("source")


def test_a_connection_is_opened_once_whoever_asks_for_it_first(run: Run) -> None:
    """Questions that are asked beside each other share it."""
    clients, opened, together = Clients(run), [], Barrier(2)

    class Connection:
        """One that notes that it was opened."""

        def __init__(self) -> None:
            opened.append(self)
            Event().wait(A_MOMENT)

        def close(self) -> None:
            """Nothing to end."""

    def ask() -> Connection:
        together.wait(AT_MOST)
        return clients.kept("it", Connection)

    with ThreadPoolExecutor(2) as pool:
        first, second = [one.result(AT_MOST) for one in [pool.submit(ask), pool.submit(ask)]]
    assert first is second
    assert len(opened) == 1
    clients.close()
