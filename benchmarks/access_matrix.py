"""500 routes without a login and as three people, of an application on loopback, at 200 a second.

    scripts/bench access_matrix

Prints requests and seconds; the aim is 30 s for 500 routes and four identities. The server is ours
and Python as well, so that half of the processor time is not the gate's.
"""

import importlib
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from readiness.drills.access_trial import AccessTrial
from readiness.drills.permit import Permit
from readiness.model.words import Case, Tier
from readiness.systems.access.asking import ASKERS

ROUTES = 500
RATE = 200


def main() -> None:
    """Print what each part took."""
    sys.path[:0] = ["tests", "tests/probes", "tests/access"]
    made: Any = importlib.import_module("application")
    hierarchy = importlib.import_module("pki").hierarchy
    routes = "".join(f"      - {{path: '/records/{{student}}/{one}'}}\n" for one in range(ROUTES))
    access = made.ACCESS.replace("    public:", f"{routes}    public:")
    access = access.replace('STUDENT: ["/records/{student}"]', 'STUDENT: ["/records/*"]')
    with (
        tempfile.TemporaryDirectory() as folder,
        made.application(Path(folder), hierarchy()) as served,
    ):
        site = served.site(access, rate=RATE)
        kept: dict[str, Any] = {}
        connections: Any = SimpleNamespace(
            site=site,
            kept=lambda key, opened: kept.setdefault(key, opened()),
            authority_pem=lambda name: site.content(site.authorities[name]),
        )
        one = made.place(site)
        ask: Any = ASKERS[0].ask
        begun = time.monotonic()
        doors = ask(connections, one)
        anonymous = time.monotonic() - begun
        permit = Permit("run", Case("PEN-002", one.id), Tier.TOUCH)
        matrix = AccessTrial(connections, permit, one.access).run()[one.id]
        parts = (matrix.right, matrix.wrong_role, matrix.wrong_object)
        signed = sum(part.count for part in parts)
        took = time.monotonic() - begun
    print(
        f"{ROUTES} routes: {doors.answers.count} answers without a login in {anonymous:.1f} s, "
        f"{signed} as three people, {len(served.requests)} requests over "
        f"{len(served.connections)} connections, {took:.1f} s together"
    )


if __name__ == "__main__":
    main()
