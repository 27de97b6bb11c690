"""Healthy variants of the lab's watched site."""

from lab.scene import Scene
from lab.steps import edited, shell
from lab.variants import variant

SITE = "watched"
MONITORS = ("prom1", "prom2")
CONFIG = "/etc/prometheus/prometheus.yml"
RULES = "/etc/prometheus/rules.yml"
ROUTES = "/etc/prometheus/alertmanager.yml"
AMTOOL = "amtool --alertmanager.url=http://localhost:9093"
EXTRA = """  - job_name: extra
    static_configs:
      - targets: ["pager.lab.test:9115", "pager.lab.test:9"]
"""


def targets(scene: Scene, which: str) -> str:
    """How many targets of which sort the first Prometheus has."""
    asked = (
        f"curl -s localhost:9090/api/v1/targets | jq '[.data.activeTargets[] | {which}] | length'"
    )
    return scene.run("prom1", "sh", "-c", f"sleep 4; {asked}").strip()


def silenced(scene: Scene) -> str:
    """The other Alertmanager knows it, too."""
    said = scene.run("prom2", "sh", "-c", f"{AMTOOL} silence query --created-by patching")
    return "a silence by patching is in force" if "web1" in said else ""


def by_address(scene: Scene) -> str:
    """A target is called by its address."""
    found = targets(scene, 'select(.labels.instance == "198.18.52.10:9100" and .health == "up")')
    return "web1 is scraped as 198.18.52.10:9100" if found == "1" else ""


def another_job(scene: Scene) -> str:
    """A job that nobody declared has a target that is up, and one that is down."""
    found = targets(scene, 'select(.labels.job == "extra" and .health == "down")')
    return "the job extra has a target that is down" if found == "1" else ""


def switched_off(scene: Scene) -> str:
    """One target is down."""
    found = targets(scene, 'select(.labels.job == "node" and .health == "down")')
    return "one machine of the job node is down" if found == "1" else ""


def chooses(scene: Scene) -> str:
    """The rule names a metric that nobody gives any more, beside the one that replaced it."""
    asked = "curl -s localhost:9090/api/v1/rules | jq -r '.data.groups[].rules[].query'"
    said = scene.run("prom1", "sh", "-c", f"sleep 3; {asked}")
    return "a rule names an older metric, too" if "node_memory_MemAvailable or" in said else ""


def old_style(scene: Scene) -> str:
    """The route is written as before 0.22."""
    asked = "sleep 1; curl -s localhost:9093/api/v2/status | jq -r .config.original"
    said = scene.run("prom2", "sh", "-c", asked)
    return "a route has match instead of matchers" if "alertname: Watchdog" in said else ""


def young(scene: Scene) -> str:
    """The other one scrapes it again, and it knows not all of its own targets yet."""

    def up(at: str, which: str) -> int:
        asked = f'[.data.activeTargets[] | select({which} and .health == "up")] | length'
        words = f"curl -s localhost:9090/api/v1/targets | jq '{asked}'"
        return int(scene.run(at, "sh", "-c", words))

    itself = '.scrapeUrl == "http://prom1.lab.test:9090/metrics"'
    scene.wait("prom2 scrapes prom1 again", lambda: up("prom2", itself), 20)
    known = up("prom1", "true")
    return f"prom1 knows {known} of 10 targets" if known < ALL else ""


# What each Prometheus of the site scrapes.
ALL = 10
VARIANTS = (
    variant(
        "prometheus-restarted-a-moment-ago",
        "One Prometheus was restarted a moment ago, and knows not all of its targets yet",
        "An update at noon: what it does not know it will know in a few seconds.",
        kind="watched",
        site=SITE,
        tempts=("MET-001", "MET-002", "MET-003", "MET-005", "AVL-002"),
        steps=(
            edited(
                ["prom1"],
                CONFIG,
                "  - job_name: node\n",
                "  - job_name: node\n    scrape_interval: 8s\n",
                "prometheus",
                verb="restart",
            ),
        ),
        shows=young,
        alone=True,
    ),
    variant(
        "silence-of-a-maintenance-that-ends",
        "The alerts of one machine are silenced for two hours, as declared",
        "Whoever patches a machine says so; the silence is about that machine and ends by itself.",
        kind="watched",
        site=SITE,
        tempts=("ALR-001",),
        steps=(
            shell(
                ["prom1"],
                f"{AMTOOL} silence add --author=patching --comment=kernel --duration=2h"
                " alertname=MachineDown instance=web1.lab.test:9100; sleep 2",
                f"for one in $({AMTOOL} silence query -q --created-by patching); do"
                f" {AMTOOL} silence expire $one; done; sleep 2",
            ),
        ),
        environment=lambda text: text.replace(
            "  drill:\n",
            "  silences:\n    - {alert: MachineDown, machine: web1, longest: 4 h}\n  drill:\n",
        ),
        shows=silenced,
        alone=True,
    ),
    variant(
        "targets-by-address",
        "A target is called by its address and not by its name",
        "Service discovery gives addresses; what the label says is nobody's business.",
        kind="watched",
        site=SITE,
        tempts=("MET-001", "MET-002"),
        steps=(
            edited(MONITORS, CONFIG, '"web1.lab.test:9100"', '"198.18.52.10:9100"', "prometheus"),
        ),
        shows=by_address,
        alone=True,
    ),
    variant(
        "job-that-nobody-declared",
        "Prometheus scrapes more than is declared, and some of that is down",
        "Somebody tries something; what has to be there is there.",
        kind="watched",
        site=SITE,
        tempts=("MET-001", "MET-002", "MET-005"),
        steps=(
            edited(
                MONITORS,
                CONFIG,
                "  - job_name: node\n",
                f"{EXTRA}  - job_name: node\n",
                "prometheus",
            ),
        ),
        shows=another_job,
        alone=True,
    ),
    variant(
        "machine-that-is-meant-to-be-off",
        "The exporter of a machine is off, as declared",
        "A machine that is kept for the holidays; it stays in the configuration.",
        kind="watched",
        site=SITE,
        tempts=("MET-001", "MET-002", "MET-003"),
        steps=(
            shell(
                ["pager"],
                "systemctl stop prometheus-node-exporter",
                "systemctl start prometheus-node-exporter; sleep 12",
            ),
        ),
        environment=lambda text: text.replace(
            "{job: node, metric", "{job: node, off: [pager], metric"
        ),
        shows=switched_off,
        alone=True,
    ),
    variant(
        "rule-that-names-an-older-metric-too",
        "A rule asks for a metric by its new name or by its old one",
        "Half of the machines had the older exporter; the rule serves both.",
        kind="watched",
        site=SITE,
        tempts=("MET-003",),
        steps=(
            edited(
                MONITORS,
                RULES,
                "node_memory_MemAvailable_bytes /",
                "(node_memory_MemAvailable or node_memory_MemAvailable_bytes) /",
                "prometheus",
            ),
        ),
        shows=chooses,
        alone=True,
    ),
    variant(
        "route-as-before-0-22",
        "A route says what it takes in the older way",
        "It loads for years to come; nobody rewrites what works.",
        kind="watched",
        site=SITE,
        tempts=("ALR-001", "ALR-002"),
        steps=(
            edited(
                MONITORS,
                ROUTES,
                '    - matchers: [alertname = "Watchdog"]',
                "    - match: {alertname: Watchdog}",
                "prometheus-alertmanager",
            ),
        ),
        shows=old_style,
        alone=True,
    ),
)
