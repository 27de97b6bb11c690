"""The site whose database is dumped by a real pg_dump, encrypted by a real gpg."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dumped import IP, SUDO, Dumped
from local_postgres import BIN, postgres_alone
from local_servers import SshServer, program, scratch, ssh_server
from pki import hierarchy


@pytest.fixture(scope="module")
def dumps() -> tuple[bytes, bytes]:
    """What pg_dump writes of a real database, and as gpg encrypts it by a passphrase."""
    gpg = program("gpg", package="gpg")
    with postgres_alone(hierarchy(), "box") as server, scratch() as home:
        server.execute("CREATE TABLE kept AS SELECT md5(i::text) FROM generate_series(1, 2000) i")
        words = ["-h", str(server.folder), "-p", str(server.port), "-U", "postgres"]
        words = [f"{BIN}/pg_dump", *words, "-Fc", "postgres"]
        plain = subprocess.run(words, check=True, capture_output=True).stdout
        words = [gpg, "--homedir", str(home), "--batch", "--pinentry-mode", "loopback"]
        words += ["--passphrase", "x", "--symmetric", "-o", "-"]
        secret = subprocess.run(words, input=plain, check=True, capture_output=True).stdout
    return plain, secret


@pytest.fixture(scope="module")
def ssh() -> Iterator[SshServer]:
    """One sshd for the whole module, on which `sudo` and `ip` are the scripts above."""
    with scratch() as folder:
        for name, script in (("sudo", SUDO), ("ip", IP)):
            (folder / name).write_text(script)
            (folder / name).chmod(0o755)
        with ssh_server(environment=f"PATH={folder}:/usr/bin:/bin:/usr/sbin") as running:
            yield running


@pytest.fixture
def dumped(
    ssh: SshServer,
    dumps: tuple[bytes, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Dumped:
    """The site, with no dump yet."""
    monkeypatch.setenv("LOOKER", "unused")
    for name in ("vault", "box"):
        (tmp_path / name).mkdir()
    (tmp_path / "root.pem").write_bytes(hierarchy().root.pem)
    public = " ".join((ssh.folder / "host.pub").read_text().split()[:2])
    (tmp_path / "known_hosts").write_text(f"same {public}\n[same]:{ssh.port} {public}\n")
    (tmp_path / "key").write_text(ssh.key_file.read_text())
    (tmp_path / "key").chmod(0o600)
    config = f"Host *\n  HostName 127.0.0.1\n  Port {ssh.port}\n  HostKeyAlias same\n"
    (tmp_path / "ssh_config").write_text(config)
    return Dumped(tmp_path, ssh, dumps)


@pytest.fixture
def healthy(dumped: Dumped) -> Dumped:
    """Three nightly dumps on the other machine."""
    for hours in (50, 26, 2):
        dumped.dump(hours)
    return dumped
