"""TCP connections to one exact address, each under one deadline, and many questions at once."""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from readiness.model.closing import Closes
from readiness.model.errors import ProbeError, UsageError

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Deadline:
    """A point in time after which waiting stops, in seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left, more than zero.

        Raises:
            TimeoutError: The time is up.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def family(address: str) -> str:
    """Return `v4` or `v6` for an IP address in text form.

    Raises:
        UsageError: The text is a name or noise; a probe never asks a resolver.
    """
    try:
        return f"v{ipaddress.ip_address(address).version}"
    except ValueError:
        raise UsageError("not an IP address", expected="v4 or v6", found=repr(address)) from None


def place(address: str, port: int) -> str:
    """Return address and port as people write them, v6 in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Line(Closes):
    """One TCP connection; every operation on it ends by the deadline it was opened with.

    Raises whatever the socket raises (`OSError`, `TimeoutError` among them): what an ending means
    depends on who asked.
    """

    def __init__(self, address: str, port: int, deadline: Deadline) -> None:
        kind = socket.AF_INET if family(address) == "v4" else socket.AF_INET6
        self.deadline = deadline
        self.socket = socket.socket(kind, socket.SOCK_STREAM)
        try:
            self.socket.settimeout(deadline.left())
            self.socket.connect((address, port))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.socket.close()
            raise

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.settimeout(self.deadline.left())
        self.socket.sendall(data)

    def receive(self, size: int = 16384, *, patience: float | None = None) -> bytes:
        """Return what comes next, at most `size` bytes, empty at the end of the stream."""
        left = self.deadline.left()
        self.socket.settimeout(left if patience is None else min(left, patience))
        return self.socket.recv(size)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


def at_once(
    ask: Callable[[Asked], Answer], questions: Iterable[Asked], concurrency: int
) -> list[Answer | ProbeError]:
    """Ask every question, `concurrency` at a time; answers stand in the order of the questions.

    What could not be found out stands where its answer would be. Any other exception is a bug of
    ours and comes out.
    """

    def one(question: Asked) -> Answer | ProbeError:
        try:
            return ask(question)
        except ProbeError as error:
            return error

    with ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="probe") as pool:
        return list(pool.map(one, questions))
