"""What the faults of the firewalls share: rules that are put in front, and the rules as they were.

A zone as people write it in a pattern: every pair of zones that a defect is seen in.
"""

from collections.abc import Iterable

from lab.errors import LabError
from lab.inventory import machine
from lab.scene import Scene

ROUTER = "gw1"
MARK = "lab-fault"
DEBUG_PORT = 9009
DEBUG_UNIT = "lab-debug-server"


def put_in_front(scene: Scene, name: str, *rules: str, table: str = "machine") -> None:
    """Insert rules before all others of a machine's input, or of the router's forwarding."""
    chain = "input" if table == "machine" else "forward"
    lines = [f'insert rule inet {table} {chain} {rule} comment "{MARK}"' for rule in rules]
    scene.run(name, "nft", "-f", "-", stdin="\n".join(lines) + "\n")


def in_front(scene: Scene, name: str, table: str = "machine") -> str:
    """The rules of the fault that are in force, as nft lists them."""
    said = scene.run(name, "nft", "list", "table", "inet", table)
    return "; ".join(line.strip() for line in said.splitlines() if MARK in line)


def as_they_were(scene: Scene, *names: str) -> None:
    """Load the rules from the files that a boot loads them from."""
    for name in names:
        scene.run(name, "nft", "-f", "/etc/nftables.conf")
        if name == ROUTER:
            scene.run(name, "nft", "-f", "/etc/nftables-forward.conf")


def closed(scene: Scene, source: str, address: str, ports: Iterable[int]) -> str:
    """The probe of somebody in a hurry: these ports do not answer from there.

    Raises:
        LabError: one of them does.
    """
    for port in ports:
        script = f"</dev/tcp/{address}/{port}"
        done = scene.ask(source, "timeout", "2", "bash", "-c", script)
        if done.code == 0 or "refused" in done.err:
            raise LabError(f"{address} port {port} answers {source}")
    return f"ports {', '.join(map(str, ports))} of {address} do not answer {source}"


def v4(name: str) -> str:
    """A machine's IPv4 address."""
    return str(machine(name).v4)
