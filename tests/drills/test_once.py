"""A drill is done once in a run, whatever becomes of it."""

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from readiness.drills import target_lease
from readiness.model.errors import NotRun, ProbeError, TimedOut
from readiness.model.once import Once
from readiness.running import fixtures


class Ended(BaseException):
    """What ends a check from outside: no `except Exception` sees it."""


class Counted:
    """A drill that counts how often it was begun, and ends as told."""

    def __init__(self, ending: BaseException | str) -> None:
        self.begun = 0
        self.ending = ending

    def __call__(self, *_: object, **__: object) -> Any:
        """Begin once more."""
        self.begun += 1
        if isinstance(self.ending, BaseException):
            raise self.ending
        return self.ending


@pytest.mark.parametrize("ending", [TimedOut("no answer"), NotRun("held"), KeyError("ours")])
def test_b1_a_failure_is_remembered_as_it_was(ending: Exception) -> None:
    """The second check is told what the first was told, and nothing is done again."""
    once, drill = Once(), Counted(ending)
    for _ in range(3):
        with pytest.raises(type(ending), match=str(ending)):
            once.do("drill", "db", drill)
    assert drill.begun == 1


def test_b1_a_drill_that_was_ended_from_outside_is_not_done_again() -> None:
    """The check whose limit it was hears of it; the others hear that the drill has no result."""
    once, drill = Once(), Counted(Ended("no result within 5 s"))
    with pytest.raises(Ended):
        once.do("drill", "db", drill)
    with pytest.raises(ProbeError, match=r"db: the drill was ended early: no result within 5 s"):
        once.do("drill", "db", drill)
    assert drill.begun == 1


def test_b1_a_result_is_remembered_for_its_subject() -> None:
    """Another subject is another drill."""
    once, drill = Once(), Counted("found")
    assert [once.do("drill", one, drill) for one in ("db", "db", "other")] == ["found"] * 3
    assert drill.begun == 2


def _failover(ask: Callable[..., Any]) -> Any:
    return ask(SimpleNamespace(id="db", database=None))


def _restore(ask: Callable[..., Any]) -> Any:
    return ask(SimpleNamespace(id="db at repo", cluster=SimpleNamespace(database=None)))


def _named(ask: Callable[..., Any]) -> Any:
    audit = SimpleNamespace(name="records", trail=SimpleNamespace(database="db"))
    only = SimpleNamespace(tester=None)
    named = SimpleNamespace(name="records", audit=audit, trail=audit.trail, append_only=only)
    named.id = "records"
    return ask(named)


DRILLS = [
    ("failover_drill", "FailoverDrill", "trials", _failover),
    ("restore_drill", "RestoreDrill", "restored", _restore),
    ("load", "offer", "", _named),
    ("append_only", "attempt", "", _named),
    ("audit_trial", "AuditTrial", "run", _named),
]


@pytest.mark.parametrize(("fixture", "drill", "method", "ask"), DRILLS, ids=[d[0] for d in DRILLS])
def test_b1_every_drill_that_failed_is_done_once(
    monkeypatch: pytest.MonkeyPatch,
    fixture: str,
    drill: str,
    method: str,
    ask: Callable[..., Any],
) -> None:
    """Five checks ask; the site is disturbed once, and each is told why it can't be told."""
    done = Counted(TimedOut("the site did not answer"))
    for name in ("mint", "require_fresh_backup", "ClusterView"):
        monkeypatch.setattr(fixtures, name, lambda *_: None)
    monkeypatch.setattr(target_lease, "hold", lambda *_: None)
    if fixture == "append_only":
        monkeypatch.setattr(fixtures, "_audit_trial", lambda *_: SimpleNamespace(requests=()))
        monkeypatch.setattr(fixtures, "reached", lambda *_: nullcontext())
    made = SimpleNamespace(**{method: done, "requests": ()}) if method else None
    monkeypatch.setattr(fixtures, drill, (lambda *_, **__: made) if method else done)
    database = SimpleNamespace(failover=None, rows_schema=None)
    site = SimpleNamespace(databases=(), backups=(), database=lambda _: database)
    run = SimpleNamespace(environment=site, once=Once())
    forgetful = SimpleNamespace(forget=lambda: None, at=lambda _s, _t, act: act())
    member = SimpleNamespace(machine=SimpleNamespace(name="db1"))
    monkeypatch.setattr(fixtures, "primary", lambda *_: member)
    clients = SimpleNamespace(look=forgetful, site=site)
    asked = getattr(fixtures, fixture)._get_wrapped_function()(run, clients)
    for _ in range(5):
        with pytest.raises(TimedOut, match="did not answer"):
            ask(asked)
    assert done.begun == 1
