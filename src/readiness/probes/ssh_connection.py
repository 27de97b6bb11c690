"""Opens one SSH connection with asyncssh and runs commands over it; what it raises is ours.

Only what connects imports this module: asyncssh starts a compiler while it is imported, to look
for a library that it can do without, and a site that nobody logs in to need not wait for that.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Final

import asyncssh

from readiness.model.errors import (
    AccessDenied,
    NotUnderstood,
    ReadinessError,
    TimedOut,
    Unreachable,
    WrongTarget,
)
from readiness.probes.ssh_target import SshTarget
from readiness.systems.answer import Answer

_KEEPALIVE: Final = 5.0  # seconds between questions on an idle connection, three unanswered end it
_DEFAULT_PORT: Final = 22


class Connection:
    """A login on one machine, for as long as it lasts."""

    def __init__(self, target: SshTarget, connection: asyncssh.SSHClientConnection) -> None:
        self._target = target
        self._connection = connection
        self.user = str(connection.get_extra_info("username"))
        key = connection.get_server_host_key()
        self.fingerprint = key.get_fingerprint("sha256") if key else ""

    @property
    def lost(self) -> bool:
        """Whether it has ended."""
        return self._connection.is_closed()

    async def exchange(self, command: str, stdin: bytes | None) -> Answer:
        """Run one command line; raises Unreachable when the connection ends before it does."""
        try:
            done = await self._connection.run(
                command, input=stdin or b"", encoding=None, check=False
            )
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(f"{self._target}: connection lost: {_reason(error)}") from error
        if done.exit_status is None:
            raise Unreachable(f"{self._target}: connection lost while {command!r} ran")
        return Answer(done.exit_status, _octets(done.stdout), _octets(done.stderr))

    async def close(self) -> None:
        """End it, whatever still runs over it."""
        self._connection.abort()
        with contextlib.suppress(asyncssh.Error, OSError):
            await self._connection.wait_closed()


async def connect(target: SshTarget, limit: float) -> Connection:
    """Log in within so many seconds; raises ProbeError or WrongTarget."""
    try:
        async with asyncio.timeout(limit):
            options = await _options(target)
            if options.known_hosts is None:
                raise NotUnderstood(f"{target}: ssh_config turns host key verification off")
            return Connection(target, await _login(target, options))
    except TimeoutError as error:
        raise TimedOut(f"{target}: no SSH login within {limit:g} s") from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise AccessDenied(f"{target}: SSH key unusable: {_reason(error)}") from error
    except (asyncssh.Error, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.filename:
            raise AccessDenied(f"{target}: cannot read {_reason(error)}") from error
        raise Unreachable(f"{target}: {_reason(error)}") from error


async def _login(
    target: SshTarget, options: asyncssh.SSHClientConnectionOptions
) -> asyncssh.SSHClientConnection:
    try:
        # Said again here because jump hosts are looked up in this one, not in the options.
        return await asyncssh.connect(target.address, options=options, **_config(target))
    except asyncssh.PermissionDenied as error:
        raise AccessDenied(f"{target}: SSH login refused: {_reason(error)}") from error
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        if "host key" not in str(error).lower():
            raise
        raise _identity_problem(target, options, error) from error


async def _options(target: SshTarget) -> asyncssh.SSHClientConnectionOptions:
    given: dict[str, Any] = {
        "username": target.user,
        "port": target.port,
        "client_keys": [str(target.key_file)] if target.key_file else None,
        "known_hosts": str(target.known_hosts) if target.known_hosts else None,
    }
    options: asyncssh.SSHClientConnectionOptions
    options = await asyncssh.SSHClientConnectionOptions.construct(
        host=target.address,
        preferred_auth="publickey",
        keepalive_interval=_KEEPALIVE,
        **_config(target),
        **{key: value for key, value in given.items() if value is not None},
    )
    return options


def _config(target: SshTarget) -> dict[str, Any]:
    return {"config": [str(target.config_file)]} if target.config_file else {}


def _identity_problem(
    target: SshTarget, options: asyncssh.SSHClientConnectionOptions, error: Exception
) -> ReadinessError:
    """Another system when we know a key for this machine, otherwise only an unknown one."""
    host = options.host_key_alias or options.host
    port = options.port if options.port != _DEFAULT_PORT else None
    known = options.known_hosts or [str(Path("~/.ssh/known_hosts").expanduser())]
    try:
        host_keys, ca_keys, *_ = asyncssh.match_known_hosts(known, host, "", port)
    except (OSError, ValueError):
        host_keys, ca_keys = (), ()
    if host_keys or ca_keys:
        return WrongTarget(f"{target}: its host key is not the known one: {_reason(error)}")
    return NotUnderstood(f"{target}: no known host key to verify it by: {_reason(error)}")


def _octets(data: bytes | str | None) -> bytes:
    return data.encode() if isinstance(data, str) else data or b""


def _reason(error: BaseException) -> str:
    """An exception as half a line."""
    if isinstance(error, OSError) and error.strerror:
        name = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{name}"
    return " ".join(str(error).split()) or type(error).__name__
