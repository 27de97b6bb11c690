"""testinfra's vocabulary (`host.service("x").is_running`) over one observe session.

The only seam to testinfra: its modules send command lines, the session refuses what is not on the
list of observe commands and remembers the rest.
"""

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from readiness.probes.ssh import ObserveSession


class SessionBackend(BaseBackend):  # type: ignore[misc]  # testinfra ships no type information
    """A testinfra backend whose connection is an observe session."""

    NAME = "readiness"

    def __init__(self, session: ObserveSession) -> None:
        super().__init__(session.name)
        self._session = session

    def get_encoding(self) -> str:
        """Machines speak UTF-8; testinfra would start a Python there to find out."""
        return "utf-8"

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        """Quote the arguments into the line as testinfra does and run it in the session."""
        line = self.quote(command, *args)
        answer = self._session.run(line)
        return self.result(answer.exit_code, line.encode(), answer.stdout, answer.stderr)


def testinfra_host(session: ObserveSession) -> Host:
    """A testinfra host over the session: `testinfra_host(s).service("patroni").is_running`."""
    backend = SessionBackend(session)
    host = Host(backend)
    backend.set_host(host)
    return host
