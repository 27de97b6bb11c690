"""Opens connections from the machine that it runs on, and says what became of each.

This file is sent over SSH to a vantage point, where a bare `python3 -I -` runs it: it imports the
standard library only, writes nothing, and sends no octet over what it opens.
"""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import sys
import time
from typing import Any

OPEN, REFUSED, FILTERED = "open", "refused", "filtered"
UNREACHABLE, UNSENT = "unreachable", "unsent"
NOTED_EVERY = 10  # milliseconds
STATES = {
    0: OPEN,
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: FILTERED,
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.EACCES: UNREACHABLE,
    errno.ECONNRESET: REFUSED,
}
# What a connect that goes on in the background begins with.
BEGUN = (errno.EINPROGRESS, errno.EALREADY, errno.EAGAIN)


class Scanner:
    """Bounded in what is under way at once, in new connections a second, and in time."""

    def __init__(self, at_once: int, rate: int, patience: float, limit: float) -> None:
        """Take the bounds: seconds of patience for one connection, seconds for everything."""
        self.at_once, self.rate, self.patience = at_once, rate, patience
        self.end = time.monotonic() + limit
        self.sent = 0
        self.poll = select.poll()
        self.under_way: dict[int, tuple[socket.socket, int, float]] = {}
        self.states: dict[int, str] = {}

    def ask(self, cells: list[tuple[str, int]]) -> list[str]:
        """What becomes of each (address, port), in their order.

        Raises:
            TimeoutError: the time for everything is over.
        """
        self.states = {}
        begun, first, waiting = self.sent, time.monotonic(), list(enumerate(cells))[::-1]
        while waiting or self.under_way:
            now = time.monotonic()
            if now > self.end:
                raise TimeoutError("the scan took longer than it may")
            due = begun + 1 + (now - first) * self.rate
            while waiting and len(self.under_way) < self.at_once and self.sent < due:
                self.begin(*waiting.pop())
            self.gather()
        return [self.states[number] for number in range(len(cells))]

    def begin(self, number: int, cell: tuple[str, int]) -> None:
        """Begin one connection."""
        address, port = cell
        self.sent += 1
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        one = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        code = one.connect_ex((address, port))
        if code in BEGUN:
            self.under_way[one.fileno()] = (one, number, time.monotonic() + self.patience)
            self.poll.register(one, select.POLLOUT)
        else:
            self.states[number] = STATES.get(code, UNSENT)
            one.close()

    def gather(self) -> None:
        """Take what has been answered, and give up what nobody answers."""
        for number, _ in self.poll.poll(NOTED_EVERY):
            one, _, _ = self.under_way[number]
            code = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self.finish(number, STATES.get(code, UNSENT))
        now = time.monotonic()
        for number in [n for n, (_, _, end) in self.under_way.items() if end < now]:
            self.finish(number, FILTERED)

    def finish(self, descriptor: int, state: str) -> None:
        """Note a state and close."""
        one, number, _ = self.under_way.pop(descriptor)
        self.states[number] = state
        self.poll.unregister(one)
        one.close()


def source(address: str) -> str:
    """The address that a connection to there comes from; nothing is sent to find out."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        try:
            one.connect((address, 9))
        except OSError:
            return ""
        return str(one.getsockname()[0])


def capabilities() -> str:
    """The effective capabilities of this process, as the kernel writes them."""
    with open("/proc/self/status") as status:  # noqa: PTH123 - one import less on the other side
        return next(line.split()[1] for line in status if line.startswith("CapEff:"))


def scan(asked: dict[str, Any]) -> dict[str, Any]:
    """Ask the known cells, half of the others, the known again, the other half, the known again."""
    scanner = Scanner(asked["at_once"], asked["rate"], asked["patience"], asked["limit"])
    known = [(a, p) for a, ports in asked["known"].items() for p in ports]
    # Port by port, so that no target gets many connections at once.
    others = [(a, p) for a, ports in asked["others"].items() for p in ports]
    others.sort(key=lambda cell: cell[1])
    half = len(others) // 2
    began = time.time()
    rounds = [scanner.ask(known)]
    states = scanner.ask(others[:half])
    rounds.append(scanner.ask(known))
    states += scanner.ask(others[half:])
    rounds.append(scanner.ask(known))
    return {
        "uid": os.getuid(),
        "capabilities": capabilities(),
        "sources": {address: source(address) for address in asked["addresses"]},
        "known": [[*cell, *each] for cell, *each in zip(known, *rounds)],  # noqa: B905
        "others": [[*cell, state] for cell, state in zip(others, states)],  # noqa: B905
        "began": began,
        "seconds": time.time() - began,
    }


def main(text: str) -> None:
    """Scan as asked in JSON and print what was found as JSON."""
    json.dump(scan(json.loads(text)), sys.stdout)
