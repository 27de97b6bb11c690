"""Starting, entering and ending machines: systemd-nspawn in namespaces made beforehand.

Nothing here trusts a file about what runs: a machine is the processes in its control group, and its
init is the one among them that is pid 1 of its own pid namespace.
"""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import cgroups, containers, mounts, network, tracers
from lab.errors import LabError
from lab.home import LAB, Home
from lab.inventory import Layout, Machine, layout

# Asks systemd to power off (systemd(1), "Signals").
POWER_OFF = signal.SIGRTMIN + 4
VISITORS = "visitors"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "SYSTEMD_PAGER": "cat",
}
# Joins the control groups named before "--", then becomes the command.
JOIN = 'set -e; while [ "$1" != -- ]; do echo $$ > "$1"; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class Done:
    """How a command inside a machine ended, and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Lab:
    """The machines of one lab."""

    home: Home

    @property
    def layout(self) -> Layout:
        """What belongs to its site."""
        return layout(self.home.site)

    @property
    def of(self) -> str:
        """What has to be said behind a command of the lab for it to be about this site."""
        return "" if self.home.site == LAB else f" --site {self.home.site}"

    def group(self, name: str) -> str:
        """The control group of a machine."""
        return f"{self.home.cgroup}/{name}"

    def folder(self, name: str) -> Path:
        """The folder with a machine's live layers."""
        return self.home.run / name

    def root(self, name: str) -> Path:
        """A machine's root as the host sees it."""
        return self.folder(name) / "root"

    def mount(self, machine: Machine, lower: Sequence[Path]) -> Path:
        """Mount a machine's root over these read-only layers."""
        return mounts.overlay(lower, self.folder(machine.name))

    def boot(self, machine: Machine) -> None:
        """Start a machine whose root is mounted and whose namespace exists; does not wait."""
        console = self.home.log / f"{machine.name}.console"
        argv = [
            # A machine may set its own network's switches, nothing else of the kernel.
            "env",
            "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network",
            *containers.environment(machine),
            "systemd-nspawn",
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--boot",
            f"--directory={self.root(machine.name)}",
            f"--machine={self.home.namespace(machine.name)}",
            f"--hostname={machine.name}",
            f"--network-namespace-path={network.path(self.home, machine.name)}",
            "--capability=CAP_NET_ADMIN",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            "--console=pipe",
            *containers.options(self.home, machine),
            *tracers.options(machine),
        ]
        group = self.group(machine.name)
        more = containers.groups(machine, group)
        with console.open("ab") as output:
            # Forked away: the machine is no child of this tool, whose end it outlives.
            subprocess.run(
                ["setsid", "--fork", *self._joined(group, argv, more)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                check=True,
            )

    def leader(self, name: str) -> int | None:
        """The host's pid of a machine's init, or None if the machine does not run."""
        for pid in sorted(cgroups.members(self.group(name))):
            if _is_container_init(pid):
                return pid
        return None

    def running(self) -> list[str]:
        """The machines that run, in the inventory's order."""
        return [each.name for each in self.layout.machines if self.leader(each.name) is not None]

    def run(
        self,
        name: str,
        argv: Sequence[str],
        *,
        stdin: str | bytes | None = None,
        timeout: float = 30.0,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Run a command inside a machine as root, through its init's namespaces.

        Args:
            name: the machine.
            argv: the command; no shell is involved.
            stdin: what the command reads, nothing by default.
            timeout: seconds until it is killed.
            environment: variables besides the usual ones.

        Raises:
            LabError: the machine does not run, or the command took too long.
        """
        given = stdin.encode() if isinstance(stdin, str) else stdin
        process = subprocess.Popen(
            self.enter_machine(name, argv, environment),
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(given, timeout=timeout)
        except BaseException as error:
            # nsenter does not pass signals on: the whole session goes.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                said = f"{name}: {' '.join(argv)[:80]} took longer than {timeout:.0f} s"
                raise LabError(said) from error
            raise
        return Done(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))

    def check(self, name: str, argv: Sequence[str], *, stdin: str | None = None) -> str:
        """Run a command inside a machine and return what it printed.

        Raises:
            LabError: it failed.
        """
        done = self.run(name, argv, stdin=stdin)
        if done.code != 0:
            said = (done.err or done.out).strip()[-400:]
            raise LabError(f"{name}: {' '.join(argv)[:80]} ended with {done.code}: {said}")
        return done.out

    def enter_machine(
        self, name: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> list[str]:
        """The host's command line that runs a command inside a machine.

        Raises:
            LabError: there is no such machine, or it does not run.
        """
        self._known(name)
        leader = self.leader(name)
        if leader is None:
            raise LabError(f"{name} does not run; scripts/lab status{self.of} shows what does")
        variables = {**ENVIRONMENT, **(environment or {})}
        inside = ["env", "-i", *(f"{key}={value}" for key, value in variables.items()), *argv]
        words = ["nsenter", f"--target={leader}", "--all", "--root", "--wd", "--", *inside]
        return self._joined(f"{self.group(name)}/{VISITORS}", words)

    def look_from(self, name: str, argv: Sequence[str]) -> list[str]:
        """The command line that runs a host's command in a machine's network, with the lab's names.

        Raises:
            LabError: there is no such machine, or its network is not there.
        """
        self._known(name)
        namespace = network.path(self.home, name)
        if not namespace.exists():
            raise LabError(f"the lab is not up; scripts/lab up{self.of}")
        binds = (
            f"mount --bind {self.home.hosts} /etc/hosts && "
            f"mount --bind {self.home.resolv} /etc/resolv.conf && "
            'exec "$@"'
        )
        words = ["nsenter", f"--net={namespace}", "--"]
        words += ["unshare", "--mount", "--propagation", "private", "--"]
        words += ["sh", "-c", binds, "enter", *argv]
        return self._joined(f"{self.home.cgroup}/{VISITORS}", words)

    def power_off(self, names: Iterable[str], *, grace: float) -> list[str]:
        """Ask machines to power off and wait; returns those that still run after the grace."""
        asked = list(names)
        for name in asked:
            leader = self.leader(name)
            if leader is not None:
                cgroups.send(leader, POWER_OFF)
        cgroups.wait_until(lambda: not self._alive(asked), grace, pause=0.1)
        return self._alive(asked)

    def pull_the_plug(self, name: str) -> None:
        """End a machine as a power cut does: nothing in it gets a chance to do anything."""
        cgroups.clear(self.group(name))

    def _alive(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if cgroups.members(self.group(name))]

    def _joined(self, group: str, argv: Sequence[str], more: Sequence[Path] = ()) -> list[str]:
        files = [str(file) for file in (*cgroups.create(group), *more)]
        return ["sh", "-c", JOIN, "join", *files, "--", *argv]

    def _known(self, name: str) -> None:
        names = [machine.name for machine in self.layout.machines]
        if name not in names:
            raise LabError(f"no machine is called {name!r}; there are: {', '.join(names)}")


def _is_container_init(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            return line.split()[2:] == ["1"]
    return False
