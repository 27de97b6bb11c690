"""kill -9 of the gate at random moments of a drill, then `readiness recover`: is the lab healthy?

Needs root; brings the lab up. Rounds: first argument, 20 unless given; seeded. A quarter of them
wait for the cut and kill inside it. The cut's expiry is set beyond the test's end, so that
`recover` and not the expiry heals it. One round more leaves everything to a short expiry.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.home import REPOSITORY, current
from lab.site import Site

READINESS = str(Path(sys.executable).with_name("readiness"))
LONGEST = 110.0
CUT_LASTS = 30.0
UNTIL_CUT = 180.0
UNTIL_EXPIRED = 300.0
MOST_TRIES = 3
SEED = 20
POLICY = str(REPOSITORY / "environments/policy.yaml")


@dataclass(frozen=True)
class Bench:
    """One lab, one environment file, one state folder."""

    site: Site
    folder: Path
    environment: Path

    def argv(self, *words: str) -> list[str]:
        """The product's command, as seen from the machine that looks."""
        return self.site.lab.look_from("mon1", [READINESS, *words, "--env", str(self.environment)])

    @property
    def variables(self) -> dict[str, str]:
        """A state folder of its own."""
        return os.environ | {"READINESS_STATE": str(self.folder / "state")}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the product to its end."""
        return subprocess.run(
            self.argv(*words), cwd=self.folder, env=self.variables,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def is_cut(self) -> bool:
        """Whether a database machine carries the drill's table."""
        members = ("db1", "db2", "db3")
        tables = [self.site.lab.check(one, ["nft", "list", "tables"]) for one in members]
        return any("readiness" in text for text in tables)

    def kill_after(self, seconds: float, *, inside_cut: bool) -> str:
        """Start a drill and kill it; whether that was in the cut.

        A drill whose control trial was inconclusive comes to no cut: it is begun again.
        """
        number = 1
        while not self._kill_one(seconds, inside_cut=inside_cut) and number < MOST_TRIES:
            number += 1
        again = f", try {number}" if number > 1 else ""
        return f"killed after {seconds:5.1f} s" + (" of the cut" if inside_cut else "") + again

    def _kill_one(self, seconds: float, *, inside_cut: bool) -> bool:
        """Whether the moment to kill at came before the drill ended."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        drill = self.argv("gate", "--tier", "disrupt", "--only", "PG-02?")
        with subprocess.Popen(drill, cwd=self.folder, env=self.variables, **quiet) as gate:  # type: ignore[call-overload]
            try:
                latest = time.monotonic() + UNTIL_CUT
                while inside_cut and not self.is_cut():
                    if gate.poll() is not None or time.monotonic() > latest:
                        return False
                    time.sleep(0.5)
                with suppress(subprocess.TimeoutExpired):
                    gate.wait(timeout=seconds)
            finally:
                gate.kill()
        return True

    def red(self) -> list[str]:
        """The cases that fail in an observe run."""
        lines = self.run("gate", "--policy", POLICY).stdout.splitlines()
        return [line for line in lines if line.strip().startswith("failed ")]

    def recovered(self) -> tuple[bool, str]:
        """Recover twice, look; whether all is well, and the story."""
        begun = time.monotonic()
        first, second = self.run("recover"), self.run("recover")
        waited = time.monotonic() - begun
        cut = self.is_cut()
        self.site.up()
        red = self.red()
        good = first.returncode == 0 and "nothing to undo" in second.stdout and not cut and not red
        said = (first.stdout.strip() or first.stderr.strip()).splitlines()[-1:]
        story = [f"{''.join(said)} ({waited:.0f} s for both); {len(red)} red afterwards", *red]
        return good, "\n      ".join(story)


def main() -> None:
    """Print each round and the sum."""
    # Whoever ends this ends the gate that it started too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    chance = random.Random(SEED)  # noqa: S311 - moments, not secrets
    site = Site(current())
    site.up()
    good = 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(site, Path(folder), written(site, Path(folder), "1 h"))
        for number in range(1, rounds + 1):
            inside = number > rounds - rounds // 4
            moment = chance.uniform(0, CUT_LASTS) if inside else chance.uniform(3, LONGEST)
            killed = bench.kill_after(moment, inside_cut=inside)
            cut = bench.is_cut()
            healed, story = bench.recovered()
            good += healed
            state = "cut in force" if cut else "no cut"
            print(f"{number:>2}: {killed}, {state}: {story}", flush=True)
        print(f"{good} of {rounds} healthy after recover")
        expiry_alone(Bench(site, Path(folder), written(site, Path(folder), "150 s")))


def expiry_alone(bench: Bench) -> None:
    """Kill inside the cut and wait until it ends by itself."""
    killed = bench.kill_after(5, inside_cut=True)
    begun = time.monotonic()
    before = bench.is_cut()
    while bench.is_cut() and time.monotonic() - begun < UNTIL_EXPIRED:
        time.sleep(1)
    waited = time.monotonic() - begun
    bench.site.up()
    print(
        f"expiry alone: {killed}, cut in force: {before}; gone after {waited:.0f} s: "
        f"{not bench.is_cut()}; {len(bench.red())} red afterwards",
        flush=True,
    )
    print(f"recover later: {bench.recovered()[1]}")


def written(site: Site, folder: Path, expiry: str) -> Path:
    """The lab's environment file for this lab's home, with that expiry."""
    text = (REPOSITORY / "environments/lab.yaml").read_text()
    file = folder / "lab.yaml"
    file.write_text(
        text.replace("/var/lib/readiness-lab/", f"{site.home.path}/").replace(
            "expiry: 150 s", f"expiry: {expiry}"
        )
    )
    return file


if __name__ == "__main__":
    main()
