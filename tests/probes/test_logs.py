"""What a real OpenSearch 2.19 answered is read as it was meant, and nothing else is believed."""

import base64
import json
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pki import NAME, Hierarchy
from servers import replaying

from readiness.drills.log_lines import Line, read_seen
from readiness.model.errors import AccessDenied, NotUnderstood, TimedOut, Unreachable
from readiness.site.documents import load_environment
from readiness.systems.logs.asking import client
from readiness.systems.logs.asking.client import Target, require
from readiness.systems.logs.declared import DAY, LogStore
from readiness.systems.logs.encoded import fragments, questions, read_fields, written
from readiness.systems.logs.reading import read_blocks, read_kept, read_newest

ROOT = Path(__file__).parents[2]
ANSWERS: dict[str, Any] = json.loads((ROOT / "tests/recorded/logs/answers.json").read_text())
WHERE = "log1"


@pytest.fixture(scope="module")
def store() -> LogStore:
    """The central log of the lab."""
    return load_environment(ROOT / "environments/logged.yaml").logs[0]


def test_each_machine_has_a_newest_line() -> None:
    """By the store's own reading of its time."""
    newest = read_newest(ANSWERS["newest"], where=WHERE)
    assert set(newest) == {"log1", "web1", "web2"}
    assert all(at is not None and 0 <= ANSWERS["now"] - at < 900 for at in newest.values())


def test_lines_are_as_old_as_they_are() -> None:
    """Thirteen days of history, none too old, and no day without a line."""
    now = ANSWERS["now"]
    kept = read_kept(ANSWERS["kept"], ANSWERS["listed"], now, now - 15 * DAY, where=WHERE)
    assert kept.oldest is not None
    assert 12 * DAY < now - kept.oldest < 14 * DAY
    assert (kept.too_old, kept.untimed, kept.days, kept.days_without) == (0, 0, 10, ())
    assert kept.closed_and_old == ()


def test_a_day_without_a_line_is_told_by_how_long_ago_it_was() -> None:
    """The spans come the oldest first."""
    said = json.loads(json.dumps(ANSWERS["kept"]))
    said["aggregations"]["days"]["buckets"][2]["doc_count"] = 0
    kept = read_kept(said, ANSWERS["listed"], ANSWERS["now"], 0.0, where=WHERE)
    assert kept.days_without == (7,)


def test_a_closed_index_is_told_where_it_is_old() -> None:
    """Nobody finds its lines, and they are still there."""
    listed = [{"index": "logs-old", "status": "close", "creation.date": "1000000000000"}]
    found = read_kept(ANSWERS["kept"], listed, ANSWERS["now"], 1_500_000_000.0, where=WHERE)
    assert found.closed_and_old == ("logs-old",)
    newer = read_kept(ANSWERS["kept"], listed, ANSWERS["now"], 900_000_000.0, where=WHERE)
    assert newer.closed_and_old == ()


def test_only_a_full_disk_and_a_closed_cluster_are_blocks() -> None:
    """An old index that is closed to writes is what a rollover leaves."""
    blocks = {
        "logs-1": {"8": {"description": "index write (api)"}},
        "logs-2": {"12": {"description": "index read-only / allow delete (api)"}},
        "other": {"12": {}},
    }
    said = {"blocks": {"indices": blocks}}
    assert read_blocks(ANSWERS["blocks"], {"logs-1"}, where=WHERE) == ()
    assert read_blocks(said, {"logs-1", "logs-2"}, where=WHERE) == ("logs-2",)
    everything: dict[str, Any] = {"blocks": {"global": {"6": {}}}}
    assert read_blocks(everything, set(), where=WHERE) == ("the whole cluster",)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {**ANSWERS["newest"], "timed_out": True},
        {**ANSWERS["newest"], "_shards": {"failed": 1}},
        {**ANSWERS["newest"], "_shards": {"failed": "0"}},
        {**ANSWERS["newest"], "aggregations": {"hosts": {"buckets": []}}},
        {**ANSWERS["newest"], "aggregations": {"hosts": {"buckets": {"x": {"last": {}}}}}},
        {
            **ANSWERS["newest"],
            "aggregations": {"hosts": {"buckets": {"x": {"last": {"value": "NaN"}}}}},
        },
    ],
)
def test_a_part_of_the_lines_is_no_answer(body: Any) -> None:
    """Neither is what is no search's answer at all."""
    with pytest.raises(NotUnderstood, match=WHERE):
        read_newest(body, where=WHERE)


