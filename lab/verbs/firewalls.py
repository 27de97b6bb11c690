"""Verbs for nftables, and for what it lets through."""

from typing import Literal

from lab.faults import _firewall as firewall
from lab.faults import filled
from lab.scene import Scene
from lab.verbs.base import Change, Look, Texts
from readiness.site.written import Text


class InFront(Change):
    """`nft.in_front`: rules before all others, of a machine's input or the router's forwarding."""

    rules: Texts
    table: Literal["machine", "router"] = "machine"

    def change(self, scene: Scene, machine: str) -> None:
        """Insert them."""
        firewall.put_in_front(scene, machine, *self.rules, table=self.table)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Load the rules that a boot loads."""
        firewall.as_they_were(scene, machine)

    def shows(self, scene: Scene, machine: str) -> str:
        """The running rules say so."""
        return firewall.in_front(scene, machine, self.table)


class Flushed(Change):
    """`nft.flush`: a machine without any rule."""

    def change(self, scene: Scene, machine: str) -> None:
        """Flush everything, as a reload that fails halfway does."""
        scene.run(machine, "nft", "flush", "ruleset")

    def take_back(self, scene: Scene, machine: str) -> None:
        """Load the rules that a boot loads."""
        firewall.as_they_were(scene, machine)

    def shows(self, scene: Scene, machine: str) -> str:
        """No rule is left."""
        left = scene.run(machine, "nft", "list", "ruleset").strip()
        return "" if left else f"{machine} has no rules"


class Loaded(Change):
    """`nft.load`: a table of its own beside the others."""

    table: Text
    chains: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Load it anew."""
        name = f"table inet {self.table}"
        text = f"{name}\ndelete {name}\n{name} {{\n{filled(self.chains, scene.facts)}\n}}\n"
        scene.run(machine, "nft", "-f", "-", stdin=text)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Take it away; one that is gone is fine."""
        scene.ask(machine, "nft", "delete", "table", "inet", self.table)

    def shows(self, scene: Scene, machine: str) -> str:
        """It runs."""
        there = f"table inet {self.table}" in scene.run(machine, "nft", "list", "tables")
        return f"table {self.table} on {machine}" if there else ""


class Closed(Look):
    """`port.closed`: ports of an address that do not answer at all when asked from a machine."""

    address: Text
    ports: tuple[int, ...]

    def shows(self, scene: Scene, machine: str) -> str:
        """None of them does.

        Raises:
            LabError: one does.
        """
        return firewall.closed(scene, machine, self.address, self.ports)
