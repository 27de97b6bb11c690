"""Bringing the whole lab up, down and back to its frozen state."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab import (
    added,
    cgroups,
    containers,
    freeze,
    health,
    host,
    identity,
    image,
    mounts,
    network,
    roles,
    tracers,
)
from lab.errors import LabError
from lab.home import Home, current
from lab.inventory import Machine, layout
from lab.machines import Lab
from lab.parallel import for_each
from lab.progress import say, step
from lab.secrets import Secrets, write_private

HEALTHY_LIMIT = 300.0  # a store in Java takes two minutes on a machine that has much to do
BOOTSTRAP_LIMIT = 600.0
SETTLE_LIMIT = 60.0
QUIESCE_LIMIT = 30.0
POWER_OFF_GRACE = 20.0
# On the way down nothing is kept: a machine gets a moment to say goodbye, no more.
DOWN_GRACE = 8.0
LOCK_LIMIT = 900.0
SETTLED = ("running", "degraded")


@dataclass(frozen=True)
class Site:
    """One lab as a whole."""

    home: Home

    @property
    def lab(self) -> Lab:
        """Its machines."""
        return Lab(self.home)

    @property
    def secrets(self) -> Secrets:
        """Its secrets."""
        return Secrets.of(self.home)

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The machines of its site, the router first."""
        return layout(self.home.site).machines

    def up(self) -> None:
        """Make the lab run and be healthy; a lab that runs already is only waited for.

        Raises:
            LabError: it could not be done; nothing of it is hidden.
        """
        host.install_programs()
        with self._changing("up"):
            recorded = self._recorded()
            if recorded is None:
                self._begin()
                return
            self.secrets.ensure()
            if recorded != freeze.key(self.secrets):
                say(f"up: it runs from older roles; scripts/lab reset{self.lab.of} takes today's")
            self._power_on_missing()
            self._settle(recorded)

    def reset(self) -> None:
        """Throw the live state away and start from the frozen one."""
        host.install_programs()
        with self._changing("reset"):
            self._begin()

    def down(self) -> None:
        """End the lab: politely, then not; leaves no process, mount, cgroup or namespace."""
        with self._changing("down"):
            running = self.lab.running()
            if running and self._recorded():
                with step(f"powering off {len(running)} machines"):
                    stubborn = self.lab.power_off(running, grace=DOWN_GRACE)
                if stubborn:
                    say(f"still running after {DOWN_GRACE:.0f} s, killed: {', '.join(stubborn)}")
            self._clear()
            say("down")

    def is_of_today(self) -> bool:
        """Whether what runs was made from the roles as they are now."""
        return self._recorded() == freeze.key(self.secrets)

    def leftovers(self) -> list[str]:
        """What of this lab is on the host, of any kind; empty when it is down."""
        group = self.home.cgroup
        found = [f"process {pid}" for pid in sorted(cgroups.members(group))]
        found += [
            f"mount {point}" for point in mounts.below(self.home.run, mounts.MOUNTS.read_text())
        ]
        found += [f"cgroup {group}"] if cgroups.exists(group) else []
        return found + [f"namespace {name}" for name in network.present(self.home)]

    def _begin(self) -> None:
        """Start all machines from the frozen state, which is made first where there is none."""
        self._clear()
        self.secrets.ensure()
        image.ensure(self.home)
        added.ensure(self.home)
        containers.ensure(self.home)
        tracers.ensure(self.home)
        key = freeze.key(self.secrets)
        if not freeze.present(self.home, key):
            self._bootstrap(key)
        started = time.monotonic()
        with step("starting from the frozen state"):
            self._start(lambda machine: freeze.layers(self.home, key, machine), lay=False)
        self._settle(key)
        took = time.monotonic() - started
        say(f"up: {len(self.machines)} machines healthy {took:.1f} s after start")

    def _bootstrap(self, key: str) -> None:
        with step("first boot: laying roles and starting"):
            self._start(lambda machine: added.layers(self.home, machine), lay=True)
        with step("first boot: bootstrapping"):
            for_each(self.machines, self._bootstrap_machine)
        with step("first boot: waiting until the site is healthy"):
            health.wait(self.lab, self.machines, BOOTSTRAP_LIMIT)
        with step("first boot: powering off and freezing"):
            for_each(
                self.machines, lambda machine: self._scripts(machine, "quiesce", QUIESCE_LIMIT)
            )
            names = [machine.name for machine in self.machines]
            stubborn = self.lab.power_off(names, grace=POWER_OFF_GRACE)
            if stubborn:
                raise LabError(f"did not power off, not frozen: {', '.join(stubborn)}")
            mounts.unmount_below(self.home.run)
            freeze.keep(self.lab, key)
        self._clear()

    def _bootstrap_machine(self, machine: Machine) -> None:
        words = ["systemctl", "is-system-running"]

        def settled() -> bool:
            try:
                return self.lab.run(machine.name, words).out.strip() in SETTLED
            except LabError:
                return False

        started = time.monotonic()
        if not cgroups.wait_until(
            lambda: self.lab.leader(machine.name) is not None, health.BOOT_LIMIT
        ):
            lines = health.journal(self.lab, machine.name)
            raise LabError(f"{machine.name} did not boot:\n{lines}")
        cgroups.wait_until(settled, SETTLE_LIMIT, pause=0.5)
        settling = time.monotonic() - started
        self._scripts(machine, "bootstrap", BOOTSTRAP_LIMIT)
        took = time.monotonic() - started
        say(f"{machine.name}: bootstrapped after {took:.1f} s ({settling:.1f} s of them booting)")

    def _scripts(self, machine: Machine, name: str, limit: float) -> None:
        for role in roles.roles_of(machine):
            if role.script(name) is None:
                continue
            done = self.lab.run(machine.name, [roles.script_path(role, name)], timeout=limit)
            if done.code != 0:
                said = (done.out + done.err).strip()[-1500:]
                lines = health.journal(self.lab, machine.name)
                raise LabError(f"{machine.name}: {role.name}/{name} failed: {said}\n{lines}")

    def _start(self, layers: Callable[[Machine], Sequence[Path]], *, lay: bool) -> None:
        """Network, roots, what ages, and all machines at once; does not wait for them."""
        host.raise_limits()
        self.home.hosts.write_text(self.lab.layout.hosts_file())
        self.home.resolv.write_text("# no name server in the lab\n")
        network.build(self.home)

        def start(machine: Machine) -> None:
            root = self.lab.mount(machine, layers(machine))
            if lay:
                roles.lay(machine, root, self.secrets)
            roles.freshen(machine, root, self.secrets)
            self.lab.boot(machine)

        for_each(self.machines, start)

    def _power_on_missing(self) -> None:
        for machine in self.machines:
            if self.lab.leader(machine.name) is None:
                say(f"{machine.name} is off: switching it on")
                self.lab.boot(machine)

    def _settle(self, key: str) -> None:
        """Wait for health, write down what the lab is, and that it is up."""
        with step("waiting until the site is healthy"):
            health.wait(self.lab, self.machines, HEALTHY_LIMIT)
        for machine in self.machines:
            for role in roles.roles_of(machine):
                for target, source in role.collect.items():
                    content = self.lab.check(machine.name, ["cat", source])
                    write_private(self.home.secrets / target, content.encode())
        identity.write(self.lab, self.secrets)
        state = {
            "schema": 1,
            "frozen": key,
            "image": image.key(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "machines": {
                machine.name: {
                    "init": self.lab.leader(machine.name),
                    "namespace": self.home.namespace(machine.name),
                }
                for machine in self.machines
            },
        }
        write_private(self.home.state, (json.dumps(state, indent=2) + "\n").encode())

    def _recorded(self) -> str | None:
        """The frozen key of the lab that runs, None where none was brought up completely."""
        try:
            state = json.loads(self.home.state.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return str(state["frozen"]) if network.present(self.home) else None

    def _clear(self) -> None:
        """Remove every trace of a running lab, from what is on the host and not from memory."""
        if os.getpid() in cgroups.members(self.home.cgroup):
            raise LabError("this command runs inside `lab enter`; leave it first")
        self.home.state.unlink(missing_ok=True)
        cgroups.clear(self.home.cgroup)
        containers.clear(self.home)
        mounts.unmount_below(self.home.run)
        network.destroy(self.home)
        shutil.rmtree(self.home.run)
        self.home.run.mkdir(mode=0o700)

    @contextmanager
    def _changing(self, what: str) -> Iterator[None]:
        """Hold the lab's lock: one command changes it at a time."""
        host.require_root()
        self.home.create()
        with self.home.lock.open("a") as lock:
            end = time.monotonic() + LOCK_LIMIT
            told = False
            while not _try_lock(lock.fileno()):
                if time.monotonic() > end:
                    raise LabError(f"{what}: another lab command holds {self.home.lock}")
                if not told:
                    say(f"{what}: waiting for another lab command to end")
                    told = True
                time.sleep(0.5)
            yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def this(site: str = "") -> Site:
    """The lab of the named site, or that of this process's environment.

    Raises:
        LabError: there is no such site.
    """
    found = Site(current(site))
    layout(found.home.site)
    return found
