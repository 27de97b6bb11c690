"""Healthy variants of the watched site's runbook: ways to write one that are as good as ours."""

from collections.abc import Callable

from lab.scene import Scene
from lab.steps import edited, shell
from lab.variants import variant

SITE = "watched"
PAGE = "/srv/shown/watch.md"
ASKED = "curl -s http://localhost:8080/runbooks/watch.md"
CONSOLE = """```console at=web1
$ ls -l /srv/page/index.html
-rw-r--r-- 1 root root 22 Jan  1 00:00 /no/such/output
$ sudo nginx -t
nginx: configuration file /etc/elsewhere/nginx.conf test is successful
```"""
SHELL = """```sh at=web1
ls -l /srv/page/index.html
nginx -t && sudo systemctl reload nginx
tail -n 50 /var/log/nginx/error.log
```"""
ROUNDABOUT = """```bash at=web
# Comments name /no/such/file; placeholders and patterns are no paths either.
for log in /var/log/nginx/*.log; do tail "$log"; done
HOST=<the machine> sudo -u root ls "/var/log/nginx/$HOST.log" /tmp/of-this-page
cat > /srv/page/notice.html <<'END'
cat /no/such/text
END
curl -s http://localhost/no/such/page > /root/answer
echo 'a quotation that goes on
/no/such/line'
```

```yaml
path: /no/such/example
```"""


def says(text: str, found: str) -> Callable[[Scene], str]:
    """The page that is served says that."""

    def look(scene: Scene) -> str:
        return found if text in scene.run("pager", "sh", "-c", ASKED) else ""

    return look


def templated(scene: Scene) -> str:
    """The rule that runs has a template for its link."""
    said = scene.run("prom2", "sh", "-c", "curl -s localhost:9090/api/v1/rules")
    return "a link is a template" if "watch.md#{{ $labels.alertname }}" in said else ""


VARIANTS = (
    variant(
        "runbook-shows-a-session",
        "Commands of the runbook stand behind prompts, with what was answered",
        "Pasted from a terminal; the answers name what is not there any more.",
        kind="watched",
        site=SITE,
        tempts=("RUN-004", "RUN-005"),
        steps=(edited(["pager"], PAGE, SHELL, CONSOLE, "pager", verb="is-active"),),
        shows=says("$ sudo nginx -t", "a block is a session"),
    ),
    variant(
        "runbook-with-loops-and-placeholders",
        "The runbook has loops, placeholders, a text that is written, and an example in YAML",
        "Where its commands are typed is said by role.",
        kind="watched",
        site=SITE,
        tempts=("RUN-004", "RUN-005"),
        steps=(edited(["pager"], PAGE, SHELL, ROUNDABOUT, "pager", verb="is-active"),),
        shows=says("bash at=web", "a block names a role"),
    ),
    variant(
        "runbook-from-another-system",
        "The runbook begins with a byte order mark, and its lines end as on another system",
        "An editor made it so; every wiki shows it right.",
        kind="watched",
        site=SITE,
        tempts=("RUN-001", "RUN-002", "RUN-003", "RUN-004"),
        steps=(
            shell(
                ["pager"],
                f"[ -e {PAGE}.kept ] || cp -p {PAGE} {PAGE}.kept;"
                f" sed -e '1s/^/\\xef\\xbb\\xbf/' -e 's/$/\\r/' {PAGE}.kept > {PAGE}",
                f"[ ! -e {PAGE}.kept ] || mv {PAGE}.kept {PAGE}",
            ),
        ),
        shows=says("owner: ada\r", "lines end with a carriage return"),
    ),
    variant(
        "runbook-anchors-are-written",
        "A section of the runbook says itself what links call it",
        "Headings may be changed as one likes; links go on working.",
        kind="watched",
        site=SITE,
        tempts=("RUN-007",),
        steps=(
            edited(
                ["pager"],
                PAGE,
                "## PortalDown\n",
                "## When the portal is away: PortalDown {#portaldown}\n",
                "pager",
                verb="is-active",
            ),
        ),
        shows=says("{#portaldown}", "a heading has an anchor"),
    ),
    variant(
        "links-made-by-a-template",
        "The links of alerts are made of their names by a template",
        "One line for every rule; links are not told apart by capitals.",
        kind="watched",
        site=SITE,
        tempts=("RUN-006", "RUN-007"),
        steps=(
            edited(
                ["prom1", "prom2"],
                "/etc/prometheus/rules.yml",
                "watch.md#machinedown",
                "watch.md#{{ $labels.alertname }}",
                "prometheus",
            ),
        ),
        shows=templated,
        alone=True,
    ),
)
