"""The observe tier over the whole lab, beside the bare handshakes and logins it can't do without.

Peer: one `openssl s_client` per listener address and one `ssh true` per machine, in sequence, as a
shell script would. Needs root; brings the lab up.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.home import REPOSITORY, current
from lab.site import Site
from readiness.site.documents import load_environment
from readiness.site.subjects import endpoints

READINESS = str(Path(sys.executable).with_name("readiness"))
ROUNDS = 3


def timed(argv: list[str], folder: str) -> float:
    """Seconds that a command takes, whatever it says."""
    begun = time.perf_counter()
    subprocess.run(
        argv,
        cwd=folder,
        env=os.environ | {"READINESS_STATE": f"{folder}/state"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return time.perf_counter() - begun


def main() -> None:
    """Print medians and their ratio."""
    site = Site(current())
    site.up()
    with tempfile.TemporaryDirectory() as folder:
        text = (REPOSITORY / "environments/lab.yaml").read_text()
        file = Path(folder) / "lab.yaml"
        file.write_text(text.replace("/var/lib/readiness-lab/", f"{site.home.path}/"))
        environment = load_environment(file)
        gate = site.lab.look_from("mon1", [READINESS, "gate", "--env", str(file)])
        lines = [
            f"openssl s_client -brief -connect '{_place(one.address, one.listener.port)}' "
            f"{'-starttls postgres' if one.listener.protocol == 'postgresql' else ''}"
            for one in endpoints(environment)
        ]
        secrets = site.home.secrets
        lines += [
            f"ssh -i {secrets}/ssh/observer -o UserKnownHostsFile={secrets}/known_hosts "
            f"observer@{one.addresses[0]} true"
            for one in environment.machines
        ]
        peer = site.lab.look_from("mon1", ["sh", "-c", "\n".join(lines)])
        pairs = [(timed(gate, folder), timed(peer, folder)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"observe tier: {ours:.1f} s; bare script: {theirs:.1f} s; ratio {ratio:.2f}")


def _place(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


if __name__ == "__main__":
    main()
