"""What a machine says about its own addresses and about the sockets that others may reach."""

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.systems.hosts.reading.network import Socket, read_addresses, read_sockets


def sockets(session: ObserveSession) -> tuple[Socket, ...]:
    """Every TCP and UDP socket that listens, of every process.

    Raises:
        NotUnderstood: ss failed or answered something else.
    """
    found: list[Socket] = []
    for protocol in ("tcp", "udp"):
        answer = session.run(f"ss --numeric --listening --{protocol}")
        if answer.exit_code != 0:
            raise NotUnderstood(f"{session.where}: ss failed: {answer.complaint}")
        found += read_sockets(answer.text, protocol, where=session.where)
    return tuple(found)


def addresses(session: ObserveSession) -> tuple[str, ...]:
    """Every address that the machine holds on a card that is up, in canonical form.

    Raises:
        NotUnderstood: ip failed or answered something else.
    """
    answer = session.run("ip -json address show")
    if answer.exit_code != 0:
        raise NotUnderstood(f"{session.where}: ip failed: {answer.complaint}")
    return read_addresses(answer.text, where=session.where)
