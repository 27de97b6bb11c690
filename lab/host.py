"""Programs of the host that the lab needs: found, or installed with one progress line."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.errors import LabError
from lab.progress import say, step

# program → Debian package that brings it
PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "systemd-sysusers": "systemd",
    "journalctl": "systemd",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "systemctl": "systemd",
    "mount": "mount",
    "sysctl": "procps",
}
LINES_SHOWN = 15
# Every init and every nspawn needs a few; the kernel's 128 are soon gone with that many machines.
INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_NEEDED = 1024


def require_root() -> None:
    """Refuse to go on without root.

    Raises:
        LabError: not root.
    """
    if os.geteuid() != 0:
        raise LabError(
            "the lab needs root (it makes network namespaces and mounts); "
            "to look at an existing environment without it: scripts/gate --env FILE"
        )


def call(argv: Sequence[str | Path], *, stdin: str | None = None, timeout: float = 60) -> str:
    """Run a program of the host and return what it printed.

    Raises:
        LabError: it failed or took longer than ``timeout`` seconds; carries its last lines.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{words[0]} did not end within {timeout:.0f} s") from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-LINES_SHOWN:])
        raise LabError(f"{' '.join(words[:6])} failed with {done.returncode}: {said}")
    return done.stdout


def missing_packages() -> list[str]:
    """Debian packages of the programs that this host lacks."""
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return sorted(
        {package for program, package in PROGRAMS.items() if not shutil.which(program, path=search)}
    )


def raise_limits() -> None:
    """Let root watch enough files for all machines; lasts until the host boots again."""
    have = int(INOTIFY_LIMIT.read_text())
    if have < INOTIFY_NEEDED:
        say(f"host: fs.inotify.max_user_instances raised from {have} to {INOTIFY_NEEDED}")
        INOTIFY_LIMIT.write_text(f"{INOTIFY_NEEDED}\n")


def install_programs() -> None:
    """Install what is missing with apt; do nothing when all is there."""
    missing = missing_packages()
    if not missing:
        return
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    with step(f"host: installing {' '.join(missing)}"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = [*apt, "install", "--no-install-recommends", *missing]
        for words in ([*apt, "update"], install):
            # Twice: another apt on this host may empty the download folder in between.
            for last in (False, True):
                done = subprocess.run(
                    words, env=environment, capture_output=True, text=True, check=False
                )
                if done.returncode == 0:
                    break
                if last:
                    raise LabError(f"{' '.join(words)} failed: {done.stderr.strip()[-600:]}")
