"""What systemd says about a timer, read; recorded on the lab's backup machine."""

import pytest

from readiness.model.errors import NotUnderstood
from readiness.systems.hosts.reading.timer import read, read_listed

UNIT = "pgbackrest-full.timer"
LISTED = (
    '[{"next":1795744800000000,"left":1795744800000000,"last":0,"passed":0,'
    '"unit":"pgbackrest-full.timer","activates":"pgbackrest-full.service"}]'
)
OWN = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"


def test_a_timer_that_is_due() -> None:
    """When it elapses, what it starts, and how that last ended."""
    timing = read_listed(LISTED, UNIT, where="m")
    service = "LoadState=loaded\nActiveState=inactive\nResult=success\n"
    found = read(timing, OWN, service, where="m")
    assert (found.next, found.last) == (1795744800.0, None)
    assert (found.active, found.enabled, found.result) == ("active", "enabled", "success")
    assert found.service_state == "inactive"


def test_a_timer_that_is_off_is_never_due() -> None:
    """Systemd lists it with a zero, or not at all."""
    stopped = LISTED.replace('"next":1795744800000000', '"next":0')
    assert read_listed(stopped, UNIT, where="m")[0] is None
    assert read_listed("[]", UNIT, where="m") == (None, None, "")


def test_a_service_that_is_not_there_did_not_succeed() -> None:
    """Systemd says success of a unit that it does not know; that is no success."""
    found = read((None, None, "x.service"), OWN, "LoadState=not-found\nResult=success", where="m")
    assert found.result == ""


def test_another_answer_is_not_understood() -> None:
    """What is not the list, or lacks a property, is no reading."""
    with pytest.raises(NotUnderstood):
        read_listed("next left", UNIT, where="m")
    with pytest.raises(NotUnderstood):
        read((None, None, ""), "", "", where="m")
