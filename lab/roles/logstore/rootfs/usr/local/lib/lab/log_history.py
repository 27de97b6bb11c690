"""Makes what indices look like, and the days before the lab's start (a stand-in for history)."""

import datetime as dt
import json
import subprocess
import time

from log_store import ask, indices  # type: ignore[import-not-found]

DAYS = 13
HOURS = (1, 7, 13, 19)
MACHINES = ("log1", "web1", "web2")
TEMPLATE = {
    "index_patterns": ["logs-*"],
    "template": {
        "settings": {"number_of_shards": 1, "number_of_replicas": 0},
        "mappings": {
            "properties": {
                "@timestamp": {"type": "date"},
                "host": {"type": "keyword"},
                "severity": {"type": "keyword"},
                "program": {"type": "keyword"},
                "message": {"type": "text"},
            }
        },
    },
}
PATIENCE = 120  # seconds until the store is up, as Java starts


def wait() -> None:
    """Until the store lets its administrator in."""
    for _ in range(PATIENCE):
        try:
            ask("/_cluster/health")
        except subprocess.CalledProcessError:
            time.sleep(1)
        else:
            return
    raise SystemExit("the store is not up")


def day(date: dt.date) -> str:
    """The lines of one day, as the bulk interface takes them."""
    lines = []
    for host in MACHINES:
        for hour in HOURS:
            at = dt.datetime.combine(date, dt.time(hour), dt.UTC)
            made = {"@timestamp": at.isoformat(), "host": host, "severity": "info"}
            made |= {"program": "history", "message": "a line of the history that was made"}
            lines += [json.dumps({"create": {}}), json.dumps(made)]
    return "".join(f"{one}\n" for one in lines)


def main() -> None:
    """Make what is missing."""
    wait()
    known = json.loads(ask("/_cat/templates/logs?format=json"))
    ask("/_index_template/logs", method="PUT", body=json.dumps(TEMPLATE))
    if not known:
        # Whoever shipped before there was a template made an index of another kind.
        ask("/logs-*", method="DELETE")
    there = indices("logs-*")
    today = dt.datetime.now(dt.UTC).date()
    for back in range(1, DAYS + 1):
        date = today - dt.timedelta(days=back)
        name = f"logs-{date:%Y.%m.%d}"
        if name not in there:
            ask(f"/{name}/_bulk?refresh=true", method="POST", body=day(date))


if __name__ == "__main__":
    main()
