"""Reversible steps: what a healthy variant of the lab consists of, each with its way back.

A step is idempotent both ways. Names of machines, words and statements may hold the facts that were
surveyed, as `<primary>`; a way back needs nothing else, since it may be gone by another process.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab import cluster
from lab.faults import _cache as cache
from lab.faults import filled
from lab.scene import Scene

Act = Callable[[Scene], object]


@dataclass(frozen=True)
class Step:
    """One change and what takes it back."""

    do: Act
    undo: Act


def applied(steps: Iterable[Step]) -> Callable[[Scene], None]:
    """All of them, in order."""

    def apply(scene: Scene) -> None:
        for step in steps:
            step.do(scene)

    return apply


def taken_back(steps: Iterable[Step]) -> Callable[[Scene], None]:
    """All of them, the last first."""

    def undo(scene: Scene) -> None:
        for step in reversed(tuple(steps)):
            step.undo(scene)

    return undo


def edited(
    machines: Iterable[str], path: str, old: str, new: str, unit: str, verb: str = "reload"
) -> Step:
    """A file with one text in place of another, which its service has taken."""
    names = tuple(machines)

    def do(scene: Scene) -> None:
        for name in names:
            scene.change(name, path, lambda text: text.replace(old, new))
            scene.service(name, verb, unit)

    def undo(scene: Scene) -> None:
        for name in names:
            scene.put_back(name, path)
            scene.service(name, "reload-or-restart", unit)

    return Step(do, undo)


def shell(machines: Iterable[str], do: str, undo: str, limit: float = 60.0) -> Step:
    """A script for the shell of each machine, and the one that takes it back."""
    names = tuple(machines)

    def run(script: str) -> Act:
        def each(scene: Scene) -> None:
            for name in names:
                words = ("sh", "-c", f"set -e; {filled(script, scene.facts)}")
                scene.run(filled(name, scene.facts), *words, limit=limit)

        return each

    return Step(run(do), run(undo))


def statements(do: str, undo: str, database: str = "paws360") -> Step:
    """SQL for whoever leads."""

    def run(statement: str) -> Act:
        def at_the_primary(scene: Scene) -> None:
            leader = scene.wait("somebody leads", lambda: cluster.leads(scene), 45)
            cluster.sql(scene, leader, filled(statement, scene.facts), database=database)

        return at_the_primary

    return Step(run(do), run(undo))


def patroni(now: Mapping[str, Any], before: Mapping[str, Any]) -> Step:
    """Patroni's shared configuration with these keys changed; None removes one."""
    return Step(
        lambda scene: cluster.set_dynamic(scene, dict(now)),
        lambda scene: cluster.set_dynamic(scene, dict(before)),
    )


def altered(name: str, value: str) -> Step:
    """A setting of every database member's own."""

    def each(given: str | None) -> Act:
        def alter(scene: Scene) -> None:
            for member in cluster.MEMBERS:
                cluster.alter_system(scene, member, name, given)

        return alter

    return Step(each(value), each(None))


def told(
    members: Iterable[str], do: tuple[str, ...], undo: tuple[str, ...], port: str = cache.REDIS
) -> Step:
    """A command of each Redis, or Sentinel, and the one that takes it back."""
    names = tuple(members)

    def say(words: tuple[str, ...]) -> Act:
        def each(scene: Scene) -> None:
            for name in names:
                filled_in = (filled(word, scene.facts) for word in words)
                cache.say(scene, filled(name, scene.facts), *filled_in, port=port)

        return each

    return Step(say(do), say(undo))
