"""Verbs for Redis and its Sentinels, in their operator's words."""

import shlex

from lab import inventory
from lab.faults import _cache as cache
from lab.faults import filled
from lab.scene import Scene
from lab.verbs.base import Change, Look, Said
from readiness.site.written import Text


class Set(Change):
    """`redis.set`: a setting of a running Redis; `reads` is how it writes the value itself."""

    key: Text
    to: Text
    was: Text
    reads: Text | None = None

    def change(self, scene: Scene, machine: str) -> None:
        """Set it, and not in its file."""
        cache.say(scene, machine, "CONFIG", "SET", self.key, self.to)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Set it back."""
        cache.say(scene, machine, "CONFIG", "SET", self.key, self.was)

    def shows(self, scene: Scene, machine: str) -> str:
        """The server says so."""
        value = cache.setting(scene, machine, self.key)
        return f"{machine}: {self.key} is {value}" if value == (self.reads or self.to) else ""


class SentinelSet(Change):
    """`sentinel.set`: a setting that a Sentinel has for the master of the sessions."""

    key: Text
    to: Text
    was: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Set it."""
        self._set(scene, machine, self.to)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Set it back."""
        self._set(scene, machine, self.was)

    def _set(self, scene: Scene, machine: str, value: str) -> None:
        words = ("SENTINEL", "SET", cache.CACHE, self.key, value)
        cache.say(scene, machine, *words, port=cache.SENTINEL)

    def shows(self, scene: Scene, machine: str) -> str:
        """The Sentinel says so."""
        value = cache.watched(scene, machine, self.key)
        return f"the Sentinel on {machine}: {self.key} is {value}" if value == self.to else ""


class Told(Change):
    """`redis.say`: a command, and the one that takes it back, where one does."""

    say: Text
    back: Text | None = None
    sentinel: bool = False

    def change(self, scene: Scene, machine: str) -> None:
        """Say it."""
        _say(scene, machine, self.say, sentinel=self.sentinel)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Say the other one."""
        if self.back:
            _say(scene, machine, self.back, sentinel=self.sentinel)


class Answers(Look, Said):
    """`redis.answers`: what a command is answered."""

    ask: Text
    sentinel: bool = False

    def shows(self, scene: Scene, machine: str) -> str:
        """It is answered as expected."""
        said = _say(scene.looking(), machine, self.ask, sentinel=self.sentinel)
        return f"{machine}: {self.ask}: {said}" if self.fits(scene, said) else ""


class Info(Look):
    """`redis.info`: fields of INFO."""

    fields: dict[str, str]

    def shows(self, scene: Scene, machine: str) -> str:
        """All of them are as expected."""
        seen = {key: cache.info(scene, machine, key) for key in self.fields}
        return f"{machine}: {seen}" if seen == self.fields else ""


class Replicas(Look):
    """`sentinel.replicas`: what a Sentinel knows of every replica, or of one."""

    fields: dict[str, str]
    of: Text | None = None

    def shows(self, scene: Scene, machine: str) -> str:
        """Of each it knows this."""
        found = [
            one
            for name, one in cache.replicas_seen(scene, machine).items()
            if name == self._place(scene) or not self.of
        ]
        right = all(self.fields.items() <= one.items() for one in found)
        return f"the Sentinel on {machine} sees {self.fields}" if found and right else ""

    def _place(self, scene: Scene) -> str:
        """Address and port by which a Sentinel names the one."""
        return (
            f"{inventory.machine(filled(self.of, scene.facts)).v4}:{cache.REDIS}" if self.of else ""
        )


class LetsIn(Look):
    """`redis.lets_in`: whether a server lets the portal in by its own login."""

    portal: bool

    def shows(self, scene: Scene, machine: str) -> str:
        """It does, or it does not."""
        lets = cache.let_in(scene.looking(), machine)
        words = "lets the portal in" if lets else "turns the portal away"
        return f"{machine} {words}" if lets is self.portal else ""


def _say(scene: Scene, machine: str, command: str, *, sentinel: bool) -> str:
    port = cache.SENTINEL if sentinel else cache.REDIS
    return cache.say(scene, machine, *shlex.split(filled(command, scene.facts)), port=port)
