"""One question to one member's REST or status interface, at its own address.

Patroni and etcd answer on every member, HAProxy on every balancer. Over TLS the certificate must
bear the member's name while the connection goes to the declared address. No proxy, no redirect, no
credentials but those given.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RestAnswer:
    """Status and decoded JSON body of one answer; a body that is no JSON is None unless 200."""

    status: int
    body: Any
    date: float | None = None  # epoch seconds by the clock of who answered (RFC 9110, Date)


@dataclass(frozen=True)
class Answer:
    """What a command on a machine ended with."""

    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text; what is not UTF-8 is replaced."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """The last line the command said, for a message: standard error first."""
        lines = (self.stderr.strip() or self.stdout.strip()).decode("utf-8", "replace").splitlines()
        return lines[-1] if lines else "no output"
