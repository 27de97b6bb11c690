"""Programs that make, pass and keep traces: Jaeger, Traefik, and OpenTelemetry for Python.

Jaeger is built once from its Go modules, the rest is installed from the package index with its
digests; both are kept by version, outside the clone, and bound into the machines that need them.
"""

import shutil
from pathlib import Path
from typing import Final

from lab import keys, roles
from lab.containers import build
from lab.home import REPOSITORY, Home
from lab.inventory import Machine, layout
from lab.progress import step

SOURCE: Final = REPOSITORY / "lab/tracing"
CACHE: Final = Path("/var/cache/readiness-lab/tracing")
JAEGER: Final = "github.com/jaegertracing/jaeger/cmd/all-in-one"
# The image's Python, for which packages are chosen.
PYTHON: Final = "3.11"
# How an error begins; from nothing it takes 10 minutes of one processor.
LACKING: Final = "what makes traces could not be had"
INSIDE: Final = "/opt/tracing"


def needs_them(machine: Machine) -> bool:
    """Whether one of its roles says so."""
    return any(role.has_tracers for role in roles.roles_of(machine))


def ensure(home: Home) -> None:
    """Build and install them where a machine of the site needs them and nobody did yet.

    Raises:
        LabError: there is no Go, or something could not be built or fetched.
    """
    if any(map(needs_them, layout(home.site).machines)) and not _place().exists():
        with step("building Jaeger from its modules, once (10 minutes of one CPU)"):
            _make(_place())


def options(machine: Machine) -> list[str]:
    """What systemd-nspawn is told besides for a machine that has them."""
    return [f"--bind-ro={_place()}:{INSIDE}"] if needs_them(machine) else []


def _place() -> Path:
    return CACHE / keys.digest(keys.tree_files(SOURCE), REPOSITORY, PYTHON)


def _make(place: Path) -> None:
    """Make the whole folder beside, and give it its name when it is complete."""
    draft = place.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o755, parents=True)
    go = ["nice", "go", "build", "-mod=readonly", "-ldflags", "-s -w"]
    build([*go, "-o", str(draft / "jaeger"), JAEGER], SOURCE, LACKING)
    uv = [str(REPOSITORY / ".venv/bin/uv"), "pip", "install", "--quiet", "--python-version", PYTHON]
    chosen = ["--only-binary", ":all:", "--require-hashes", "--requirement", "python.txt"]
    build([*uv, "--target", str(draft / "python"), *chosen], SOURCE, LACKING)
    draft.rename(place)
