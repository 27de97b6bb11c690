"""Whom SSH logs in to: what both the connection and those who ask for one know of a machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from readiness.model.errors import NotRun

if TYPE_CHECKING:
    from readiness.site.declared.firewall import ScanLogin
    from readiness.site.environment import Environment, SshLogin


@dataclass(frozen=True)
class SshTarget:
    """A machine as one would reach it by `ssh`; None means ssh_config's word or its default."""

    name: str
    address: str
    user: str | None = None
    port: int | None = None
    key_file: Path | None = None
    known_hosts: Path | None = None
    config_file: Path | None = None

    def __str__(self) -> str:
        """Name, address and user for a message."""
        port = f" port {self.port}" if self.port else ""
        who = f" as {self.user}" if self.user else ""
        return f"{self.name} ({self.address}{port}){who}"


def target(
    site: "Environment", name: str, address: str, login: "SshLogin | ScanLogin"
) -> SshTarget:
    """How a login reaches a machine of the site, or one that the site is looked at from.

    Raises:
        NotRun: the environment declares no SSH.
    """
    if site.ssh is None:
        raise NotRun("the environment declares no SSH")
    declared = next((one for one in site.machines if one.name == name), None)
    return SshTarget(
        name=name,
        # By its name it is in ssh_config and among the known hosts.
        address=declared.host if declared and declared.host else address,
        user=login.user,
        port=declared.ssh_port if declared else None,
        key_file=site.path(login.key) if login.key else None,
        known_hosts=site.path(site.ssh.known_hosts) if site.ssh.known_hosts else None,
        config_file=site.path(site.ssh.config) if site.ssh.config else None,
    )
