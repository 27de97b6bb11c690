"""A real etcd cluster of three on loopback, TLS and client certificates demanded everywhere."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local_servers import free_port, program, scratch, started, wait_until
from pki import Hierarchy

from readiness.model.errors import ProbeError
from readiness.probes.rest import RestTarget
from readiness.systems.etcd import asking as etcd

NAME = "etcd.example.org"


@dataclass(frozen=True)
class EtcdCluster:
    """Three members; `targets` by name, and the processes to stop one by one."""

    targets: dict[str, RestTarget]
    stop: dict[str, ExitStack]


def target(name: str, port: int, folder: Path) -> RestTarget:
    """Return one member as the probe sees it, with a client certificate."""
    pem = folder / "client.pem"
    return RestTarget(name, NAME, "127.0.0.1", port, folder / "ca.pem", pem, pem)


@contextmanager
def etcd_cluster(authority: Hierarchy) -> Iterator[EtcdCluster]:
    """Run three members until the block ends."""
    etcd_program = program("etcd", package="etcd-server")
    with scratch() as folder, ExitStack() as everything:
        (folder / "ca.pem").write_bytes(authority.root.pem)
        for role in ("server", "client"):
            leaf = authority.leaf(NAME, "127.0.0.1")
            leaf.write(folder / f"{role}.pem", *leaf.above)
        ports = {name: (free_port(), free_port()) for name in ("e1", "e2", "e3")}
        peers = ",".join(f"{name}=https://127.0.0.1:{peer}" for name, (_, peer) in ports.items())
        stop = {}
        for name, both in ports.items():
            stop[name] = everything.enter_context(ExitStack())
            argv = [etcd_program, *_flags(name, both, peers, folder)]
            stop[name].enter_context(started(argv, log=folder / f"{name}.log"))
        targets = {name: target(name, client, folder) for name, (client, _) in ports.items()}
        for name, one in targets.items():
            wait_until(partial(_is_healthy, one), f"{name} is healthy", log=folder / f"{name}.log")
        yield EtcdCluster(targets, stop)


def _flags(name: str, ports: tuple[int, int], peers: str, folder: Path) -> list[str]:
    client, peer = (f"https://127.0.0.1:{port}" for port in ports)
    pem, ca_file = folder / "server.pem", folder / "ca.pem"
    options = {
        "name": name,
        "data-dir": folder / name,
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": peers,
        "initial-cluster-token": "probes",
        "cert-file": pem,
        "key-file": pem,
        "trusted-ca-file": ca_file,
        "peer-cert-file": pem,
        "peer-key-file": pem,
        "peer-trusted-ca-file": ca_file,
        "heartbeat-interval": 100,
        "election-timeout": 1000,
        "log-level": "warn",
    }
    switches = ["--client-cert-auth", "--peer-client-cert-auth"]
    return [f"--{option}={value}" for option, value in options.items()] + switches


def _is_healthy(one: RestTarget) -> bool:
    try:
        return etcd.health(one).healthy
    except ProbeError:
        return False
