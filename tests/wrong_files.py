"""Files with one mistake each: what is replaced in a good file, and how the refusal must read."""

from dataclasses import dataclass
from pathlib import Path

ENVIRONMENTS = Path(__file__).parent.parent / "environments"
LAB = (ENVIRONMENTS / "lab.yaml").read_text(encoding="utf-8")
POLICY = (ENVIRONMENTS / "policy.yaml").read_text(encoding="utf-8")
PASSWORD = "password: file:/var/lib/readiness-lab/secrets/pg/observe.password"


@dataclass(frozen=True)
class Wrong:
    """One mistake; `shape` says that the JSON Schema refuses it too."""

    old: str
    new: str
    line: str
    shape: bool = True
    elsewhere: bool = False  # the refusal points at another line, which no longer fits

    def __str__(self) -> str:
        """Its name in the list of tests."""
        return self.new.strip() or f"without {self.old.strip()}"

    def within(self, text: str) -> str:
        """The text with the mistake in it."""
        assert self.old in text
        return text.replace(self.old, self.new, 1)


WRONG_ENVIRONMENTS = (
    Wrong("\nmachines:", "\nmachnes:", "machnes: unknown key, did you mean 'machines'?"),
    Wrong("looks_from: ops\n", "", "expected a declared zone", shape=False),
    Wrong("schema: 1", "schema: 2", "schema: was written for a newer version of readiness"),
    Wrong("schema: 1", "schema: '1'", "schema: wrong schema number; expected 1, found '1'"),
    Wrong("kind: rehearsal", "kind: prod", "found 'prod'"),
    Wrong("name: lab", "name: The Lab", "expected a name of lower-case letters"),
    Wrong("port: 443", "port: '443'", "expected a whole number, found '443'"),
    Wrong("port: 443", "port: 70000", "expected at most 65535, found 70000"),
    Wrong("port: 443", "port: yes", "expected a whole number, found 'yes'"),
    Wrong("own_name: true", "own_name: on", "expected true or false, found 'on'"),
    Wrong("recovery_time: 30 min", "recovery_time: 60", "a duration such as '30 s'"),
    Wrong("recovery_time: 30 min", "recovery_time: 30 m", "found '30 m'"),
    Wrong("lag_bytes: 1 MiB", "lag_bytes: 1 mib", "a size such as '10 MiB'"),
    Wrong("availability: 99.9", "availability: 100", "expected less than 100, found 100"),
    Wrong(
        "[observe, touch, load, disrupt]",
        "observe",
        "permissions.tiers: wrong value; expected a list",
    ),
    Wrong("[observe, touch, load, disrupt]", "[obsrve]", "permissions.tiers[0]"),
    Wrong("chrony, pebble,", "'chrony; reboot',", "expected the name of a systemd unit"),
    Wrong("members: [db1, db2, db3]", "members: []", "expected at least 1 entry"),
    Wrong("user: observer", "user: -oProxyCommand=x", "expected a user name"),
    Wrong("198.18.1.12", "198.18.1.400", "expected an IPv4 or IPv6 address"),
    Wrong("public: file:", "public: ", "authorities.public: wrong value; expected a reference"),
    Wrong(
        "  sign_in:\n    path: /auth/login\n",
        "  sign_in:\n",
        "audit.sign_in.path: wrong value; expected either a path",
        shape=False,
    ),
    Wrong("student/{subject}", "student/1", "expected a path with {subject}", shape=False),
    Wrong("schema: audit", "schema: a.b", "audit.trail.schema: wrong value"),
    Wrong("    guards: [refuse_change, refuse_truncate]\n", "", "append_only.guards: is missing"),
    Wrong(
        "name: records\n  balancer: portal",
        "name: records\n  balancer: portl",
        "audit.balancer: wrong value; expected a declared balancer (did you mean 'portal'?)",
        shape=False,
    ),
    Wrong(
        "database: paws360-db\n    schema",
        "database: paws\n    schema",
        "audit.trail.database: wrong value; expected a declared database",
        shape=False,
    ),
    Wrong("identity: file:", "identity: env:", "identity: wrong value; expected a reference"),
    Wrong(
        "path: /courses\n    contains: '\"credits\"'\n    cache: no-store\n\n# Synthetic",
        "path: /courses\n\n# Synthetic",
        "pages[0]: wrong value; expected what the page contains, or the statuses to expect",
        shape=False,
        elsewhere=True,
    ),
    Wrong(
        "pages:\n  - listener: portal\n",
        "pages:\n  - listener: postgresql\n",
        "pages[0].listener: wrong value; expected a declared HTTPS listener",
        shape=False,
    ),
    Wrong(
        "pages:\n  - listener: portal\n    path: /courses\n",
        "pages:\n  - listener: portal\n    path: /courses\n    status: 503\n",
        "pages[0].status: wrong value; expected at most 499, found 503",
    ),
    Wrong("      port: 80", "      prot: 80", "plain_http.prot: unknown key, did you mean 'port'?"),
    Wrong(PASSWORD, "password: hunter2", "expected a reference, file:PATH or env:NAME"),
    Wrong(PASSWORD, "password: env:1a", "expected a reference, file:PATH or env:NAME"),
    Wrong(PASSWORD, "password: [hunter2]", "found a list"),
    Wrong(PASSWORD, "password: 271828", "found a single value"),
    Wrong(PASSWORD, "pasword: hunter2", "pasword: unknown key, did you mean 'password'?"),
    Wrong("- name: edge2", "- name: edge1", "each machine once, found 'edge1' twice", shape=False),
    Wrong("zone: edge", "zone: egde", "a declared zone (did you mean 'edge'?)", shape=False),
    Wrong("looks_from: ops", "looks_from: moon", "looks_from: wrong value", shape=False),
    Wrong("[edge1, edge2]", "[edge1, edge3]", "listeners[0].machines[1]", shape=False),
    Wrong("22/tcp, 80/tcp", "22/tcp, 80", "expected a port such as 443/tcp", shape=True),
    Wrong("22/tcp, 80/tcp", "22/tcp, 22/tcp", "each port once, found '22/tcp' twice", shape=False),
    Wrong(
        "    listener: portal", "    listener: etcd-peer", "a declared HTTPS listener", shape=False
    ),
    Wrong(
        "    servers: [app1, app2]",
        "    servers: [app1, app9]",
        "balancers[0].servers[1]",
        shape=False,
    ),
    Wrong("served_by: X-Served-By", "served_by: a b", "expected the name of a header"),
    Wrong(
        "        machines: [app1, app2]",
        "        machines: [app1, app9]",
        "failover.pooled.machines[1]",
        shape=False,
    ),
    Wrong(
        "quorum: 2", "quorum: 1", "sentinel.quorum: wrong value; expected a majority", shape=False
    ),
    Wrong("    sentinel:\n", "    automation: none\n    sentinel:\n", "sentinel", shape=False),
    Wrong("    sentinel:\n", "    automation: sentinel\n    sentinel:\n", "caches[0].automation"),
    Wrong("    patroni:\n", "    automation: none\n    patroni:\n", "no `patroni`", shape=False),
    Wrong(
        "    patroni:\n      port: 8008\n      authority: internal\n",
        "",
        "databases[0].consensus: wrong value; expected the `patroni` that leans on this store",
        shape=False,
    ),
    Wrong(
        "    failover:\n", "    touch_schema: other\n    failover:\n", "'readiness'", shape=False
    ),
    Wrong("    patroni:\n", "    automation: maybe\n    patroni:\n", "expected 'none'"),
    Wrong(
        "    sentinel:\n", "    eviction: [allkeys-lru]\n    sentinel:\n", "caches[0].eviction[0]"
    ),
    Wrong(
        "    sentinel:\n",
        "    good_replicas: 3\n    sentinel:\n",
        "expected at most 2, one member being the master",
        shape=False,
    ),
    Wrong(
        "    sentinel:\n",
        "    persistence: snapshots\n    sentinel:\n",
        "snapshot_age beside persistence: snapshots",
        shape=False,
    ),
    Wrong(
        "      machines: [cache1, cache2, cache3]\n      watches",
        "      machines: []\n      watches",
        "expected at least 1 entry",
    ),
    Wrong(
        "    members: [cache1, cache2, cache3]",
        "    members: [cache1, cache2, cache9]",
        "caches[0].members[2]",
        shape=False,
    ),
    Wrong("authority: public", "authority: publik", "listeners[0].authority", shape=False),
    Wrong("[db1, db2, db3]\n    port", "[db1, db2, db2]\n    port", "members[2]", shape=False),
    Wrong(
        "2001:2:0:1::12", "2001:2:0:1:0::11", "2001:2:0:1::11 again (already at edge1)", shape=False
    ),
    Wrong("expiry: 150 s", "expiry: 30 s", "databases[0].failover.expiry", shape=False),
    Wrong("synchronous_standbys: 1", "synchronous_standbys: 3", "expected at most 2", shape=False),
    Wrong(
        "protocol: https", "protocol: tls", "plain_http only beside protocol: https", shape=False
    ),
    Wrong("    rate: 25", "    rate: 0", "expected more than 0, found 0"),
    Wrong("within: 500 ms", "within: 10 s", "load_tests[0].within", shape=False),
    Wrong("    rate: 25", "    journeys: [surf]\n    rate: 25", "load_tests[0].journeys[0]"),
    Wrong(
        "    rate: 25", "    own_journeys: [a.py]\n    rate: 25", "expected a reference file:PATH"
    ),
    Wrong(
        "    rate: 25",
        "    journeys: []\n    rate: 25",
        "expected browse, sign-in or a file in own_journeys, found nothing",
        shape=False,
    ),
    Wrong(
        "- name: signed-in",
        "- name: catalogue",
        "each page once, found 'catalogue' twice",
        shape=False,
    ),
    Wrong(
        "database: paws360-db\n    repository",
        "database: paws\n    repository",
        "backups[0].database",
        shape=False,
    ),
    Wrong("      machine: backup1", "      machine: backup9", "repository.machine", shape=False),
    Wrong("      machine: spare", "      machine: db2", "holds neither the database", shape=False),
    Wrong("      machine: spare", "      machine: backup1", "nor its backups", shape=False),
    Wrong("    age: 26 h", "    age: 2 h", "at least as long as `every`", shape=False),
    Wrong("stanza: paws360", "stanza: '--config=x'", "expected a name of lower-case letters"),
    Wrong("path: /var/lib/pgbackrest", "path: /var/../etc", "a folder such as /var/lib"),
    Wrong("path: /var/lib/pgbackrest", "path: '/var/lib/a b'", "a folder such as /var/lib"),
    Wrong("public.alembic_version", "alembic_version", "a table with its schema, such as"),
    Wrong("role: portal_migrate", "role: -U postgres", "migrations.role"),
    Wrong('downgrade, "-1"]', 'downgrade, "; rm"]', "a word that no shell reads otherwise"),
    Wrong("        folder: /opt/portal/app\n", "", "folder"),
    Wrong("    names: [portal.lab.test]\n", "", "at least one entry in names", shape=False),
    Wrong("  scan: true", "  scan: yes", "permissions.scan: wrong value; expected true or false"),
    Wrong("closed: dropped", "closed: rejected", "firewall.closed: wrong value"),
    Wrong("    user: scanner", "    user: -x", "firewall.login.user: wrong value"),
    Wrong(
        "edge: [198.18.1.0/24", "edgy: [198.18.1.0/24", "of the zone edgy", False, elsewhere=True
    ),
    Wrong("[198.18.1.0/24", "[198.18.1.7/24", "a network such as 10.0.0.0/24", shape=False),
    Wrong("[198.18.1.0/24", "[198.18.0.0/16", "networks that do not meet", shape=False),
    Wrong("[198.18.1.0/24, ", "[", "an address of a declared network", shape=False, elsewhere=True),
    Wrong(
        'edge: [198.18.1.0/24, "2001:2:0:1::/64"]\n    app: [198.18.2.0/24',
        'edge: [198.18.2.0/24, "2001:2:0:1::/64"]\n    app: [198.18.1.0/24',
        "an address of the zone edge",
        shape=False,
        elsewhere=True,
    ),
    Wrong("198.18.1.11,", "203.0.113.1,", "an address of a declared network", shape=False),
    Wrong("198.18.1.11,", "198.18.2.99,", "an address of the zone edge", shape=False),
    Wrong("[gw1, edge1,", "[gw1, gw1,", "each vantage point once", shape=False),
    Wrong("[gw1, edge1,", "[gw2, edge1,", "firewall.vantage_points[0]", shape=False),
    Wrong("name: stranger", "name: mon1", "the name of no declared machine", shape=False),
    Wrong("to: cache", "to: cahce", "a declared zone, role, machine or shared", shape=False),
    Wrong("from: spare", "from: 198.18.1.100", "a shared address opens nothing", shape=False),
    Wrong("ports: [8432]", "ports: []", "expected at least 1 entry"),
)

WRONG_POLICIES = (
    Wrong("owner:", "onwer:", "onwer: unknown key, did you mean 'owner'?"),
    Wrong("schema: 1", "schema: 7", "was written for a newer version of readiness"),
    Wrong("- sec.tls/chain", "- tls", "expected a clause such as sec.tls/chain, found 'tls'"),
    Wrong("level: 0.95", "level: 95", "confidence.level: wrong value; expected less than 1"),
    Wrong("[critical]", "[blocker]", "blocking_severities[0]"),
    Wrong("default: 1 d", "clauses: {tls: 1 d}", "evidence_age.clauses.tls: wrong key"),
    Wrong("- sec.tls/chain", "- sec.tls/name", "each clause once", shape=False),
)
