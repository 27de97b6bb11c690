"""Drift runs of a healthy lab with failovers between them: how many report something worse?

Needs root; brings the lab up. Runs: first argument, 30 unless given. Before every fifth the
primary's role is handed over, so that most runs have another leader than the baseline.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab import cluster, product
from lab.home import current
from lab.scene import Scene
from lab.site import Site

READINESS = str(Path(sys.executable).with_name("readiness"))
BETWEEN = 5
NOTHING_WORSE = 0


def main() -> None:
    """Print each run that was not quiet, and the sum."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    site = Site(current())
    site.up()
    with tempfile.TemporaryDirectory() as folder:
        environment = str(product.environment_file(site, "drift"))
        variables = os.environ | {"READINESS_STATE": f"{folder}/state"}

        def call(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                site.lab.look_from("mon1", [READINESS, *words]),
                cwd=folder, env=variables, capture_output=True, text=True, check=False,
            )  # fmt: skip

        call("gate", "--env", environment)
        accepted = call("accept", "reports/latest", "--by", "benchmark", "--because", "healthy")
        if accepted.returncode:
            raise SystemExit(accepted.stderr or accepted.stdout)
        quiet, begun = 0, time.monotonic()
        for number in range(1, runs + 1):
            if number % BETWEEN == 0:
                hand_over(site)
            done = call("drift", "--env", environment)
            quiet += done.returncode == NOTHING_WORSE
            if done.returncode != NOTHING_WORSE:
                said = f"{done.stdout}{done.stderr}"
                print(f"run {number} ended with {done.returncode}:\n{said}", flush=True)
        print(
            f"{quiet} of {runs} runs reported nothing worse, a failover before every {BETWEEN}th; "
            f"{(time.monotonic() - begun) / runs:.1f} s each"
        )


def hand_over(site: Site) -> None:
    """Make the next member the primary, and wait until the site is healthy again."""
    scene = Scene(site, {})
    members = cluster.MEMBERS
    following = members[(members.index(cluster.leads(scene)) + 1) % len(members)]
    cluster.make_primary(scene, following)
    site.up()
    print(f"{following} leads", flush=True)


if __name__ == "__main__":
    main()
