"""What a central log is asked, as documents of OpenSearch's and Elasticsearch's search interface.

Query DSL of OpenSearch 2 and Elasticsearch 7 and 8, which are the same here. Times are handed over
and come back as milliseconds, so that the store's own reading of a time is what counts.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from readiness.systems.logs.declared import DAY, MOST_LINES, LogFields, LogStore

MOST_DAYS: Final = 400  # in which lines are looked for one by one
MILLIS: Final = "epoch_millis"


def whole(indices: str) -> str:
    """The path of a search that fails where it could not ask every shard."""
    return f"/{indices}/_search?preference=_local&allow_partial_search_results=false"


def millis(seconds: float) -> int:
    """A time as the store takes it."""
    return round(seconds * 1000)


def of_host(fields: LogFields, name: str) -> dict[str, Any]:
    """Lines of a machine, by its name or by a full one that begins with it."""
    ways = [
        {"match_phrase": {fields.host: name}},
        {"prefix": {fields.host: f"{name}."}},
        {"prefix": {f"{fields.host}.keyword": f"{name}."}},
    ]
    return {"bool": {"should": ways, "minimum_should_match": 1}}


def newest(store: LogStore) -> dict[str, Any]:
    """The time of the newest line of each machine that ships."""
    last = {"last": {"max": {"field": store.fields.time, "format": MILLIS}}}
    hosts = {name: of_host(store.fields, name) for name in store.ships}
    return {"size": 0, "aggs": {"hosts": {"filters": {"filters": hosts}, "aggs": last}}}


def kept(store: LogStore, now: float) -> dict[str, Any]:
    """How old lines are: the oldest, those that are too old, and each day that must have some."""
    field = store.fields.time
    old = {"range": {field: {"lt": millis(now - store.retention.most), "format": MILLIS}}}
    steps = min(max(int(store.retention.least / DAY), 1), MOST_DAYS)
    width = store.retention.least / steps
    spans = [
        {"from": millis(now - (step + 1) * width), "to": millis(now - step * width)}
        for step in range(steps)
    ]
    return {
        "size": 0,
        "track_total_hits": True,
        "aggs": {
            "first": {"min": {"field": field, "format": MILLIS}},
            "untimed": {"missing": {"field": field}},
            "old": {"filter": old, "aggs": {"where": {"terms": {"field": "_index", "size": 5}}}},
            "days": {"date_range": {"field": field, "format": MILLIS, "ranges": spans}},
        },
    }


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


def counted(queries: Sequence[tuple[str, Iterable[dict[str, Any]]]]) -> dict[str, Any]:
    """How many lines each of several named questions finds, at once."""
    filters = {
        name: {"bool": {"should": list(ways), "minimum_should_match": 1}} for name, ways in queries
    }
    return {"size": 0, "aggs": {"named": {"filters": {"filters": filters}}}}


def now() -> float:
    """The time, in seconds since the epoch."""
    return time.time()
