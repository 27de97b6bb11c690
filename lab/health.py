"""Asking machines whether they are healthy, by their roles' own scripts, until a deadline."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from lab.errors import LabError, Unhealthy
from lab.host import call
from lab.inventory import Machine
from lab.machines import Lab
from lab.parallel import for_each
from lab.roles import roles_of, script_path

# Asking takes the time that machines need to start: shorter is slower.
PAUSE = 1.5
ASK_LIMIT = 15.0
# Who has no init by then is not waited for.
BOOT_LIMIT = 15.0
JOURNAL_LINES = 25
# What a program says once when it gives up is many lines back once its manager has tried again.
COMPLAINTS = "FATAL|PANIC|ERROR|CRITICAL|[Ff]ailed|error:"
COMPLAINT_LINES = 10


@dataclass(frozen=True)
class Health:
    """What one machine's roles say: an empty reason means healthy."""

    machine: str
    reason: str = ""

    def __bool__(self) -> bool:
        return not self.reason


def ask(lab: Lab, machine: Machine) -> Health:
    """Run the health script of every role once; the first that objects gives the reason."""
    for role in roles_of(machine):
        if role.script("health") is None:
            continue
        try:
            done = lab.run(machine.name, [script_path(role, "health")], timeout=ASK_LIMIT)
        except LabError as error:
            return Health(machine.name, str(error))
        if done.code != 0:
            said = (done.out.strip() or done.err.strip() or "no reason given").splitlines()[-1]
            return Health(machine.name, f"{role.name}: {said}")
    return Health(machine.name)


def ask_all(lab: Lab, machines: Sequence[Machine]) -> list[Health]:
    """Ask every machine once, all at the same time."""
    return for_each(machines, lambda machine: ask(lab, machine))


def wait(lab: Lab, machines: Sequence[Machine], seconds: float) -> None:
    """Wait until every machine is healthy.

    Raises:
        Unhealthy: a machine is not at its deadline; carries its reason and last journal lines.
    """
    end = time.monotonic() + seconds
    boots = time.monotonic() + BOOT_LIMIT

    def until_healthy(machine: Machine) -> Health:
        while True:
            health = ask(lab, machine)
            off = time.monotonic() >= boots and lab.leader(machine.name) is None
            if health or off or time.monotonic() >= end:
                return health
            time.sleep(PAUSE)

    sick = [health for health in for_each(machines, until_healthy) if not health]
    if sick:
        reports = [f"{each.machine}: {each.reason}\n{journal(lab, each.machine)}" for each in sick]
        raise Unhealthy(f"not healthy within {seconds:.0f} s:\n" + "\n".join(reports))


def journal(lab: Lab, name: str, lines: int = JOURNAL_LINES) -> str:
    """A machine's last complaints and journal lines, read from outside, so also of a dead one.

    A machine that never came so far has no journal; then its console's last lines stand in.
    """
    folder = lab.root(name) / "var/log/journal"
    words = ["journalctl", f"--directory={folder}", "--no-pager", "-o", "short", "--quiet"]
    try:
        last = call([*words, f"--lines={lines}"])
    except LabError:
        console = lab.home.log / f"{name}.console"
        last = console.read_text(errors="replace") if console.exists() else "no journal"
        last = "\n".join(last.splitlines()[-lines:])
    shown = [*_complaints(words), *last.splitlines()]
    return "\n".join(f"    {line}" for line in dict.fromkeys(shown))


def _complaints(words: list[str]) -> list[str]:
    """The last lines in which a program complains; none where journalctl finds nothing."""
    try:
        return call([*words, f"--grep={COMPLAINTS}", f"--lines={COMPLAINT_LINES}"]).splitlines()
    except LabError:
        return []
