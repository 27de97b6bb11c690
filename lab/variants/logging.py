"""Healthy variants of the lab's site with a central log."""

import datetime as dt

from lab.scene import Scene
from lab.steps import edited, shell
from lab.variants import variant

SITE = "logged"
CONFIG = "/etc/rsyslog.conf"
TWICE = """
cp -a -n /etc/rsyslog.conf /root/rsyslog.conf.once
sed -n '/^action(/,$p' /root/rsyslog.conf.once \\
    | sed 's/name="store"/name="again"/; s/filename="store"/filename="again"/;
           s/writeoperation="create" bulkid="id" dynbulkid="on"//' >> /etc/rsyslog.conf
systemctl restart rsyslog
"""
ONCE = "cp -a /root/rsyslog.conf.once /etc/rsyslog.conf; systemctl restart rsyslog"
DAILY = """    constant(value="logs-")
"""
MONTHLY = """    constant(value="logs-web-")
"""
DAY = """property(name="timereported" dateFormat="day" date.inUTC="on")"""
SILENT = "    silent: 15 min\n"
YESTERDAY = "/logs-$(date -u -d yesterday +%Y.%m.%d)/_settings"


def says(scene: Scene, path: str, word: str) -> str:
    """What of the store's answer has that word."""
    said = scene.ask("log1", "store", "GET", path).out
    return f"{path} has {word}" if word in said else ""


def ships_twice(scene: Scene) -> str:
    """Two actions ship each line."""
    said = scene.ask("web2", "grep", "-c", "^action(", CONFIG).out.strip()
    return "web2 ships each line twice" if said == "2" else ""


HOST = 'property(outname="host" name="hostname" format="jsonf")'
LARGE = 'constant(outname="host" value="WEB2.EXAMPLE.EDU" format="jsonf")'
BEGAN = 4  # days ago
OLD = f"""
names=$(for back in $(seq {BEGAN} 13); do
    date -u -d "$back days ago" +logs-%Y.%m.%d; done | paste -sd,)
"""
FORGET = """
store POST "/$names/_search?size=1000" '{"_source": false, "query": {"term": {"host": "web2"}}}' \\
    | jq -c '.hits.hits[] | {delete: {_index, _id}}' > /run/gone
[ ! -s /run/gone ] || curl --config /etc/opensearch/admin.curl --data-binary @/run/gone \\
    'https://log1.lab.test:9200/_bulk?refresh=true' > /run/deleted
"""
REMEMBER = """
store DELETE "/$names?ignore_unavailable=true"; python3 /usr/local/lib/lab/log_history.py
"""
# Fields as a common shipper's template has them: thousands, of which few are used; `status` is a
# word in one index and a number in the other, and one field is a list of objects of their own.
MANY = """
python3 - > /run/many.json <<'END'
import json
kind = {"type": "keyword", "ignore_above": 1024}
fields = {f"beat.module{one}.field": kind for one in range(3000)}
fields |= {"status": {"type": "keyword"}, "@timestamp": {"type": "date"}}
fields |= {"people": {"type": "nested", "properties": {"name": {"type": "keyword"}}}}
settings = {"number_of_replicas": 0, "index.mapping.total_fields.limit": 10000}
print(json.dumps({"settings": settings, "mappings": {"properties": fields}}))
END
store DELETE '/logs-beat*' || true
store PUT /logs-beat @/run/many.json
store PUT /logs-beat-two '{"settings": {"number_of_replicas": 0},
    "mappings": {"properties": {"status": {"type": "long"}, "@timestamp": {"type": "date"}}}}'
now=$(date -u +%FT%TZ)
store PUT '/logs-beat/_doc/1?refresh=true' "{\"@timestamp\": \"$now\", \"host\": \"web1\",
    \"status\": \"fine\", \"people\": [{\"name\": \"somebody else\"}],
    \"beat.module7.field\": \"something\"}"
store PUT '/logs-beat-two/_doc/1?refresh=true' \\
    "{\"@timestamp\": \"$now\", \"host\": \"web1\", \"status\": 200}"
"""


def since(text: str) -> str:
    """The environment file that says since when web2 ships."""
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=BEGAN)
    return text.replace(SILENT, f"{SILENT}    began: {{web2: {day}}}\n")


