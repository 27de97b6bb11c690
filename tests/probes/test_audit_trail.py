"""Reading an audit trail: events by the ids of our requests, and who could change it."""

import pytest

from readiness.drills.audit_trial import leaked
from readiness.errors import NotUnderstood
from readiness.probes.audit_trail import Guard, read_events, read_rights

RIGHTS = {
    "kind": "r",
    "owner": "portal_owner",
    "owner_logs_in": False,
    "application": ["INSERT"],
    "others": [],
    "members": ["portal_migrate"],
    # BEFORE UPDATE OR DELETE and BEFORE TRUNCATE, each per statement; AFTER UPDATE.
    "guards": {
        "refuse_change": {"state": "A", "type": 26},
        "refuse_truncate": {"state": "R", "type": 34},
        "notify": {"state": "O", "type": 16},
    },
}


def test_an_event_keeps_its_parts_and_time() -> None:
    """Parts come out under their own names, empty ones as None."""
    (found,) = read_events([{"parts": {"actor": "11", "purpose": None}, "time": 1.5, "row": "{}"}])
    assert found.parts == {"actor": "11", "purpose": None}
    assert found.time == 1.5


@pytest.mark.parametrize("answer", [None, [{}], [{"parts": {}, "time": "noon", "row": ""}], ["x"]])
def test_another_answer_is_not_understood(answer: object) -> None:
    """An answer of another form is no empty trail."""
    with pytest.raises(NotUnderstood):
        read_events(answer)


def test_triggers_count_for_what_they_come_before() -> None:
    """A trigger after the change stops nothing, and its state is told in words."""
    found = read_rights(RIGHTS)
    assert found.kind == "table"
    assert found.guards["refuse_change"] == Guard("always", ("DELETE", "UPDATE"))
    assert found.guards["refuse_truncate"] == Guard("replica only", ("TRUNCATE",))
    assert found.guards["notify"] == Guard("origin", ())


@pytest.mark.parametrize("missing", sorted(RIGHTS))
def test_rights_are_whole_or_not_understood(missing: str) -> None:
    """What the server did not say is never taken for nothing."""
    with pytest.raises(NotUnderstood):
        read_rights({key: value for key, value in RIGHTS.items() if key != missing})


def test_values_of_an_answer_are_found_in_an_event() -> None:
    """Names of fields and short words are no values; texts are, however deep they stand."""
    body = {
        "email": "a@example.test",
        "standing": "GOOD",
        "list": [{"title": "Topics in X"}],
        "n": 1,
    }
    assert leaked(body, '{"fields": ["email", "standing", "list"], "purpose": "GOOD"}') == set()
    assert leaked(body, '{"note": "a@example.test"}') == {"email"}
    assert leaked(body, '{"note": "took Topics in X"}') == {"title"}
    assert leaked({"x": "course"}, '{"fields": ["course_code"]}') == set()
