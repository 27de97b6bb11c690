"""Starts the scan of listeners as a process of its own, and waits for what it answers.

It is started early and runs beside a run's other questions; whoever needs an answer waits for the
end of all. A process that ended without a line about a listener found out nothing about it.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Any, Final

from readiness.catalogue import limits
from readiness.model.errors import NotRun, NotUnderstood, ProbeError, TimedOut, Unreachable
from readiness.model.shipping import place_of
from readiness.probes import wire

PLACE: Final = "READINESS_TLS_SCAN"
"""The variable that names another place for sslyze's environment."""
# sslyze: for one connection; a listener on the same site answers within milliseconds.
CONNECTION_TIMEOUT: Final = 5
# A killed process has nothing to take back.
GRACE: Final = 5.0
_TIMED_OUT: Final = "TimedOut"


@dataclass(frozen=True)
class Target:
    """One listener at one address."""

    id: str
    address: str
    port: int
    server_name: str
    starttls: str | None
    client_certificate: tuple[str, str] | None


def environment_folder() -> Path:
    """Where sslyze is installed: as told, or beside the environment that this program runs in."""
    own = Path(sys.prefix)
    return Path(os.environ.get(PLACE) or own.with_name(f"{own.name}-tls-scan"))


def lock_file() -> Path:
    """The hash-pinned list of what belongs in there."""
    return place_of("data/tls-scan.txt", "locks/tls-scan.txt")


def install_command() -> str:
    """What somebody types who wants listeners scanned."""
    folder = shlex.quote(str(environment_folder()))
    pip = f"{folder}/bin/python -m pip install --require-hashes -r {shlex.quote(str(lock_file()))}"
    return f"{shlex.quote(sys.executable)} -m venv {folder} && {pip}"


def python() -> Path:
    """The Python that has sslyze.

    Raises:
        NotRun: it is not installed; says the command that installs it.
    """
    found = environment_folder() / "bin/python"
    if not found.exists():
        raise NotRun(f"sslyze is not installed: {install_command()}")
    return found


class Scanning:
    """One scan that has been started."""

    def __init__(self, targets: Iterable[Target], profiles: Iterable[str]) -> None:
        """Start it.

        Raises:
            NotRun: sslyze is not installed.
        """
        self._targets = {one.id: one for one in targets}
        orders = {
            "profiles": sorted(set(profiles)),
            "timeout": CONNECTION_TIMEOUT,
            "targets": [asdict(one) for one in self._targets.values()],
        }
        program = Path(__file__).with_name("scan_program.py")
        words = [str(python()), "-I", "-W", "ignore", str(program)]
        self._deadline = time.monotonic() + limits.scan_limit(len(self._targets))
        # Files and no pipes: nobody reads until somebody needs an answer.
        self._files = ExitStack()
        self._said = self._files.enter_context(TemporaryFile())  # noqa: SIM115 - see close
        self._complaints = self._files.enter_context(TemporaryFile())  # noqa: SIM115 - see close
        with TemporaryFile() as given:
            given.write(json.dumps(orders).encode())
            given.seek(0)
            self._process = subprocess.Popen(
                words, stdin=given, stdout=self._said, stderr=self._complaints
            )
        self._lines: dict[str, Mapping[str, Any]] | None = None
        self._header: Mapping[str, Any] = {}
        self._late = False
        self._waiting = Lock()

    def header(self) -> Mapping[str, Any]:
        """Who scanned, and what the profiles say.

        Raises:
            ProbeError: it was not said.
        """
        self._wait()
        if not self._header:
            raise self._nothing("the scan")
        return self._header

    def line(self, target: str) -> Mapping[str, Any]:
        """What was answered about a listener, once the scan has ended.

        Raises:
            ProbeError: the listener was not reached, or nothing was said about it.
        """
        found = self._wait().get(target)
        if found is None:
            raise self._nothing(self._where(target))
        if problem := found["problem"]:
            kind = TimedOut if _TIMED_OUT in problem else Unreachable
            raise kind(f"{self._where(target)}: sslyze: {problem}")
        return found

    def close(self) -> None:
        """End it, wherever it is."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(GRACE)
        self._files.close()

    def _where(self, target: str) -> str:
        one = self._targets[target]
        return wire.place(one.address, one.port)

    def _wait(self) -> dict[str, Mapping[str, Any]]:
        """Every line, by listener; those that are there when the time is over."""
        with self._waiting:
            if self._lines is None:
                try:
                    self._process.wait(max(0.0, self._deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    self._late = True
                    self._process.kill()
                    self._process.wait(GRACE)
                lines = list(_read(self._said))
                self._header = next((one for one in lines if "profiles" in one), {})
                self._lines = {one["target"]: one for one in lines if "target" in one}
            return self._lines

    def _nothing(self, what: str) -> ProbeError:
        if self._late:
            seconds = limits.scan_limit(len(self._targets))
            return TimedOut(f"{what}: sslyze did not end within {seconds:.0f} s")
        words = b"".join(_from_the_start(self._complaints)).decode(errors="replace").strip()
        last = (words.splitlines() or ["nothing"])[-1]
        return NotUnderstood(f"{what}: sslyze gave no answer; its last words: {last}")


def _from_the_start(file: IO[bytes]) -> list[bytes]:
    file.seek(0)
    return file.readlines()


def _read(file: IO[bytes]) -> Iterable[dict[str, Any]]:
    """Whole lines; the last one of a process that was killed may be torn."""
    for line in _from_the_start(file):
        with suppress(ValueError):
            yield json.loads(line)