VARIANTS = (
    variant(
        "a-host-in-large-letters",
        "One web server ships under its full name, in large letters",
        "So its collector gets it from the DNS; names are the same in any letters.",
        kind="logging",
        site=SITE,
        tier="touch",
        tempts=("LOG-002", "LOG-003", "LOG-005"),
        only=("LOG-002", "LOG-003", "LOG-005"),
        steps=(edited(["web2"], CONFIG, HOST, LARGE, "rsyslog", "restart"),),
        # Its lines stay when the name is taken back, so they show nothing.
        shows=lambda scene: scene.ask("web2", "grep", "-o", "WEB2.EXAMPLE.EDU", CONFIG).out.strip(),
    ),
    variant(
        "a-machine-that-began-later",
        "One web server ships since four days, and ten are declared for all others",
        "It was bought then; the environment file says so.",
        kind="logging",
        site=SITE,
        tempts=("LOG-003",),
        steps=(shell(["log1"], OLD + FORGET, OLD + REMEMBER, limit=120.0),),
        environment=since,
        shows=lambda scene: says(
            scene, "/logs-*/_search?q=host:web2+AND+@timestamp:%3Cnow-6d&size=0", '"value":0'
        ),
    ),
    variant(
        "thousands-of-fields",
        "Two indices have thousands of fields, one of which is a word here and a number there",
        "The template of a common shipper is like that; hardly any of it is used.",
        kind="logging",
        site=SITE,
        tier="touch",
        tempts=("LOG-008",),
        only=("LOG-008",),
        steps=(shell(["log1"], MANY, "store DELETE '/logs-beat*' || true", limit=120.0),),
        shows=lambda scene: says(scene, "/_cat/indices/logs-*?h=index", "logs-beat-two"),
    ),
    variant(
        "lines-kept-at-least-once",
        "Lines of one web server are kept twice, and the site declares that they may be",
        "At-least-once delivery is what most collectors promise; duplicates are told apart later.",
        kind="logging",
        site=SITE,
        tempts=("LOG-005",),
        tier="touch",
        only=("LOG-005",),
        steps=(shell(["web2"], TWICE, ONCE),),
        environment=lambda text: text.replace(
            "    silent: 15 min\n", "    silent: 15 min\n    copies: 3\n"
        ),
        shows=ships_twice,
    ),
    variant(
        "an-index-a-month",
        "One web server's lines go into an index of their own, one a month",
        "Small sources get few indices; their names tell another day than their lines.",
        kind="logging",
        site=SITE,
        tempts=("LOG-001", "LOG-002", "LOG-003"),
        steps=(
            edited(["web2"], CONFIG, DAILY, MONTHLY, "rsyslog", "restart"),
            shell(["log1"], "true", "store DELETE '/logs-web-*' || true"),
        ),
        shows=lambda scene: says(scene, "/_cat/indices/logs-*?h=index", "logs-web-"),
    ),
    variant(
        "an-old-index-of-something-else",
        "The store has an index that is a year old and holds no logs",
        "Others use it, too; what is declared is the pattern of the logs.",
        kind="logging",
        site=SITE,
        tempts=("LOG-003",),
        steps=(
            shell(
                ["log1"],
                """store PUT /metrics-2020 '{"settings": {"number_of_replicas": 0}}';"""
                " store PUT '/metrics-2020/_doc/1?refresh=true'"
                """ '{"@timestamp": "2020-01-01T00:00:00Z", "host": "web1"}'""",
                "store DELETE '/metrics-2020?ignore_unavailable=true'",
            ),
        ),
        shows=lambda scene: says(scene, "/_cat/indices?h=index", "metrics-2020"),
    ),
    variant(
        "yesterdays-index-takes-no-lines",
        "The index of yesterday is closed to writes, as a rollover leaves it",
        "Nobody writes there any more; it may be merged and moved.",
        kind="logging",
        site=SITE,
        tempts=("LOG-001",),
        steps=(
            shell(
                ["log1"],
                f"""store PUT "{YESTERDAY}" '{{"index.blocks.write": true}}'""",
                f"""store PUT "{YESTERDAY}" '{{"index.blocks.write": null}}'""",
            ),
        ),
        shows=lambda scene: says(
            scene, "/logs-*/_settings?flat_settings", '"index.blocks.write":"true"'
        ),
    ),
    variant(
        "one-copy-too-few",
        "An index has a copy that no node is there for, and is yellow",
        "A single node is yellow by default; no line is missing.",
        kind="logging",
        site=SITE,
        tempts=("LOG-001",),
        steps=(
            shell(
                ["log1"],
                """store PUT '/logs-*/_settings' '{"index.number_of_replicas": 1}'""",
                """store PUT '/logs-*/_settings' '{"index.number_of_replicas": 0}'""",
            ),
        ),
        shows=lambda scene: says(scene, "/_cluster/health/logs-*", '"status":"yellow"'),
    ),
)
