"""What of a machine is seen over SSH: what runs there, and which ports others reach."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from readiness.model.errors import UsageError
from readiness.probes.ssh import ObserveSession
from readiness.probes.ssh_target import SshTarget
from readiness.systems.hosts.asking import network
from readiness.systems.hosts.asking.host import processes
from readiness.systems.hosts.reading.network import Socket

_EXPECTED: Final = "USER@HOST, or USER@HOST:PORT"
_LOGIN: Final = re.compile(
    r"([A-Za-z_][A-Za-z0-9_.-]*)@([A-Za-z0-9_.-]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?"
)
_MOST_PORT: Final = 65535
# Units of the operating system itself: they say nothing about what the machine is for.
_SYSTEM: Final = re.compile(
    r"(?:systemd-.*|dbus.*|getty@.*|serial-getty@.*|console-getty|user@.*|init|polkit|udisks2|cron"
    r"|crond|atd|rsyslog|accounts-daemon|networkd-dispatcher|NetworkManager|ModemManager"
    r"|unattended-upgrades|multipathd|snapd|packagekit|qemu-guest-agent|open-vm-tools|ifup@.*"
    r"|wpa_supplicant|irqbalance|rpcbind|smartmontools|thermald|bolt|cloud-.*|auditd)\.service"
)
# Meant to be reached from other machines, on whichever of them it listens.
_MEANT: Final = frozenset({"22/tcp", "80/tcp", "443/tcp"})


@dataclass(frozen=True)
class Login:
    """Whom to log in as, and where."""

    user: str
    host: str
    port: int | None = None

    @property
    def target(self) -> SshTarget:
        """As `ssh` would reach it: keys, known hosts and jumps are those of its configuration."""
        return SshTarget(self.host, self.host, user=self.user, port=self.port)


@dataclass(frozen=True)
class Seen:
    """What one machine shows to a login."""

    login: Login
    services: tuple[str, ...]
    sockets: tuple[Socket, ...]
    problem: str = ""
    """Why it shows nothing."""

    @property
    def reached(self) -> tuple[str, ...]:
        """The ports that other machines reach, as people declare them."""
        found = {one.name for one in self.sockets if one.reachable}
        return tuple(sorted(found, key=lambda name: (int(name.partition("/")[0]), name)))

    def meant(self, *ports: int) -> tuple[str, ...]:
        """Those of them that are meant to be: SSH, the web, and the ports that are looked at."""
        own = {f"{port}/tcp" for port in (*ports, self.login.port) if port}
        return tuple(one for one in self.reached if one in _MEANT | own)

    def listens(self, port: int) -> bool:
        """Whether something listens at a port of TCP there, for others or for itself."""
        return any((one.protocol, one.port) == ("tcp", port) for one in self.sockets)


def read_login(text: str) -> Login:
    """The parts of `--ssh`.

    Raises:
        UsageError: it is something else.
    """
    found = _LOGIN.fullmatch(text)
    port = int(found[3]) if found and found[3] else None
    if not found or port == 0 or (port or 0) > _MOST_PORT:
        raise UsageError("is wrong", key="--ssh", expected=_EXPECTED, found=f"'{text}'")
    return Login(found[1], found[2].strip("[]"), port)


def look(login: Login, session: ObserveSession) -> Seen:
    """Look at a machine.

    Raises:
        ProbeError: it does not say.
    """
    return Seen(login, _services(processes(session)), tuple(network.sockets(session)))


def _services(running: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The units with processes that are not the system's own, as people call them."""
    units = (one for one in running if one.endswith(".service") and not _SYSTEM.fullmatch(one))
    return tuple(sorted(one.removesuffix(".service") for one in units))
