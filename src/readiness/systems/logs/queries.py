"""What a central log is asked, as documents of OpenSearch's and Elasticsearch's search interface.

Query DSL of OpenSearch 2 and Elasticsearch 7 and 8, which are the same here. Times are handed over
and come back as milliseconds, so that the store's own reading of a time is what counts.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

from readiness.site.declared.machine import Machine
from readiness.systems.logs.declared import DAY, MOST_LINES, LogFields, LogStore

MOST_DAYS: Final = 400  # in which lines are looked for one by one
MOST_SPANS: Final = 20_000  # of all machines; a store answers 65,535 (search.max_buckets)
MILLIS: Final = "epoch_millis"


def whole(indices: str) -> str:
    """The path of a search that fails where it could not ask every shard."""
    return f"/{indices}/_search?preference=_local&allow_partial_search_results=false"


def millis(seconds: float) -> int:
    """A time as the store takes it."""
    return round(seconds * 1000)


def of_host(fields: LogFields, machine: Machine) -> dict[str, Any]:
    """Lines of a machine, by what it is known as, or by a full name; in large or small letters."""
    known = (machine.name, *machine.names, *machine.addresses)
    ways: list[dict[str, Any]] = [{"match_phrase": {fields.host: one}} for one in known]
    for field in (fields.host, f"{fields.host}.keyword"):
        ways += [{"term": {field: {"value": one, "case_insensitive": True}}} for one in known]
        full = {"value": f"{machine.name}.", "case_insensitive": True}
        ways.append({"prefix": {field: full}})
    return {"bool": {"should": ways, "minimum_should_match": 1}}


def newest(store: LogStore, machines: Sequence[Machine]) -> dict[str, Any]:
    """The time of the newest line of each machine that ships."""
    last = {"last": {"max": {"field": store.fields.time, "format": MILLIS}}}
    hosts = {one.name: of_host(store.fields, one) for one in machines}
    return {"size": 0, "aggs": {"hosts": {"filters": {"filters": hosts}, "aggs": last}}}


def kept(store: LogStore, machines: Sequence[Machine], now: float) -> dict[str, Any]:
    """How old lines are: the oldest, those that are too old, and each day that must have some."""
    field = store.fields.time
    old = {"range": {field: {"lt": millis(now - store.retention.most), "format": MILLIS}}}
    hosts = {one.name: of_host(store.fields, one) for one in machines}
    every, each = days(store), days(store, machines=len(hosts))
    return {
        "size": 0,
        "track_total_hits": True,
        "aggs": {
            "first": {"min": {"field": field, "format": MILLIS}},
            "untimed": {"missing": {"field": field}},
            "old": {"filter": old, "aggs": {"where": {"terms": {"field": "_index", "size": 5}}}},
            "days": _spans(field, now, store.retention.least, every),
            "hosts": {
                "filters": {"filters": hosts},
                "aggs": {"days": _spans(field, now, store.retention.least, each)},
            },
        },
    }


def days(store: LogStore, *, machines: int = 1) -> int:
    """In how many parts of its time lines are looked for: days, or longer ones where few come.

    No part is shorter than a machine may be silent, and all machines have few enough together.
    """
    longest = max(DAY, store.silent)
    return max(min(int(store.retention.least / longest), MOST_DAYS, MOST_SPANS // machines), 1)


def _spans(field: str, now: float, reach: float, parts: int) -> dict[str, Any]:
    width = reach / parts
    ranges = [
        {"from": millis(now - (step + 1) * width), "to": millis(now - step * width)}
        for step in range(parts)
    ]
    return {"date_range": {"field": field, "format": MILLIS, "ranges": ranges}}


def marked(store: LogStore, mark: str, *, since: float, size: int) -> dict[str, Any]:
    """Lines whose message is, or has, a word that nobody else writes."""
    field = store.fields.message
    ways = [
        {"match_phrase": {field: mark}},
        {"wildcard": {field: {"value": f"*{mark}*"}}},
        {"wildcard": {f"{field}.keyword": {"value": f"*{mark}*"}}},
    ]
    # An hour off is what is looked for, and a day off is found, too; not what is a year old.
    recent = {"range": {store.fields.time: {"gte": millis(since - 2 * DAY), "format": MILLIS}}}
    return {
        "size": min(size, MOST_LINES),
        "track_total_hits": True,
        "_source": [store.fields.host, store.fields.message, store.fields.level],
        "docvalue_fields": [{"field": store.fields.time, "format": MILLIS}],
        "query": {"bool": {"should": ways, "minimum_should_match": 1, "filter": [recent]}},
    }


def lines(store: LogStore, ways: list[dict[str, Any]], *, start: int, size: int) -> dict[str, Any]:
    """Some of the lines that one of several questions finds, the newest first."""
    return {
        "from": start,
        "size": size,
        "track_total_hits": True,
        "sort": [{store.fields.time: {"order": "desc", "unmapped_type": "date"}}],
        "query": {"bool": {"should": ways, "minimum_should_match": 1}},
    }


def sampled(store: LogStore, *, indices: int, lines: int) -> dict[str, Any]:
    """The newest lines of each of some indices."""
    order = [{store.fields.time: {"order": "desc", "unmapped_type": "date"}}]
    newest = {"newest": {"top_hits": {"size": lines, "sort": order}}}
    return {
        "size": 0,
        "aggs": {"indices": {"terms": {"field": "_index", "size": indices}, "aggs": newest}},
    }


def by_index(many: int) -> dict[str, Any]:
    """How many lines a search finds in each index."""
    return {"size": 0, "aggs": {"indices": {"terms": {"field": "_index", "size": many}}}}


def now() -> float:
    """The time, in seconds since the epoch."""
    return time.time()
