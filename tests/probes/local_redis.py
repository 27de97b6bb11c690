"""A real Redis and a real Sentinel on loopback, over TLS, with users that may do more or less."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_servers import free_port, listens, program, scratch, started, wait_until
from pki import Hierarchy

from readiness.systems.redis.asking.resp import RespTarget

NAME = "cache.example.org"
PASSWORD = "only-looks"
_LOOKS = "+ping +info +command +acl|whoami +acl|users +acl|dryrun"
USERS = {
    "default": "off ~* &* +@all",
    "looker": f"on >{PASSWORD} {_LOOKS}",
    "reader": f"on >{PASSWORD} ~session:* {_LOOKS} +get",
    "asker": f"on >{PASSWORD} {_LOOKS} +config|get",
    "helper": f"on >{PASSWORD} +multi +exec +ping +info +client|kill",
    "nameless": f"on >{PASSWORD} +ping +info +command +acl|whoami +acl|dryrun",
    "blind": f"on >{PASSWORD} +ping +info",
}


@dataclass(frozen=True)
class LocalRedis:
    """Where both answer, and a Redis that speaks in the clear."""

    redis: RespTarget
    sentinel: RespTarget
    clear: RespTarget


@contextmanager
def local_redis(authority: Hierarchy, users: dict[str, str]) -> Iterator[LocalRedis]:
    """Run a Redis with these users, a Sentinel that watches it, and one without TLS."""
    server = program("redis-server", package="redis-server")
    with scratch() as folder, ExitStack() as everything:
        leaf = authority.leaf(NAME, "127.0.0.1")
        leaf.write(folder / "server.pem", *leaf.above)
        ports = {name: free_port() for name in ("redis", "sentinel", "clear")}
        texts = _configurations(folder, ports, users)
        for name, text in texts.items():
            file = folder / f"{name}.conf"
            file.write_text(text)
            argv = [server, str(file), *(["--sentinel"] if name == "sentinel" else [])]
            log = folder / f"{name}.log"
            everything.enter_context(started(argv, log=log))
            port = ports[name]
            wait_until(lambda at=port: listens(at), f"{name} answers", log=log)  # type: ignore[misc]
        pem = authority.root.pem
        yield LocalRedis(
            **{name: RespTarget(name, NAME, "127.0.0.1", port, pem) for name, port in ports.items()}
        )


@contextmanager
def redis_alone(authority: Hierarchy, name: str) -> Iterator[int]:
    """Run a single Redis with a memory limit, whom nobody watches; yields its port."""
    server = program("redis-server", package="redis-server")
    with scratch() as folder:
        leaf = authority.leaf(name, "127.0.0.1")
        leaf.write(folder / "server.pem", *leaf.above)
        port = free_port()
        users = {one: USERS[one] for one in ("default", "looker")}
        ports = {"redis": port, "sentinel": 0, "clear": 0}
        file, log = folder / "redis.conf", folder / "redis.log"
        file.write_text(_configurations(folder, ports, users)["redis"] + "maxmemory 64mb\n")
        with started([server, str(file)], log=log):
            wait_until(lambda: listens(port), "redis answers", log=log)
            yield port


def _configurations(folder: Path, ports: dict[str, int], users: dict[str, str]) -> dict[str, str]:
    tls = (
        f"bind 127.0.0.1\nport 0\ntls-cert-file {folder}/server.pem\n"
        f"tls-key-file {folder}/server.pem\ntls-ca-cert-file {folder}/server.pem\n"
        f"tls-auth-clients no\ntls-replication yes\ndir {folder}\n"
    )
    accounts = "".join(f"user {name} {rights}\n" for name, rights in users.items())
    looks = "+sentinel|myid +sentinel|masters +sentinel|replicas +sentinel|sentinels"
    return {
        "redis": f'{tls}tls-port {ports["redis"]}\nappendonly yes\nsave ""\n{accounts}',
        "sentinel": f"{tls}tls-port {ports['sentinel']}\n"
        f"sentinel monitor sessions 127.0.0.1 {ports['redis']} 1\n"
        "user default off\n"
        f"user looker on >{PASSWORD} {_LOOKS} {looks} +sentinel|ckquorum\n",
        "clear": f'bind 127.0.0.1\nport {ports["clear"]}\ndir {folder}\nsave ""\n',
    }
