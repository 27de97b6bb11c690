"""Verbs for PostgreSQL, Patroni and what they are asked."""

import json
from typing import Literal

from pydantic import JsonValue

from lab import cluster
from lab.errors import LabError
from lab.faults import filled
from lab.scene import Scene
from lab.verbs.base import Change, Look, Said
from readiness.site.written import Text

Database = Literal["postgres", "paws360"]


class Altered(Change):
    """`postgres.set`: a setting of a server's own (ALTER SYSTEM), which wins over Patroni's.

    `reads` is how the server writes the value itself.
    """

    key: Text
    to: str
    reads: Text | None = None

    def change(self, scene: Scene, machine: str) -> None:
        """Set it, and reload."""
        cluster.alter_system(scene, machine, self.key, self.to)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Reset it, and reload."""
        cluster.alter_system(scene, machine, self.key, None)

    def shows(self, scene: Scene, machine: str) -> str:
        """A new session sees it."""
        seen = cluster.setting(scene, machine, self.key)
        return f"{machine}: {self.key} is '{seen}'" if seen == (self.reads or self.to) else ""


class Settings(Look):
    """`postgres.settings`: what new sessions see."""

    fields: dict[str, str]

    def shows(self, scene: Scene, machine: str) -> str:
        """All of them are as expected."""
        seen = {key: cluster.setting(scene, machine, key) for key in self.fields}
        return f"{machine}: {seen}" if seen == self.fields else ""


class Dynamic(Change):
    """`patroni.dynamic`: keys of the configuration that the members share; null removes one."""

    to: dict[str, JsonValue]
    was: dict[str, JsonValue]

    def do(self, scene: Scene) -> None:
        """Change it."""
        cluster.set_dynamic(scene, self.to)

    def undo(self, scene: Scene) -> None:
        """Change it back."""
        cluster.set_dynamic(scene, self.was)

    def seen(self, scene: Scene) -> str:
        """The shared configuration says so."""
        return f"Patroni's {self.to}" if _within(self.to, cluster.dynamic(scene)) else ""


def _within(wanted: JsonValue, found: JsonValue) -> bool:
    """Whether all keys that are wanted are so, and those that are null are absent."""
    if not isinstance(wanted, dict) or not isinstance(found, dict):
        return wanted == found
    return all(_within(value, found.get(key)) for key, value in wanted.items())


class Shared(Look):
    """`patroni.shared`: keys of the configuration that the members share."""

    fields: dict[str, JsonValue]

    def seen(self, scene: Scene) -> str:
        """All of them are as expected."""
        return f"Patroni's {self.fields}" if _within(self.fields, cluster.dynamic(scene)) else ""


class Tagged(Change):
    """`patroni.tags`: tags of a member, as another one sees them."""

    tags: dict[str, JsonValue]

    def change(self, scene: Scene, machine: str) -> None:
        """Give it the tags."""
        cluster.set_tags(scene, machine, filled(json.dumps(self.tags), scene.facts))

    def take_back(self, scene: Scene, machine: str) -> None:
        """Give it its own configuration."""
        cluster.restore_config(scene, machine)

    def shows(self, scene: Scene, machine: str) -> str:
        """Another member sees them."""
        seen = json.dumps(cluster.tags(scene, machine))
        right = seen == filled(json.dumps(self.tags), scene.facts)
        return f"{machine} is tagged {seen}" if right else ""


class Status(Look):
    """`patroni.says`: what a member's Patroni says about itself; null for nothing."""

    fields: dict[str, JsonValue]

    def shows(self, scene: Scene, machine: str) -> str:
        """All of it is as expected."""
        said = cluster.status(scene, machine)
        return f"Patroni on {machine}: {self.fields}" if _within(self.fields, said) else ""


class Statement(Change):
    """`sql`: a statement for whoever leads, as superuser, and the one that takes it back."""

    run: Text
    back: Text | None = None
    database: Database = "paws360"

    def do(self, scene: Scene) -> None:
        """Run it."""
        _sql(scene, self.run, self.database)

    def undo(self, scene: Scene) -> None:
        """Run the other one: who leads now may be another one than then."""
        if self.back:
            _sql(scene, self.back, self.database)


class Told(Look, Said):
    """`sql.says`: what a query gives at each machine, or at whoever leads."""

    ask: Text
    database: Database = "paws360"
    anywhere: bool = False
    """Whether each of the machines is asked, instead of whoever leads."""

    def seen(self, scene: Scene) -> str:
        """It gives what is expected."""
        if self.anywhere:
            return super().seen(scene)
        return self._shown(_sql(scene, self.ask, self.database), scene)

    def shows(self, scene: Scene, machine: str) -> str:
        """It gives that at one machine."""
        ask = filled(self.ask, scene.facts)
        return self._shown(cluster.sql(scene, machine, ask, database=self.database), scene)

    def _shown(self, said: str, scene: Scene) -> str:
        return f"{self.ask}: {said or 'nothing'}" if self.fits(scene, said) else ""


class Refused(Look):
    """`sql.refused`: a statement that whoever leads refuses, in these words."""

    run: Text
    words: Text
    database: Database = "paws360"

    def seen(self, scene: Scene) -> str:
        """It is refused so.

        Raises:
            LabError: it is refused in other words.
        """
        try:
            _sql(scene, self.run, self.database)
        except LabError as error:
            if self.words not in str(error):
                raise
            return f"{self.run} is refused"
        return ""


def _sql(scene: Scene, statement: str, database: str) -> str:
    leader = scene.wait("a leader", lambda: cluster.leads(scene), cluster.PATRONI_LIMIT)
    return cluster.sql(scene, leader, filled(statement, scene.facts), database=database)
