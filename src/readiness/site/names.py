"""The addresses behind a name, as the resolver of the machine that looks has them."""

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from readiness.model.errors import ProbeError, Unreachable
from readiness.site.declared.common import canonical, is_address

AT_ONCE: Final = 16
"""Names that are asked for at the same time: a resolver answers them beside one another."""


def resolve(host: str) -> tuple[str, ...]:
    """Each address behind a name, IPv4 and IPv6, in the order that the resolver prefers.

    Raises:
        Unreachable: there is none, or nobody could be asked.
    """
    if is_address(host):
        return (host,)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreachable(f"the name {host} does not resolve: {reason}") from error
    # A zone (fe80::1%eth0) is this machine's own.
    addresses = (str(entry[4][0]).partition("%")[0] for entry in found)
    return tuple(dict.fromkeys(map(canonical, addresses)))


def resolve_all(hosts: set[str]) -> dict[str, tuple[str, ...] | ProbeError]:
    """For each name its addresses, or why there are none; all are asked at once."""

    def attempt(host: str) -> tuple[str, ...] | ProbeError:
        try:
            return resolve(host)
        except ProbeError as error:
            return error

    if not hosts:
        return {}
    with ThreadPoolExecutor(min(AT_ONCE, len(hosts))) as pool:
        return dict(zip(hosts, pool.map(attempt, hosts), strict=True))
