"""Leads to a port that a machine listens on for itself alone, over the SSH connection to it.

It looks into the session and the connection that it goes over: both belong to these probes, and
what a machine is asked by commands has nothing to do with it.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.model.errors import AccessDenied, Unreachable
from readiness.probes.ssh import ObserveSession

if TYPE_CHECKING:
    import asyncssh

    from readiness.probes.ssh import _Link

LOOPBACK: Final = "localhost"
"""What a server is asked for that listens for its own machine: it knows in which families."""


@contextlib.contextmanager
def forwarded(session: ObserveSession, port: int) -> Iterator[Path]:
    """A folder with a socket that leads to a port of the machine's own loopback.

    The socket is called as libpq expects it. Nobody else can reach into the folder.

    Raises:
        ProbeError: nothing listens there, or the machine forwards nothing.
    """
    link = session._link  # noqa: SLF001 - see above
    with tempfile.TemporaryDirectory(prefix="readiness-") as folder:
        path = Path(folder) / f".s.PGSQL.{port}"
        end = link._loop.wait(_forward(link, path, port))  # noqa: SLF001
        try:
            yield Path(folder)
        finally:
            end()


async def _forward(link: "_Link", path: Path, port: int) -> Callable[[], None]:
    """Begin to lead a socket to a port there; returns what ends that."""
    import asyncssh  # noqa: PLC0415 - dear, see `readiness.probes.ssh_connection`

    await link.open()
    login = link._connection  # noqa: SLF001 - see above
    if login is None:
        raise Unreachable(f"{link.target}: not connected")
    connection = login._connection  # noqa: SLF001
    try:
        _, first = await connection.open_connection(LOOPBACK, port)
        first.close()
        listener = await connection.forward_local_path_to_port(str(path), LOOPBACK, port)
    except asyncssh.ChannelOpenError as error:
        if error.code == _PROHIBITED:
            advice = "`AllowTcpForwarding local` and `PermitOpen` there would let us"
            raise AccessDenied(f"{link.target}: forwards nothing: {advice}") from error
        where = f"{LOOPBACK}:{port}"
        raise Unreachable(f"{link.target}: nothing answers at {where} there: {error}") from error
    except (asyncssh.Error, OSError) as error:
        raise Unreachable(f"{link.target}: {error}") from error
    loop = asyncio.get_running_loop()
    return lambda: _ended(loop, listener)


_PROHIBITED: Final = 1  # SSH_OPEN_ADMINISTRATIVELY_PROHIBITED (RFC 4254, 5.1)


def _ended(loop: asyncio.AbstractEventLoop, listener: "asyncssh.SSHListener") -> None:
    """End a listener from any thread; the loop may have ended before, and it with that."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(listener.close)
