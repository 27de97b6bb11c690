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
from readiness.systems.logs.encoded import encodings_in, fragments, written
from readiness.systems.logs.queries import days
from readiness.systems.logs.reading import (
    LogsKept,
    read_allocates,
    read_blocks,
    read_hidden,
    read_kept,
    read_largest,
    read_newest,
    read_room,
)
from readiness.systems.logs.searched import candidates, read_fields, texts

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


def read(store: LogStore, said: Any, listed: Any = ANSWERS["listed"]) -> LogsKept:
    """What is read of how long lines are kept."""
    return read_kept(said, listed, store, ANSWERS["now"], 0, where=WHERE)


def test_lines_are_as_old_as_they_are(store: LogStore) -> None:
    """Thirteen days of history, none too old, and no day without a line of any machine."""
    now = ANSWERS["now"]
    kept = read(store, ANSWERS["kept"])
    assert kept.oldest is not None
    assert 12 * DAY < now - kept.oldest < 14 * DAY
    assert (kept.too_old, kept.untimed, kept.days, kept.days_without) == (0, 0, 10, ())
    assert kept.closed_and_old == ()
    assert kept.gaps == {"log1": (), "web1": (), "web2": ()}
    assert kept.part == DAY


def test_a_day_without_a_line_is_told_by_how_long_ago_it_was(store: LogStore) -> None:
    """The spans come the oldest first, those of each machine, too."""
    said = json.loads(json.dumps(ANSWERS["kept"]))
    said["aggregations"]["days"]["buckets"][2]["doc_count"] = 0
    hosts = said["aggregations"]["hosts"]["buckets"]
    hosts["web2"]["days"]["buckets"][0]["doc_count"] = 0
    kept = read(store, said)
    assert kept.days_without == (7,)
    assert kept.gaps == {"log1": (), "web1": (), "web2": (9,)}


def test_no_part_of_the_time_is_shorter_than_a_machine_may_be_silent(store: LogStore) -> None:
    """Nor are there more than a store answers, however many machines there are."""
    assert days(store) == 10
    assert days(store.model_copy(update={"silent": 3 * DAY})) == 3
    assert days(store.model_copy(update={"silent": 30 * DAY})) == 1
    assert days(store, machines=5000) == 4


def test_what_our_login_is_not_shown_is_counted() -> None:
    """The list counts every line of an index, a search those that our rights reach."""
    assert read_hidden(ANSWERS["listed"], ANSWERS["counted"], where=WHERE) == 0
    said = json.loads(json.dumps(ANSWERS["counted"]))
    said["aggregations"]["indices"]["buckets"][0]["doc_count"] -= 3
    hidden = read_hidden(ANSWERS["listed"], said, where=WHERE)
    assert 0 <= hidden <= 3
    listed = [{"index": "logs-1", "status": "open", "docs.count": "7"}]
    assert read_hidden(listed, ANSWERS["counted"], where=WHERE) == 7
    listed = [{"index": "logs-1", "status": "close", "docs.count": ""}]
    assert read_hidden(listed, ANSWERS["counted"], where=WHERE) == 0


def test_room_is_what_is_left_of_all_nodes() -> None:
    """A setting for now comes before one for ever, and no limit is none."""
    settings, health = ANSWERS["settings"], ANSWERS["health"]
    there = health["active_shards"]
    assert read_room(settings, health, where=WHERE) == 1000 - there
    for kind, many in (("persistent", "20"), ("transient", "30")):
        settings = {**settings, kind: {"cluster": {"max_shards_per_node": many}}}
        assert read_room(settings, health, where=WHERE) == int(many) - there
    settings = {"transient": {"cluster": {"max_shards_per_node": "-1"}}}
    assert read_room(settings, health, where=WHERE) is None
    assert read_allocates(ANSWERS["settings"], where=WHERE) == "all"
    assert read_largest(ANSWERS["listed"], where=WHERE) == 1
    bodies: tuple[Any, ...] = (None, [], {}, {"defaults": {"cluster": []}})
    for body in bodies:
        with pytest.raises(NotUnderstood, match="the settings have no cluster"):
            read_room(body, health, where=WHERE)
        with pytest.raises(NotUnderstood, match="the settings have no cluster"):
            read_allocates(body, where=WHERE)


def test_a_closed_index_is_told_where_it_is_old(store: LogStore) -> None:
    """Nobody finds its lines, and they are still there."""
    listed = [{"index": "logs-old", "status": "close", "creation.date": "1000000000000"}]
    assert read(store, ANSWERS["kept"], listed).closed_and_old == ("logs-old",)
    made = round((ANSWERS["now"] - DAY) * 1000)
    listed = [{"index": "logs-new", "status": "close", "creation.date": str(made)}]
    assert read(store, ANSWERS["kept"], listed).closed_and_old == ()
    listed = [{"index": "logs-new", "status": "close", "creation.date": "yesterday"}]
    with pytest.raises(NotUnderstood, match="is no whole number"):
        read(store, ANSWERS["kept"], listed)


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


