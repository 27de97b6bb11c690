"""Machines that run containers themselves: what such a machine is given besides, and Kubernetes.

Its control groups are its own in every hierarchy, so that kubelets of several machines never clean
up after each other; what an overlay can't lie on is bound from the host's file system. Kubernetes,
what enforces its network policies, and its name service are built once from their Go modules and
kept by version, outside the clone: later set-ups compile nothing.
"""

import contextlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab import keys, roles
from lab.cgroups import hierarchies, wait_until
from lab.errors import LabError
from lab.home import REPOSITORY, Home
from lab.inventory import Machine, layout
from lab.progress import step

CACHE: Final = Path("/var/cache/readiness-lab")
VERSION: Final = "1.34.4"
# From nothing Kubernetes takes 12 minutes of one processor, and others may build at the same time.
BUILD_LIMIT: Final = 3600.0
CONTROLLERS: Final = Path("/sys/fs/cgroup")
# The clock and the kernel's modules are the host's: no container has business with them.
NEVER: Final = "CAP_SYS_TIME,CAP_SYS_MODULE"
# overlayfs refuses to lie on itself, and containers' layers are overlays.
BOUND: Final = ("var/lib/containerd", "var/lib/kubelet")
GONE_LIMIT: Final = 10.0


@dataclass(frozen=True)
class Built:
    """A program that is built from Go modules, which its folder of the lab pins."""

    folder: str
    name: str
    version: str
    package: str
    minutes: int
    told: str = ""

    @property
    def source(self) -> Path:
        """The folder with its go.mod."""
        return REPOSITORY / "lab" / self.folder

    @property
    def place(self) -> Path:
        """Where it is kept, by all that decides what is built."""
        digest = keys.digest(keys.tree_files(self.source), REPOSITORY, self.version)
        return CACHE / self.folder / digest


def _stamped(version: str) -> str:
    """What Kubernetes says of its version is given when it is linked."""
    major, minor, _ = version.split(".")
    told = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    return " ".join(f"-X k8s.io/component-base/version.{key}={one}" for key, one in told.items())


_ROUTER: Final = "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
PROGRAMS: Final = (
    Built("kubernetes", "kubernetes", VERSION, ".", 12, _stamped(VERSION)),
    Built("policies", "kube-router", "2.1.0", _ROUTER, 4),
    Built("names", "coredns", "1.15.0", ".", 2),
)


def runs_them(machine: Machine) -> bool:
    """Whether one of its roles says so."""
    return any(role.runs_containers for role in roles.roles_of(machine))


def ensure(home: Home) -> None:
    """Build the programs where a machine of the site needs them and nobody built them yet.

    Raises:
        LabError: there is no Go, or one could not be built.
    """
    if not any(map(runs_them, layout(home.site).machines)):
        return
    for one in PROGRAMS:
        if not (one.place / one.name).exists():
            what = f"{one.name} {one.version} from its modules, once ({one.minutes} minutes of one"
            with step(f"building {what} CPU)"):
                _build(one)


def options(home: Home, machine: Machine) -> list[str]:
    """What systemd-nspawn is told besides for a machine that runs containers."""
    if not runs_them(machine):
        return []
    binds = []
    for place in BOUND:
        folder = home.run / machine.name / "bound" / place
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        binds.append(f"--bind={folder}:/{place}")
    more = ["--capability=all", f"--drop-capability={NEVER}", *binds]
    return [*more, *(f"--bind-ro={one.place}:/opt/{one.folder}" for one in PROGRAMS)]


def environment(machine: Machine) -> list[str]:
    """Variables of systemd-nspawn: its filter of system calls refuses what runc needs."""
    return ["SYSTEMD_SECCOMP=0"] if runs_them(machine) else []


def groups(machine: Machine, group: str) -> list[Path]:
    """The `cgroup.procs` of its group in the hierarchies that systemd has no use for."""
    if not runs_them(machine):
        return []
    found = []
    for root in _others():
        folder = root / group
        folder.mkdir(parents=True, exist_ok=True)
        if root.name.startswith("cpuset"):
            _same_processors(root, folder)
        found.append(folder / "cgroup.procs")
    return found


def clear(home: Home) -> None:
    """Remove the site's groups from those hierarchies, once nothing runs in them any more."""
    for root in _others():
        top = root / home.cgroup
        if not wait_until(lambda top=top: _removed(top), GONE_LIMIT):  # type: ignore[misc]
            raise LabError(f"control groups stay behind: {top}")


def _others() -> list[Path]:
    """The hierarchies of version 1 with a controller; none where the host has version 2 alone."""
    systemd = hierarchies(Path("/proc/self/mountinfo").read_text())
    mounted = (one for one in sorted(CONTROLLERS.iterdir()) if (one / "cgroup.procs").exists())
    real = {one.resolve(): one.resolve() for one in mounted if one.is_dir()}
    return [one for one in real if one not in systemd and one.parent == CONTROLLERS]


def _same_processors(root: Path, folder: Path) -> None:
    """Give a group of processors what its parents have; a new one has none, and nobody may join."""
    above = root
    for part in folder.relative_to(root).parts:
        for name in ("cpuset.cpus", "cpuset.mems"):
            given = (above / name).read_text()
            if (above / part / name).read_text() != given:
                (above / part / name).write_text(given)
        above /= part


def _removed(top: Path) -> bool:
    for where, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):
            Path(where).rmdir()
    return not top.exists()


def _build(one: Built) -> None:
    draft = one.place / f"{one.name}.new"
    one.place.mkdir(mode=0o755, parents=True, exist_ok=True)
    words = ["nice", "go", "build", "-trimpath", "-mod=readonly", "-ldflags", f"-s -w {one.told}"]
    build([*words, "-o", str(draft), one.package], one.source, f"{one.name} could not be built")
    draft.rename(one.place / one.name)


def build(argv: Sequence[str], folder: Path, lacking: str) -> None:
    """Run a compiler or an installer in the folder that pins what it takes.

    Raises:
        LabError: it failed, or took too long; the message begins with what is lacking then.
    """
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env={**os.environ, "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            timeout=BUILD_LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"{lacking}: {error}") from error
    if done.returncode:
        raise LabError(f"{lacking}: {done.stderr.strip()[-600:]}")
