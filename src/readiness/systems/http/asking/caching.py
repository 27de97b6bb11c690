"""Asks what a page says to caches, of every machine behind an address."""

from readiness.systems.http.asking.lines import Front, Lines, Request
from readiness.systems.http.reading import Caching, SaidToCaches
from readiness.systems.http.storable import directives, written


def caching(front: Front, address: str, path: str) -> Caching:
    """What each machine behind an address says to caches about a page.

    Raises:
        ProbeError: it could not be asked for.
    """
    with Lines(front) as lines:
        servers = lines.servers()
        heard = lines.ask(Request(path, path), servers)
    said = [
        SaidToCaches(server, one.status, written(directives(one.headers)))
        for server, one in sorted(heard.items())
    ]
    named = set(heard) if set(heard) != {""} else set(front.servers)
    missing = tuple(one for one in front.servers if one not in named)
    return Caching(address, path, tuple(said), missing)
