"""Whom SSH logs in to: what both the connection and those who ask for one know of a machine."""

from dataclasses import dataclass
from pathlib import Path


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
