"""Every field that the product reads has a kind, and only fixed ones make drift by themselves."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from replay import load

from readiness.drift.compare import Change as Changed
from readiness.drift.compare import changed_fields
from readiness.drift.fields import declared_kind, kind_of, leaves, shown
from readiness.evidence.steps import Observation
from readiness.model.words import Json
from readiness.systems.marks import Drift

HEALTHY = load("healthy").observations
Change = Callable[[Any], object]
MOMENT = datetime(2026, 11, 30, tzinfo=UTC)


def changes(before: Iterable[Json], now: Iterable[Json]) -> list[Changed]:
    """What differs between what two runs saw."""

    def read(seen: Iterable[Json]) -> list[Observation]:
        return [Observation(n=n, at=MOMENT, mono=0, **one) for n, one in enumerate(seen)]

    return list(changed_fields(read(before), read(now)))


def observed(source: str) -> int:
    """The place of the first observation of a source."""
    return next(n for n, one in enumerate(HEALTHY) if one["source"].startswith(source))


def after(source: str, change: Change) -> tuple[Json, ...]:
    """The healthy lab with one reading changed in place."""
    changed = deepcopy(HEALTHY)
    change(changed[observed(source)]["reading"])
    return changed


def test_every_field_that_the_lab_shows_has_a_kind() -> None:
    """A field that nobody typed is named here, not guessed in front of a user."""
    paths = {
        path
        for one in HEALTHY
        for path, _ in leaves((one["source"].partition(" ")[0],), one["reading"])
    }
    assert len(paths) > 100
    assert [shown(path) for path in sorted(paths) if declared_kind(path) is None] == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("postgresql.settings.fsync.value", Drift.FIXED),
        ("postgresql.a_field_of_a_later_version", Drift.FIXED),
        ("postgresql.in_recovery", Drift.VOLATILE),
        ("tls.chain[].days_left", Drift.BOUNDED),
        ("tls.chain[].serial", Drift.VOLATILE),
        ("tls.chain[].key_size", Drift.FIXED),
        ("systemd.patroni.main_pid", Drift.VOLATILE),
        ("systemd.patroni.active", Drift.FIXED),
        ("scan.began", Drift.VOLATILE),
        ("scan.connections", Drift.BOUNDED),
        ("scan.towards[].others.open[]", Drift.BOUNDED),
        ("scan.a_field_of_a_later_version", Drift.FIXED),
        ("environment.recovery_time", Drift.FIXED),
        ("our-own-source.anything", Drift.BOUNDED),
        ("own.timer", Drift.BOUNDED),
    ],
)
def test_kinds(path: str, kind: Drift) -> None:
    """What somebody sets is fixed, what moves by itself is not, what is unknown is seen."""
    assert kind_of(tuple(path.replace("[]", ".[]").split("."))) is kind


def test_nothing_differs_from_itself() -> None:
    """The same observations, in another order, are no drift."""
    assert changes(HEALTHY, tuple(reversed(HEALTHY))) == []


def restarted(reading: Any) -> None:
    """Another process of the same unit."""
    unit = next(iter(reading.values()))
    unit["main_pid"] = 4711


def renewed(reading: Any) -> None:
    """A certificate like the one before, with a new serial, key digest and dates."""
    leaf = reading["chain"][0]
    leaf.update(serial="0f", fingerprint="00" * 32, not_before="2026-12-01T00:00:00+00:00")
    leaf.update(not_after="2027-03-01T00:00:00+00:00", days_left=90.0)


def moved(reading: Any) -> None:
    """The primary has become a standby of another."""
    reading.update(in_recovery=True, timeline=99, current=None)
    reading["settings"]["primary_conninfo"]["value"] = "host=other"


@pytest.mark.parametrize(
    ("source", "change"),
    [("systemd", restarted), ("tls", renewed), ("postgresql", moved)],
)
def test_what_moves_by_itself_is_no_drift(source: str, change: Change) -> None:
    """A new process id, a renewed certificate and a moved leader are not reported."""
    assert changes(HEALTHY, after(source, change)) == []


def test_another_intermediate_is_no_drift() -> None:
    """An authority signs a renewal with whichever of its intermediates it likes."""
    changed = deepcopy(HEALTHY)
    chains = (one["reading"]["chain"] for one in changed if one["source"] == "tls")
    leaf, above, *_ = next(chain for chain in chains if len(chain) > 1)
    leaf["issuer"] = above["subject"] = "CN=another one"
    assert changes(HEALTHY, changed) == []


def weakened(reading: Any) -> None:
    """Somebody turned fsync off."""
    reading["settings"]["fsync"]["value"] = "off"


def shortened(reading: Any) -> None:
    """Somebody renewed with a smaller key."""
    reading["chain"][0]["key_size"] = 128


def test_a_changed_setting_is_drift_with_both_values() -> None:
    """The field, the subject, the old and the new value are named."""
    (change,) = changes(HEALTHY, after("postgresql", weakened))
    assert (change.what, change.old, change.new) == (
        "postgresql.settings.fsync.value", "on", "off",
    )  # fmt: skip
    assert change.subject == HEALTHY[observed("postgresql")]["subject"]


def test_a_smaller_key_is_drift() -> None:
    """A renewal that changes more than a renewal does is reported."""
    (change,) = changes(HEALTHY, after("tls", shortened))
    assert (change.what, change.new) == ("tls.chain[].key_size", "128")


@pytest.mark.parametrize(
    ("path", "drift"),
    [
        (("redis", "link"), Drift.VOLATILE),  # a master has none
        (("redis", "link", "priority"), Drift.FIXED),
        (("redis", "followers", "[]", "lag"), Drift.VOLATILE),
        (("postgresql", "settings", "primary_conninfo", "value"), Drift.VOLATILE),
        (("postgresql", "settings", "primary_conninfo", "unit"), Drift.FIXED),
        (("systemd", "pgbackrest-full.timer", "main_pid"), Drift.VOLATILE),
        (("addresses", "[]"), Drift.VOLATILE),
        (("sentinel", "watched", "seen", "flags", "[]"), Drift.VOLATILE),
        (("sentinel", "others", "[]", "flags", "[]"), Drift.BOUNDED),
        (("redis", "linc"), None),
    ],
)
def test_marks(path: tuple[str, ...], drift: Drift | None) -> None:
    """A mark counts for all below it, and a field that no reading has is nobody's."""
    assert declared_kind(path) is drift