@given(
    value=st.from_regex(r"[a-z]{4}[A-Za-z0-9@.-]{4,30}", fullmatch=True),
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
)
def test_base64_is_found_wherever_the_value_begins(value: str, before: bytes, after: bytes) -> None:
    """One of the three forms stands in the base64 of whatever holds the value."""
    coded = base64.b64encode(before + value.encode() + after).decode()
    assert any(one in coded for one in fragments(value)["base64"])


def test_the_control_has_each_encoding() -> None:
    """Each form of a value stands in a line that is written for it."""
    value = "control-readiness0123456789@example.test"
    lines = written(value)
    for parts in fragments(value).values():
        assert all(any(part in line for line in lines) for part in parts)


def test_every_field_with_text_is_searched() -> None:
    """Those that are cut into words, by words; those that are not, by a part of them."""
    fields = read_fields(ANSWERS["fields"], where=WHERE)
    assert "message" in fields.analysed
    assert {"host", "program", "severity"} <= set(fields.whole)
    asked = questions("a*b?c@example.test", fields)
    assert {
        "wildcard": {"host": {"value": r"*a\*b\?c@example.test*", "case_insensitive": True}}
    } in (asked["plain"])
    nothing: tuple[Any, ...] = (None, {}, {"fields": {}}, {"fields": {"@timestamp": {"date": {}}}})
    for body in nothing:
        with pytest.raises(NotUnderstood):
            read_fields(body, where=WHERE)


def hit(at: float, **source: str) -> dict[str, Any]:
    """A line that was found."""
    return {"_source": source, "fields": {"@timestamp": [str(round(at * 1000))]}}


def seen(store: LogStore, *hits: dict[str, Any]) -> Any:
    """What is read of a line of web1 that was written between 1000 and 1001."""
    line = Line("web1", "mark", 1000.0, 1001.0)
    line.last[WHERE] = {"hits": {"total": {"value": len(hits)}, "hits": list(hits)}}
    return read_seen(store, line, WHERE, where=WHERE)


def test_a_line_is_as_far_off_as_its_time(store: LogStore) -> None:
    """Within the time it was written it is not off at all."""
    assert seen(store, hit(1000.5, host="web1", severity="warning")).off == 0
    assert seen(store, hit(4601.0, host="web1")).off == 3600
    assert seen(store, hit(1000.5), hit(-2600.0)).off == -3600
    assert seen(store).off is None
    assert seen(store).after.upper is None
    assert seen(store, {"_source": {}}).off is None
    assert seen(store, hit(1000.5, host="x\x1b[0m\n")).hosts != ("x\x1b[0m\n",)


def answering(identity: Path, status: int, body: bytes) -> AbstractContextManager[int]:
    """A server that answers everything so, over TLS."""
    return replaying(identity, lambda _: (status, body), leads_to="/login")


@pytest.fixture
def target(pki: Hierarchy, tmp_path: Path) -> Target:
    """A node on loopback whose port is still to be filled in."""
    (tmp_path / "ca.pem").write_bytes(pki.root.pem)
    return Target("central/log1", NAME, "127.0.0.1", 0, tmp_path / "ca.pem", ("reader", "s3cret"))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"<html>Sign in</html>", NotUnderstood),
        (302, b"{}", NotUnderstood),
        (429, b"{}", Unreachable),
        (500, b"{}", Unreachable),
        (503, b"OpenSearch Security not initialized.", Unreachable),
        (401, b"{}", AccessDenied),
        (403, b"{}", AccessDenied),
        (200, b"[" * 100_000, NotUnderstood),
    ],
)
def test_what_is_no_good_answer_is_none(
    target: Target, healthy_file: Path, status: int, body: bytes, kind: type[Exception]
) -> None:
    """A login page, a redirect, a busy node: in one line, and without the password."""
    with answering(healthy_file, status, body) as port, pytest.raises(kind) as caught:
        require(replace(target, port=port), "GET", "/_cat/indices?format=json")
    assert str(caught.value).startswith("central/log1 (127.0.0.1:")
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_answer_without_an_end_is_bounded(
    target: Target, healthy_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is read than may come."""
    monkeypatch.setattr(client, "MOST", 1000)
    with (
        answering(healthy_file, 200, b" " * 2000) as port,
        pytest.raises(NotUnderstood, match="more than 1000 bytes"),
    ):
        require(replace(target, port=port), "GET", "/")


def test_who_is_not_there_is_unreachable(target: Target) -> None:
    """A closed port is no answer."""
    with pytest.raises((Unreachable, TimedOut)):
        require(replace(target, port=1), "GET", "/")
