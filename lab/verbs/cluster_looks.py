"""What can be seen of a Kubernetes cluster, on the machine with its control plane."""

from collections.abc import Mapping
from typing import Final

from lab.scene import Scene
from lab.verbs.base import Look, Said
from lab.verbs.clusters import ADMIN
from readiness.site.written import Text


class Has(Look, Said):
    """`kubernetes.says`: what an object, or all of a kind, has at a path (kubectl's JSONPath).

    Without a path it is the line that kubectl prints of it.
    """

    object: Text
    namespace: Text | None = None
    labels: Text | None = None
    path: Text | None = None

    def shows(self, scene: Scene, machine: str) -> str:
        """It has what is expected."""
        where = ("-n", self.namespace) if self.namespace else ()
        chosen = ("-l", self.labels) if self.labels else ()
        form = ("-o", f"jsonpath={self.path}") if self.path else ("--no-headers",)
        done = scene.ask(machine, ADMIN, *where, "get", self.object, *chosen, *form)
        said = " ".join(done.out.split())
        if done.code or not self.fits(scene, said):
            return ""
        return f"{machine}: {self.object} has {said[:80] or 'nothing'}"


LOOKS: Final[Mapping[str, type[Look]]] = {
    "kubernetes.says": Has,
}
