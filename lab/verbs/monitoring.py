"""Looks at what watches: Prometheus as it runs."""

from collections.abc import Mapping
from typing import Final

from lab.scene import Scene
from lab.verbs.base import Change, Look

RUNTIME: Final = "curl -s localhost:9090/api/v1/status/runtimeinfo | jq -r .data.lastConfigTime"
# Longer than a server may take to know what it scrapes: its discovery twice, and two intervals.
SETTLED: Final = 17


class Settled(Look):
    """`prometheus.settled`: a Prometheus that has had the time to take what it was told."""

    def shows(self, scene: Scene, machine: str) -> str:
        """Its configuration is old enough; it is waited for, but not for ever."""
        scene.wait(
            f"the configuration of Prometheus on {machine} is {SETTLED} s old",
            lambda: self._age(scene, machine) >= SETTLED,
            2 * SETTLED,
        )
        return f"Prometheus on {machine} has had its configuration for {SETTLED} s"

    def _age(self, scene: Scene, machine: str) -> int:
        words = f'echo $(( $(date +%s) - $(date -d "$({RUNTIME})" +%s) ))'
        return int(scene.run(machine, "sh", "-c", words))


CHANGES: Final[Mapping[str, type[Change]]] = {}
LOOKS: Final[Mapping[str, type[Look]]] = {"prometheus.settled": Settled}
