"""What a fault works with: the lab's machines, what was surveyed, and reversible verbs.

A changed file is kept beside first, inside its machine, so that an undo needs no memory of the
process that changed it.
"""

import json
import math
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from lab.errors import LabError
from lab.machines import Done
from lab.site import Site

Facts = dict[str, str]
KEPT = PurePosixPath("/var/lib/lab-faults")
PAUSE = 0.3
ASK_LIMIT = 30.0

# $1 file, $2 where the original is kept: complete or absent, with owner and mode.
KEEP = (
    'set -e; [ -e "$2" ] && exit 0; mkdir -p "${2%/*}"; cp -p "$1" "$2.new"; sync "$2.new"; '
    'mv "$2.new" "$2"; sync "${2%/*}"'
)
PUT_BACK = 'set -e; [ -e "$2" ] || exit 0; cp -p "$2" "$1.kept"; sync "$1.kept"; mv "$1.kept" "$1"'


@dataclass(frozen=True)
class Scene:
    """One lab under one fault; `facts` is what was surveyed before it was planted.

    `touched` are the machines on which it ran what may have changed them; `patience` is how many
    seconds it waits for anything at most.
    """

    site: Site
    facts: Facts
    fault: str = "none"
    touched: set[str] = field(default_factory=set, compare=False, repr=False)
    patience: float = math.inf

    def __getitem__(self, key: str) -> str:
        """A surveyed fact."""
        return self.facts[key]

    def looking(self, patience: float = math.inf) -> "Scene":
        """The same for somebody who changes nothing: what it runs does not count as touched."""
        return replace(self, touched=set(), patience=min(patience, self.patience))

    def run(
        self, machine: str, *argv: str, stdin: str | None = None, limit: float = ASK_LIMIT
    ) -> str:
        """Run a command inside a machine as root; what it printed.

        Raises:
            LabError: it failed.
        """
        done = self.ask(machine, *argv, stdin=stdin, limit=limit)
        if done.code:
            said = (done.err or done.out).strip()[-400:]
            raise LabError(f"{machine}: {' '.join(argv)[:100]} ended with {done.code}: {said}")
        return done.out

    def ask(
        self, machine: str, *argv: str, stdin: str | None = None, limit: float = ASK_LIMIT
    ) -> Done:
        """Run a command inside a machine as root, whatever becomes of it."""
        self.touched.add(machine)
        return self.site.lab.run(machine, argv, stdin=stdin, timeout=limit)

    def shell(self, machine: str, script: str, *words: str) -> str:
        """Run a shell script inside a machine; the words are its ``$1``, ``$2`` and so on."""
        return self.run(machine, "sh", "-c", script, "fault", *words)

    def json(self, machine: str, *argv: str) -> Any:
        """The JSON that a command inside a machine prints, which changes nothing."""
        return json.loads(self.looking().run(machine, *argv))

    def read(self, machine: str, path: str) -> str:
        """A text file of a machine."""
        return self.looking().run(machine, "cat", path)

    def change(self, machine: str, path: str, edit: Callable[[str], str]) -> None:
        """Edit a file of a machine in place, its original kept beside.

        Raises:
            LabError: the edit changes nothing, so the file is not what the fault expects.
        """
        before = self.read(machine, path)
        after = edit(before)
        if after == before:
            raise LabError(f"{machine}: {path} is not as the fault {self.fault} expects it")
        self.shell(machine, KEEP, path, self._kept(path))
        self.write(machine, path, after)

    def write(self, machine: str, path: str, text: str) -> None:
        """Give a file new content; one that exists keeps its owner and mode."""
        self.run(machine, "sh", "-c", 'cat > "$1" && sync "$1"', "write", path, stdin=text)

    def put_back(self, machine: str, path: str) -> None:
        """Give a changed file its original content; one that was never changed stays."""
        self.shell(machine, PUT_BACK, path, self._kept(path))

    def forget(self, machine: str) -> None:
        """Drop the kept originals, once the machine is well with them."""
        self.looking().run(machine, "rm", "-rf", str(KEPT / self.fault))

    def service(self, machine: str, verb: str, *units: str) -> None:
        """``systemctl VERB UNIT…`` inside a machine."""
        self.run(machine, "systemctl", verb, *units, limit=60.0)

    def wait(self, what: str, condition: Callable[[], Any], seconds: float) -> Any:
        """The first truthy answer of a condition.

        Raises:
            LabError: it stayed false or impossible to ask until the deadline.
        """
        seconds = min(seconds, self.patience)
        end = time.monotonic() + seconds
        met = ""
        while True:
            try:
                answer = condition()
            except (LabError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
                answer, met = None, f" ({error})"
            if answer:
                return answer
            if time.monotonic() > end:
                raise LabError(f"{self.fault}: not within {seconds:.0f} s: {what}{met}")
            time.sleep(PAUSE)

    def _kept(self, path: str) -> str:
        return str(KEPT / self.fault / path.lstrip("/"))
