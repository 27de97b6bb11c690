"""kill -9 of the gate at random moments of a drill, then `readiness recover`: is the lab healthy?

Needs root; brings the lab up. The cut's expiry is set beyond the test's end, so that `recover` and
not the expiry heals it. Rounds: first argument, 20 unless given; seeded.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.home import REPOSITORY, current
from lab.site import Site

READINESS = str(Path(sys.executable).with_name("readiness"))
LONGEST = 110.0
SEED = 20


def main() -> None:
    """Print each round and the sum."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    chance = random.Random(SEED)  # noqa: S311 - moments, not secrets
    site = Site(current())
    site.up()
    good = 0
    with tempfile.TemporaryDirectory() as folder:
        text = (REPOSITORY / "environments/lab.yaml").read_text()
        environment = Path(folder) / "lab.yaml"
        environment.write_text(
            text.replace("/var/lib/readiness-lab/", f"{site.home.path}/").replace(
                "expiry: 150 s", "expiry: 1 h"
            )
        )
        for number in range(1, rounds + 1):
            moment = chance.uniform(3, LONGEST)
            healed, story = one_round(site, environment, Path(folder), moment)
            good += healed
            print(f"{number:>2}: killed after {moment:5.1f} s: {story}", flush=True)
    print(f"{good} of {rounds} healthy after recover")


def one_round(site: Site, environment: Path, folder: Path, moment: float) -> tuple[bool, str]:
    """Kill one gate, recover, look."""

    def looking(*words: str) -> list[str]:
        return site.lab.look_from("mon1", [READINESS, *words, "--env", str(environment)])

    variables = os.environ | {"READINESS_STATE": str(folder / "state")}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    drill = looking("gate", "--tier", "disrupt", "--only", "PG-02?")
    with subprocess.Popen(drill, cwd=folder, env=variables, **quiet) as gate:  # type: ignore[call-overload]
        deadline = time.monotonic() + moment
        while time.monotonic() < deadline and gate.poll() is None:
            time.sleep(0.05)
        gate.kill()
    recover = subprocess.run(
        looking("recover"), cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    again = subprocess.run(
        looking("recover"), cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    site.up()
    observe = subprocess.run(
        looking("gate", "--policy", str(REPOSITORY / "environments/policy.yaml")),
        cwd=folder, env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    red = [line for line in observe.stdout.splitlines() if line.strip().startswith("failed ")]
    healed = recover.returncode == 0 and "nothing to undo" in again.stdout and not red
    last = (recover.stdout.strip() or recover.stderr.strip()).splitlines()[-1:]
    return healed, f"{''.join(last)}; {len(red)} red afterwards"


if __name__ == "__main__":
    main()
