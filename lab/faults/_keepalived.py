"""What the faults of keepalived's health check share: a script of its own on the standby edge."""

from lab.errors import LabError
from lab.faults._edge import HOLDER, OTHER
from lab.inventory import VIP4
from lab.scene import Scene

CONFIG = "/etc/keepalived/keepalived.conf"
FOLDER = "/usr/local/lib/balancer"
SCRIPT = f"{FOLDER}/alive"
NAME = "haproxy_alive"
# The lab's health check, moved into a file as sites have it.
ALIVE = """#!/bin/sh
exec /usr/bin/curl --silent --fail --max-time 1 --output /dev/null http://127.0.0.1:8404/alive
"""
# One line of the journal of the keepalived that runs: $1 is what it says.
SAID = """
journalctl --boot --quiet --output=cat --unit=keepalived _SYSTEMD_INVOCATION_ID="$(
    systemctl show --property=InvocationID --value keepalived)" | grep -F -- "$1" | tail -n 1
"""


def lay_script(scene: Scene, machine: str, mode: str = "0755") -> None:
    """Put the health check into a file that root owns."""
    scene.run(machine, "install", "-d", "-m", "0755", FOLDER)
    scene.write(machine, SCRIPT, ALIVE)
    scene.run(machine, "chmod", mode, SCRIPT)


def call_script(scene: Scene, machine: str, script: str = SCRIPT) -> None:
    """Have keepalived run it as root, from its next start on."""

    def edit(text: str) -> str:
        before, _, rest = text.partition('    script "')
        after = rest.partition('"')[2]
        text = f'{before}    script "{script}"{after}'
        return text.replace("script_user nobody nogroup", "script_user root")

    scene.change(machine, CONFIG, edit)


def says(scene: Scene, machine: str, words: str) -> str:
    """The last line with these words that the running keepalived has written, or nothing."""
    return scene.ask(machine, "sh", "-c", SAID, "says", words).out.strip()


def as_it_was(scene: Scene, machine: str) -> None:
    """Put the configuration back and the script away."""
    scene.put_back(machine, CONFIG)
    scene.service(machine, "restart", "keepalived")
    scene.run(machine, "rm", "-rf", FOLDER)


def address_is_held(scene: Scene) -> str:
    """The probe of somebody in a hurry: keepalived runs on both edges and one has the address."""
    for edge in (HOLDER, OTHER):
        scene.run(edge, "systemctl", "is-active", "--quiet", "keepalived")
    if str(VIP4) not in scene.run(HOLDER, "ip", "-brief", "address"):
        raise LabError(f"{HOLDER} does not hold {VIP4}")
    return f"keepalived is active on both edges, {HOLDER} holds {VIP4}"
