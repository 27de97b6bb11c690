"""Asks the SSH server at each address what it offers, to root and to our own login, unproven.

Nobody logs in, and no password is tried: the method `none` (RFC 4252, 5.2) is refused with the list
of what would be taken. No user is invented, since guards against guessing count those.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Final

from readiness.model.errors import NotUnderstood, ReadinessError, TimedOut, Unreachable
from readiness.systems.hardening.reading import Offer, Offers
from readiness.systems.hardening.reading.offer import host_keys_offered, weak_algorithms

PORT: Final = 22
_LIMIT: Final = 8.0  # seconds for one address
_BANNER_LINES: Final = 50  # a server may say something before its version (RFC 4253, 4.2)
_LONGEST_PACKET: Final = 35_000  # bytes (RFC 4253, 6.1)
_OURS: Final = b"SSH-2.0-readiness\r\n"


def offers(addresses: tuple[str, ...], port: int, login: str) -> Offers:
    """What is offered at each address.

    Raises:
        ProbeError: no address answers, or one answers something else.
    """
    found = asyncio.run(_all([_at(one, port, login) for one in addresses]))
    answered = tuple(one for one in found if isinstance(one, Offer))
    if not answered:
        raise Unreachable(
            f"{', '.join(addresses)} port {port}: no SSH server; `ssh_port` says another"
        )
    closed = {*addresses} - {one.address for one in answered}
    return Offers(answered, tuple(sorted(closed)))


async def host_key_algorithms(address: str, port: int) -> tuple[str, ...]:
    """The algorithms that the server has host keys for (RFC 4253, 7.1).

    Raises:
        ProbeError: no SSH server says so.
    """
    _, payload = await _first_packet(address, port)
    return host_keys_offered(payload)


async def _all(asked: list[Coroutine[Any, Any, Offer | None]]) -> list[Offer | None]:
    return await asyncio.gather(*asked)


async def _at(address: str, port: int, login: str) -> Offer | None:
    """What one address offers; None where nobody listens."""
    import asyncssh  # noqa: PLC0415 - dear, see readiness.probes.ssh_connection

    try:
        async with asyncio.timeout(_LIMIT):
            software, payload = await _first_packet(address, port)
            key = await asyncssh.get_server_host_key(address, port, config=None)
            root, users = [
                await asyncssh.get_server_auth_methods(address, port, one, config=None)
                for one in ("root", login)
            ]
    except TimeoutError as error:
        raise TimedOut(f"{address} port {port}: no SSH answer in {_LIMIT:g} s") from error
    except ConnectionRefusedError:
        return None
    except OSError as error:
        raise Unreachable(f"{address} port {port}: {error.strerror or 'not reached'}") from error
    except asyncssh.Error as error:
        raise NotUnderstood(f"{address} port {port}: {error.reason or 'no SSH answer'}") from error
    except ReadinessError as error:
        raise NotUnderstood(f"{address} port {port}: {error}") from error
    fingerprint = key.get_fingerprint("sha256") if key else ""
    weak = weak_algorithms(payload)
    return Offer(address, software, fingerprint, weak, tuple(root), tuple(users))


async def _first_packet(address: str, port: int) -> tuple[str, bytes]:
    """The server's version, and the payload of its first packet."""
    reader, writer = await asyncio.open_connection(address, port, limit=_LONGEST_PACKET)
    try:
        writer.write(_OURS)
        software = await _version(reader)
        length = int.from_bytes(await reader.readexactly(4), "big")
        if not 1 < length <= _LONGEST_PACKET:
            raise NotUnderstood("expected an SSH packet, found something else")
        packet = await reader.readexactly(length)
        return software, packet[1 : length - packet[0]]
    except (asyncio.IncompleteReadError, ValueError) as error:
        raise NotUnderstood("expected an SSH server, found an end") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _version(reader: asyncio.StreamReader) -> str:
    for _ in range(_BANNER_LINES):
        line = await reader.readline()
        if line.startswith(b"SSH-"):
            return line.strip().decode("ascii", "replace")
    raise NotUnderstood("expected an SSH server's version, found none")
