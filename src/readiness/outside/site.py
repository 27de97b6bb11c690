"""The environment that an address of the web stands for, and who asks it.

What nobody told is left at its default, and what has none is a placeholder that no question of a
look reads. Nothing is written, and nothing of a former look is read.
"""

import json
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any, Final

from readiness.evidence.claim import Found
from readiness.model.errors import NotRun
from readiness.model.words import Permission
from readiness.outside.place import Url
from readiness.probes.ssh import Command, ObserveSession
from readiness.session.kept import Kept
from readiness.site.declared.machine import Machine
from readiness.site.environment import Environment
from readiness.site.subjects import Endpoint, endpoints
from readiness.systems.asker import C
from readiness.systems.asking import asker_of
from readiness.systems.token import R, S, Source

# Nobody outside knows what the owner promised; the notice for certificates has a default.
_UNPROMISED: Final = {
    "availability": 99.0,
    "recovery_time": "1 d",
    "recovery_point": "1 d",
    "database_recovery_time": "1 d",
}


def listener(url: Url, name: str, plain_port: int | None) -> dict[str, Any]:
    """The HTTPS listener of one address, as an environment file would declare it.

    Who asks for no name is shown what a network of many sites pleases: only the name is judged.
    """
    plain = {"plain_http": {"port": plain_port}} if plain_port else {}
    return {
        "name": name,
        "protocol": "https",
        "port": url.port,
        "machines": [name],
        "names": [url.host],
        "names_only": True,
        "authority": "trusted",
        "path": url.path,
        **plain,
    }


def environment(
    url: Url, addresses: Sequence[str], plain_port: int | None, authority: Path
) -> Environment:
    """An environment with one listener at each address; all of them serve the same host.

    Args:
        url: what is looked at, over HTTPS.
        addresses: those that are asked, at least one.
        plain_port: where plain HTTP belongs to it; None where nobody knows.
        authority: the file of whom to trust.
    """
    names = {address: f"address{number}" for number, address in enumerate(addresses, 1)}
    declared = {
        "schema": 1,
        "name": "look",
        "kind": "rehearsal",
        "zones": ["outside"],
        "looks_from": "outside",
        "authorities": {"trusted": f"file:{authority}"},
        "machines": [
            {"name": name, "zone": "outside", "role": "front", "addresses": [address], "ssh": False}
            for address, name in names.items()
        ],
        "listeners": [listener(url, name, plain_port) for name in names.values()],
        "objectives": _UNPROMISED,
    }
    return Environment.model_validate_json(json.dumps(declared))


class Once:
    """What was asked is asked once, whichever thread needs it first; the others wait for it."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Future[Any]] = {}
        self._lock = Lock()

    def get(self, key: Hashable, ask: Callable[[], Any]) -> Any:
        """The answer, or the error that asking ended with."""
        with self._lock:
            first = key not in self._answers
            answer = self._answers.setdefault(key, Future())
        if first:
            try:
                answer.set_result(ask())
            except Exception as error:  # noqa: BLE001 - whoever waits is told, too
                answer.set_exception(error)
        return answer.result()


class Outsider:
    """Asks sources about a site, as the connections of a run do, without a record."""

    permissions: Collection[Permission] = ()
    """Nothing is permitted beside looking."""

    def __init__(self, site: Environment) -> None:
        self.site = site
        self._once = Once()
        self._numbers = count()
        self._problems: dict[int, str] = {}
        self._kept = Kept()

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """The HTTPS listener at each address."""
        return {one.address: one for one in endpoints(self.site)}

    def ask(self, source: Source[S, R], subject: S) -> Found[R]:
        """What a source says about a subject: asked once, then remembered.

        Raises:
            ProbeError: it could not be found out, now or when it was first asked.
            NotRun: something is not declared or not installed.
        """
        key = (source.key, subject.id)
        found: Found[R] = self._once.get(
            key, lambda: self._numbered(asker_of(source).ask(self, subject), subject.id)
        )
        return found

    def _numbered(self, reading: R, subject: str) -> Found[R]:
        """A reading under a number of its own, as a record gives it one."""
        number = next(self._numbers)
        self._problems[number] = str(getattr(reading, "problem", ""))
        return Found(reading, subject, number)

    def problems(self, numbers: Iterable[int]) -> Iterator[str]:
        """Why the readings of these numbers say less than was asked; nothing of those that do."""
        return filter(None, (self._problems[number] for number in numbers))

    def kept(self, key: str, opened: Callable[[], C]) -> C:
        """A connection that is opened when it is first asked for, until the end."""
        return self._kept.get(key, opened)

    def authority_pem(self, name: str) -> bytes:
        """What the file of a declared authority holds."""
        pem: bytes = self._once.get(name, lambda: self.site.content(self.site.authorities[name]))
        return pem

    def session(self, machine: Machine) -> ObserveSession:
        """No machine of a site is reached from outside.

        Raises:
            NotRun: always.
        """
        raise NotRun(f"{machine.name}: nobody logs in from outside")

    def note_command(self, command: Command) -> None:
        """Keep nothing: nobody is sent a command."""

    def close(self) -> None:
        """End what was begun, the scan above all."""
        self._kept.close()