def every(value: str, fields: Any) -> list[Any]:
    """All questions of all searches."""
    return [
        one
        for some in candidates(fragments(value), read_fields(fields, where=WHERE))
        for one in some
    ]


def test_every_field_with_text_is_searched() -> None:
    """Those that are cut into words by words, those that are not by a part of them."""
    asked = every("a*b?c@example.test", ANSWERS["fields"])
    assert {
        "wildcard": {"host": {"value": r"*a\*b\?c@example.te*", "case_insensitive": True}}
    } in asked
    assert {name for one in asked for name in one.get("wildcard", {})} >= {"host", "severity"}
    assert any("message" in str(one) for one in asked)
    nothing: tuple[Any, ...] = (None, {}, {"fields": {}}, {"fields": {"@timestamp": {"date": {}}}})
    for body in nothing:
        with pytest.raises(NotUnderstood):
            read_fields(body, where=WHERE)


def test_a_field_is_asked_as_what_it_is_where_it_is_that() -> None:
    """A number in one index and a text in another, in an object of its own, or not at all."""
    many = {"searchable": True, "indices": ["logs-1"]}
    fields = {
        "fields": {
            "code": {"long": many, "keyword": {**many, "indices": ["logs-2"]}},
            "people": {"nested": {"searchable": False}},
            "people.number": {"long": {"searchable": True}},
            "kept": {"keyword": {"searchable": False}},
            "_id": {"keyword": {"searchable": True}},
        }
    }
    asked = every("12345678", fields)
    said = json.dumps(asked)
    first = {"terms": {"_index": ["logs-1"]}}
    assert {"bool": {"filter": [first, {"term": {"code": 12345678}}]}} in asked
    assert {
        "nested": {
            "path": "people",
            "ignore_unmapped": True,
            "query": {"term": {"people.number": 12345678}},
        }
    } in asked
    assert '"kept"' not in said
    assert '"_id"' not in said
    assert read_fields(fields, where=WHERE).has_nested


def test_a_line_is_held_by_what_a_search_sees() -> None:
    """By the field, one below it, or one around it; by nothing where none can be asked."""
    told = {name: {"keyword": {"searchable": True}} for name in ("a.b", "a.b.raw", "flat")}
    fields = read_fields({"fields": {**told, "c": {"binary": {"searchable": False}}}}, where=WHERE)
    for path, names in (("a.b", {"a.b", "a.b.raw"}), ("flat.x.y", {"flat"}), ("c", set[str]())):
        said = json.dumps(fields.holding(path, "logs-1", "7"))
        assert {one for one in ("a.b", "a.b.raw", "flat", "c") if f'"{one}"' in said} == names
        assert ("match_none" in said) is not bool(names)


@pytest.mark.parametrize(
    "line",
    [
        "sent to mailto:canary@example.test.",
        "user_CANARY@example.testing",
        "GET /?who=canary%40example.test",
        "GET /?next=%2Ffind%3Fwho%3Dcanary%2540example.test",
        b"canary@example.test".hex().upper(),
        base64.urlsafe_b64encode(b"??>" + b"canary@example.test").decode(),
    ],
)
def test_a_text_says_whether_it_has_a_value(line: str) -> None:
    """Glued to other letters, and in every encoding."""
    assert len(encodings_in(line, fragments("canary@example.test"))) == 1


def test_a_name_with_other_letters_is_found_as_programs_write_it() -> None:
    """As JSON, as an access log, and as a form does."""
    wanted = fragments("Jörg Kanari")
    for text in (r"J\u00f6rg Kanari", r"J\xC3\xB6rg Kanari", "J%C3%B6rg+Kanari", "JÖRG KANARI"):
        assert encodings_in(text, wanted), text
    assert encodings_in("Jorg Kanari", wanted) == []


def test_every_text_of_a_line_has_its_field() -> None:
    """In lists and in objects, as deep as they are; a number is a text, and a truth is none."""
    line = {"a": {"b": ["x", {"c": 7}]}, "d.e": "y", "f": None, "g": True}
    assert sorted(texts(line)) == [("a.b", "x"), ("a.b.c", "7"), ("d.e", "y")]
    deep: Any = "z"
    for _ in range(5000):
        deep = [deep]
    assert list(texts({"a": deep})) == [("a", "z")]


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
