"""Verbs for the repository of backups."""

from typing import Literal

from lab.faults import _backup as backup
from lab.scene import Scene
from lab.verbs.base import Change
from readiness.site.written import Folder

Act = Literal["empty", "restart", "full-backup"]


class Repository(Change):
    """`repository`: what is done to it, and how it comes right; both end with a full backup."""

    acts: tuple[Act, ...] = ()
    mend: Literal["anew", "healed", "full-backup"] | None = None

    def do(self, scene: Scene) -> None:
        """Do it, in order."""
        for act in self.acts:
            self._act(scene, act)

    def undo(self, scene: Scene) -> None:
        """Make it right: begun anew, as it is configured, or with what lies there."""
        ways = {"anew": backup.anew, "healed": backup.healed, "full-backup": backup.full_backup}
        if self.mend:
            ways[self.mend](scene)

    def _act(self, scene: Scene, act: Act) -> None:
        if act == "empty":
            backup.emptied(scene)
        elif act == "restart":
            scene.service(backup.MACHINE, "restart", "pgbackrest")
        else:
            backup.full_backup(scene)


class InMemory(Change):
    """`repository.in_memory`: a folder of it on a file system in memory, with all it holds."""

    folder: Folder

    def do(self, scene: Scene) -> None:
        """Move it there."""
        backup.moved_into_memory(scene, self.folder)

    def undo(self, scene: Scene) -> None:
        """The disk is there again; what was written meanwhile is not on it."""
        backup.moved_back(scene, self.folder)
        backup.anew(scene)

    def seen(self, scene: Scene) -> str:
        """The kernel says so."""
        kind = backup.kind_of(scene, self.folder)
        return f"{self.folder} is a {kind}" if kind == "tmpfs" else ""
