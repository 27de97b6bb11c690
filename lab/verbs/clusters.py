"""Verbs for a Kubernetes cluster, spoken on the machine with its control plane."""

import json
from collections.abc import Mapping
from typing import Final, Literal

from lab.scene import KEPT, Scene
from lab.verbs.base import Change
from readiness.site.written import Text

ADMIN: Final = "k"
ROLLED_LIMIT: Final = 90.0
# What the API server alone decides; an object that is put back can't have it.
NOT_PUT_BACK: Final = ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields")
# Kinds whose pods are made anew when their template changes.
ROLLED: Final = ("deployment", "statefulset", "daemonset")


class Patched(Change):
    """`kubernetes.patch`: an object that is other than it was; its original is kept beside first.

    `object` is KIND/NAME. A template that changed is waited for, unless its pods can't become
    ready.
    """

    object: Text
    namespace: Text | None = None
    patch: Text
    type: Literal["strategic", "merge", "json"] = "strategic"
    becomes_ready: bool = True

    def change(self, scene: Scene, machine: str) -> None:
        """Keep it as it is, once, and patch it."""
        kept = self._kept(scene)
        if scene.ask(machine, "test", "-s", kept).code:
            before = json.loads(scene.run(machine, ADMIN, *self._words("get"), "-o", "json"))
            before.pop("status", None)
            for key in NOT_PUT_BACK:
                before["metadata"].pop(key, None)
            scene.run(machine, "mkdir", "-p", kept.rpartition("/")[0])
            scene.write(machine, kept, json.dumps(before))
        words = (*self._words("patch"), f"--type={self.type}", f"--patch={self.patch}")
        scene.run(machine, ADMIN, *words)
        if self.becomes_ready:
            self._rolled(scene, machine)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Put the original back, where there is one, and wait for its pods."""
        kept = self._kept(scene)
        if not scene.ask(machine, "test", "-s", kept).code:
            scene.run(machine, ADMIN, "replace", "-f", kept)
        self._rolled(scene, machine)

    def _words(self, verb: str) -> tuple[str, ...]:
        where = ("-n", self.namespace) if self.namespace else ()
        return (*where, verb, self.object)

    def _kept(self, scene: Scene) -> str:
        name = f"{self.namespace or 'cluster'}-{self.object.replace('/', '-')}"
        return str(KEPT / scene.fault / f"{name.replace(':', '-')}.json")

    def _rolled(self, scene: Scene, machine: str) -> None:
        if self.object.partition("/")[0] not in ROLLED:
            return
        where = ("-n", self.namespace) if self.namespace else ()
        words = (*where, "rollout", "status", self.object, "--timeout=80s")
        scene.run(machine, ADMIN, *words, limit=ROLLED_LIMIT)


class Applied(Change):
    """`kubernetes.apply`: objects that were not there; their manifest is YAML."""

    manifest: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Make them."""
        scene.run(machine, ADMIN, "apply", "-f", "-", stdin=self.manifest)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Remove them, and wait until they are gone."""
        words = ("delete", "--ignore-not-found", "--wait", "--timeout=50s", "-f", "-")
        scene.run(machine, ADMIN, *words, stdin=self.manifest, limit=60.0)

    def shows(self, scene: Scene, machine: str) -> str:
        """All of them are there."""
        done = scene.ask(machine, ADMIN, "get", "-o", "name", "-f", "-", stdin=self.manifest)
        return "" if done.code else f"{machine}: {' '.join(done.out.split())}"


CHANGES: Final[Mapping[str, type[Change]]] = {
    "kubernetes.patch": Patched,
    "kubernetes.apply": Applied,
}
