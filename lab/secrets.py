"""Everything secret of one lab: made once per home, kept in files of mode 0600, never printed."""

import base64
import hashlib
import os
import secrets as randomness
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from lab import pki
from lab.app.portal.generate import canary_advisor, canary_students, staff
from lab.app.portal.passwords import account_password
from lab.errors import LabError
from lab.home import LAB, Home
from lab.inventory import Layout, Machine, layout

AUTHORITY = "ca/lab-ca"
READER = "readiness"
# `certificates` lets mon1 hand the edges their certificate, and nothing else.
SSH_USERS = ("observer", "driller", "scanner", "root", "certificates")
# The portal's role has it made; the passwords of its synthetic accounts are derived from it.
ACCOUNTS_KEY = "portal/accounts.key"
# The role that may do what no canary may.
ADMINISTRATOR = "Administrator"


def write_private(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that is complete or absent, with this mode from its first byte."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)


@dataclass(frozen=True)
class Secrets:
    """The secrets folder of one lab, which is one of a site."""

    path: Path
    site: str = LAB

    @classmethod
    def of(cls, home: Home) -> "Secrets":
        """Those of this home."""
        return cls(home.secrets, home.site)

    @property
    def layout(self) -> Layout:
        """What belongs to its site."""
        return layout(self.site)

    @property
    def ssh_users(self) -> tuple[str, ...]:
        """Who logs in with a key of their own."""
        return (*SSH_USERS, *self.layout.ssh_keys)

    def ensure(self) -> None:
        """Make what is missing, and the reader's etcd certificate anew; keep everything else."""
        self._ensure_authority()
        for user in self.ssh_users:
            self._ensure_ssh_key(f"ssh/{user}", f"{user}@lab")
        for machine in self.layout.machines:
            self._ensure_ssh_key(f"ssh/hosts/{machine.name}", machine.fqdn)
        for name in self.layout.passwords:
            self._ensure_password(name)
        if ACCOUNTS_KEY in self.layout.passwords:
            self._write_canary_passwords()
        self._write_known_hosts()
        reader = self.issue(READER)
        write_private(self.path / "etcd/client.pem", reader.certificate)
        write_private(self.path / "etcd/client.key", reader.key)

    def read(self, name: str) -> bytes:
        """The content of a file under the secrets folder.

        Raises:
            LabError: there is no such file.
        """
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise LabError(f"no secret is called {name!r}: {error.strerror}") from error

    def generation(self) -> str:
        """A digest that changes when any long-lived secret does."""
        digest = hashlib.sha256(self.read(f"{AUTHORITY}.pem"))
        for machine in self.layout.machines:
            digest.update(self.read(f"ssh/hosts/{machine.name}.pub"))
        for name in (*(f"ssh/{user}.pub" for user in self.ssh_users), *self.layout.passwords):
            digest.update(self.read(name))
        return digest.hexdigest()

    def issue(
        self, name: str, alternatives: Iterable[str] = (), life: timedelta = pki.LEAF_LIFE
    ) -> pki.Pair:
        """A certificate of the lab's authority."""
        return pki.issue(self._authority(), name, alternatives, life)

    def issue_for(self, machine: Machine, life: timedelta = pki.LEAF_LIFE) -> pki.Pair:
        """A certificate for all names and addresses of a machine."""
        names = [machine.fqdn, machine.name, "localhost"]
        names += [name for name, (v4, _) in self.layout.services.items() if v4 == machine.v4]
        addresses = [str(each) for card in machine.interfaces for each in (card.v4, card.v6)]
        return self.issue(machine.fqdn, [*names, *addresses, "127.0.0.1", "::1"], life)

    def revocation_list(self, revoked: Iterable[int] = ()) -> bytes:
        """The list of what the lab's authority revoked (DER), by serial number."""
        return pki.revocation_list(self._authority(), revoked)

    def fingerprint(self, machine: Machine) -> str:
        """The SHA256 fingerprint of a machine's SSH host key, as ssh-keygen prints it."""
        blob = base64.b64decode(self.read(f"ssh/hosts/{machine.name}.pub").split()[1])
        digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"

    def _authority(self) -> pki.Pair:
        return pki.Pair(self.read(f"{AUTHORITY}.pem"), self.read(f"{AUTHORITY}.key"))

    def _ensure_authority(self) -> None:
        if (self.path / f"{AUTHORITY}.pem").exists() and (self.path / f"{AUTHORITY}.key").exists():
            return
        authority = pki.new_authority("Readiness Lab Internal CA")
        write_private(self.path / f"{AUTHORITY}.key", authority.key)
        write_private(self.path / f"{AUTHORITY}.pem", authority.certificate)

    def _ensure_ssh_key(self, name: str, comment: str) -> None:
        private, public = self.path / name, self.path / f"{name}.pub"
        if private.exists() and public.exists():
            return
        key = ed25519.Ed25519PrivateKey.generate()
        line = key.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        write_private(public, line + f" {comment}\n".encode())
        write_private(
            private,
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            ),
        )

    def _ensure_password(self, name: str) -> None:
        if not (self.path / name).exists():
            write_private(self.path / name, randomness.token_urlsafe(24).encode() + b"\n")

    def _write_canary_passwords(self) -> None:
        """Keep the passwords of the accounts that checks log in as where those look."""
        key = self.read(ACCOUNTS_KEY).strip()
        people = [canary_advisor(), *(each.person for each in canary_students())]
        people += [one for one in staff() if one.role == ADMINISTRATOR]
        for email in (person.email for person in people):
            name = email.partition("@")[0]
            password = account_password(key, email)
            write_private(self.path / f"portal/{name}.password", password.encode() + b"\n")

    def _write_known_hosts(self) -> None:
        lines = []
        for machine in self.layout.machines:
            kind, blob = self.read(f"ssh/hosts/{machine.name}.pub").decode().split()[:2]
            addresses = [str(each) for card in machine.interfaces for each in (card.v4, card.v6)]
            lines.append(f"{','.join([machine.name, machine.fqdn, *addresses])} {kind} {blob}\n")
        write_private(self.path / "known_hosts", "".join(lines).encode())
