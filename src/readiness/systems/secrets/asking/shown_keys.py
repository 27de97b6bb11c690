"""Asks which public keys SSH servers and TLS listeners show, before anybody has logged in."""

import asyncio
import hashlib
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
)

from readiness.model.errors import NotUnderstood, Unreachable
from readiness.probes.tls_attempt import attempt
from readiness.probes.tls_contexts import trusting_all
from readiness.probes.wire import Deadline
from readiness.site.declared.machine import Machine
from readiness.site.subjects import Endpoint
from readiness.systems.asker import Connections
from readiness.systems.hardening.asking.ssh_offer import host_key_algorithms
from readiness.systems.secrets.declared import secrets_of
from readiness.systems.secrets.published import KEYS
from readiness.systems.secrets.reading.kept import Key, Keys

LIMIT: Final = 8.0  # seconds for one machine or listener
PORT: Final = 22
_KINDS: Final = (
    ("ssh-ed25519",),
    ("rsa-sha2-512", "rsa-sha2-256"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
)
"""A server shows one key of each kind that it is asked for (RFC 4253, 7.1)."""


def of_machine(connections: Connections, machine: Machine) -> Keys:
    """The host keys of a machine's SSH server, at the first of its addresses.

    Raises:
        ProbeError: it is not reached, or shows none.
    """
    address, port = machine.addresses[0], machine.ssh_port or PORT
    found = asyncio.run(_host_keys(address, port))
    if not found:
        raise Unreachable(f"{address} port {port}: no SSH server shows a key")
    known = _known(connections)
    return Keys(tuple(_key(data, known) for data in found))


async def _host_keys(address: str, port: int) -> list[bytes]:
    import asyncssh  # noqa: PLC0415 - dear, see readiness.probes.ssh_connection

    found: list[bytes] = []
    try:
        async with asyncio.timeout(LIMIT):
            offered = set(await host_key_algorithms(address, port))
            for kinds in _KINDS:
                if wanted := [one for one in kinds if one in offered]:
                    shown: Any = await asyncssh.get_server_host_key(
                        address, port, server_host_key_algs=wanted, config=None
                    )
                    if shown is not None:
                        found.append(shown.export_public_key("openssh"))
    except (TimeoutError, OSError, asyncssh.Error) as error:
        words = str(error) or type(error).__name__
        raise Unreachable(f"{address} port {port}: {words}") from None
    return found


def _key(line: bytes, known: dict[str, str]) -> Key:
    kind = line.split()[0].decode("ascii", "replace")
    try:
        public = load_ssh_public_key(line)
    except ValueError:
        raise NotUnderstood(f"an SSH server shows a {kind} key that can't be read") from None
    digest = _digest(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return Key(kind, digest, known.get(digest, ""))


def of_listener(connections: Connections, endpoint: Endpoint) -> Keys:
    """The key of the certificate that a listener presents, to a client that trusts all.

    Raises:
        ProbeError: it is not reached, or presents none.
    """
    listener = endpoint.listener
    shown = attempt(
        endpoint.address,
        listener.port,
        trusting_all(),
        server_name=endpoint.names[0],
        starttls="postgresql" if listener.protocol == "postgresql" else None,
        deadline=Deadline(LIMIT),
    )
    if not shown.presented:
        raise Unreachable(f"{endpoint.id}: {shown}")
    try:
        public = x509.load_der_x509_certificate(shown.presented[0]).public_key()
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        raise NotUnderstood(f"{endpoint.id}: it presents a key that can't be read") from None
    digest = _digest(der)
    return Keys((Key("TLS", digest, _known(connections).get(digest, "")),))


def _digest(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def _known(connections: Connections) -> dict[str, str]:
    said = secrets_of(connections.site).keys
    return KEYS | {one.digest: one.source for one in (said.published if said else ())}
