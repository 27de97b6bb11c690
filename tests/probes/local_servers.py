"""Real servers on loopback for the probe tests, each on a free port and gone when its test is."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

DEADLINE = 30.0  # seconds a server may take until it answers


def program(name: str, *, package: str, folder: str = "") -> str:
    """Path of a server's program; `scripts/setup test` installs those that tests need."""
    path = shutil.which(name, path=os.pathsep.join((folder, "/usr/sbin", os.environ["PATH"])))
    assert path is not None, f"{name} is missing; install the Debian package {package}"
    return path


def _own_ports() -> Iterator[int]:
    """Ports that the kernel gives to nobody (it takes 32768 and above), each worker's apart.

    A port that is free for a moment only goes to the next client of another worker, or to oneself:
    whoever asks a closed port long enough is connected to his own end.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + 1_000 * (worker % 12)
    while True:
        yield from range(first, first + 1_000)


_PORTS = _own_ports()


def free_port() -> int:
    """A TCP port on loopback that nobody listens on, and that nobody else is given."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until(answered: Callable[[], bool], what: str, *, log: Path | None = None) -> None:
    """Ask until it is so; fails with the tail of the server's log after the deadline."""
    end = time.monotonic() + DEADLINE
    while not answered():
        if time.monotonic() > end:
            tail = log.read_text(errors="replace")[-2000:] if log and log.exists() else ""
            pytest.fail(f"not within {DEADLINE:g} s: {what}\n{tail}")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def scratch(owner: str | None = None) -> Iterator[Path]:
    """A short-named folder (socket paths are limited) that another user can own."""
    folder = Path(tempfile.mkdtemp(prefix="rdy-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        if owner is not None:
            shutil.chown(folder, owner)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started(argv: list[str], *, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server process of ours, ended with TERM and at last with KILL."""
    with log.open("ab") as sink:
        process = subprocess.Popen(argv, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class SshServer:
    """A real sshd on loopback that admits one key for the user who runs the tests."""

    port: int
    user: str
    key_file: Path
    known_hosts: Path
    folder: Path
    fingerprint: str


def keygen(path: Path) -> Path:
    """Make an Ed25519 key pair without a passphrase; returns the private key's path."""
    tool = program("ssh-keygen", package="openssh-client")
    subprocess.run([tool, "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True)
    return path


@contextmanager
def ssh_server(*, environment: str = "", forced: str = "") -> Iterator[SshServer]:
    """Run sshd until the block ends; the two are the values of SetEnv and ForceCommand."""
    sshd = program("sshd", package="openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # a root sshd drops its privileges there
    with scratch() as folder:
        host_key, user_key, port = keygen(folder / "host"), keygen(folder / "user"), free_port()
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {host_key}\nPidFile none\nUsePAM no\n"
            f"StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"AuthorizedKeysFile {user_key}.pub\nPermitRootLogin prohibit-password\n"
            + (f"SetEnv {environment}\n" if environment else "")
            + (f"ForceCommand {forced}\n" if forced else "")
        )
        public = " ".join((folder / "host.pub").read_text().split()[:2])
        known = folder / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {public}\n")
        shown = subprocess.run(
            ["ssh-keygen", "-lf", f"{host_key}.pub"], check=True, capture_output=True, text=True
        )
        user = os.environ.get("USER") or "root"
        log = folder / "log"
        with started([sshd, "-D", "-e", "-f", str(config)], log=log):
            wait_until(lambda: listens(port), "sshd answers", log=log)
            yield SshServer(port, user, user_key, known, folder, shown.stdout.split()[1])
