"""Healthy variants of the lab's guarded site."""

from lab.scene import Scene
from lab.steps import edited
from lab.variants import variant

SITE = "guarded"
EDGES = ("edge1", "edge2")
JAIL = "/etc/fail2ban/jail.local"
ACTION = "/etc/fail2ban/action.d/nftables.local"
CHECKS = ("IDS-001", "IDS-002", "IDS-003")


def says(setting: str, value: str) -> str:
    """The command that shows whether fail2ban runs with a setting; it waits for the service."""
    return f"sleep 1; fail2ban-client get sshd {setting} | grep -q '{value}' && echo so || true"


def silent(scene: Scene) -> str:
    """The rules that a ban brings drop."""
    found = scene.run("edge2", "sh", "-c", says("action nftables-multiport blocktype", "drop"))
    return "edge2 drops whoever is banned" if "so" in found else ""


def longer(scene: Scene) -> str:
    """A ban lasts longer."""
    found = scene.run("edge1", "sh", "-c", says("bantime", "^32$"))
    return "edge1 bans for 32 s" if "so" in found else ""


def spared(scene: Scene) -> str:
    """The gate's machine is ignored."""
    found = scene.run("edge1", "sh", "-c", says("ignoreip", "198.18.55.5"))
    return "edge1 ignores mon1" if "so" in found else ""


VARIANTS = (
    variant(
        "banned-without-a-word",
        "Whoever is banned gets no answer at all",
        "A ban may refuse or be silent: either keeps the source out.",
        kind="guarded",
        site=SITE,
        tier="disrupt",
        only=CHECKS,
        tempts=CHECKS,
        steps=(
            edited(EDGES, ACTION, "blocktype = reject", "blocktype = drop", "fail2ban", "restart"),
        ),
        shows=silent,
    ),
    variant(
        "banned-for-longer",
        "A ban lasts for 32 seconds, as is declared by its end",
        "What is declared is how long it holds at least, and when it has ended at the latest.",
        kind="guarded",
        site=SITE,
        tier="disrupt",
        only=CHECKS,
        tempts=CHECKS,
        steps=(edited(EDGES, JAIL, "bantime = 25", "bantime = 32", "fail2ban", "restart"),),
        shows=longer,
    ),
    variant(
        "those-who-look-are-spared",
        "The machine that the gate looks from is never banned",
        "Whoever runs a scanner of their own spares it; it is not the source of the attack.",
        kind="guarded",
        site=SITE,
        tier="disrupt",
        only=CHECKS,
        tempts=CHECKS,
        steps=(
            edited(
                EDGES,
                JAIL,
                "127.0.0.1/8 ::1",
                "127.0.0.1/8 ::1 198.18.55.5 2001:2:0:55::5",
                "fail2ban",
                "restart",
            ),
        ),
        shows=spared,
    ),
)
