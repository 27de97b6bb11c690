"""The one shared image: Debian, all servers, the Python environments; built once, cached by key."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from lab import apt_sources, keys, mounts
from lab.errors import LabError
from lab.home import REPOSITORY, Home
from lab.host import LINES_SHOWN, call
from lab.inventory import PACKAGES
from lab.progress import say, step

LOCKS = REPOSITORY / "lab/locks"
IMAGES_KEPT = 2
BUILD_LIMIT = 1500.0

# Before anything is unpacked: no cluster made, no server started by its package.
SETUP_HOOK = """set -e
mkdir -p "$1/etc/postgresql-common" "$1/usr/sbin"
echo 'create_main_cluster = false' > "$1/etc/postgresql-common/createcluster.conf"
printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d"
chmod 755 "$1/usr/sbin/policy-rc.d"
"""

# The host's names, certificates and pip settings, for one command and seen by it alone.
PIP_SCRIPT = """set -e
root=$1 venv=$2 lock=$3
for path in /etc/resolv.conf /etc/hosts /etc/pip.conf; do
    [ -e "$path" ] || continue
    [ -e "$root$path" ] || : > "$root$path"
    mount --bind "$path" "$root$path"
done
mount --bind /etc/ssl/certs "$root/etc/ssl/certs"
local=/usr/local/share/ca-certificates
[ ! -d $local ] || mount --bind $local "$root$local"
mount --bind "$lock" "$root/tmp"
chroot "$root" python3 -m venv "$venv"
exec chroot "$root" "$venv/bin/pip" install -q --no-cache-dir \\
    --require-hashes -r /tmp/lock.txt
"""


def key() -> str:
    """The digest of everything the image is made from."""
    inputs = [*sorted(LOCKS.glob("*.txt")), Path(__file__).resolve()]
    return keys.digest(inputs, REPOSITORY, *PACKAGES)


def root(home: Home) -> Path:
    """The image's root folder."""
    return home.images / key() / "root"


def ensure(home: Home) -> Path:
    """The image's root folder, built if there is none for this key.

    Raises:
        LabError: the build failed; carries the last lines of its log, the whole is in ``log/``.
    """
    finished = home.images / key()
    # Labs of several homes may share the folder: one builds, the others find it built.
    with (home.images / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (finished / "ok").exists():
            say("image: building it, once, about 2 minutes")
            _build(home, finished)
            _forget_old(home, finished)
    return finished / "root"


def _build(home: Home, finished: Path) -> None:
    draft = home.images / f"{key()}.new"
    for stale in (draft, finished):
        if stale.exists():
            shutil.rmtree(stale)
    draft.mkdir(mode=0o700)
    target = draft / "root"
    log = home.log / "image.log"
    log.write_text("")
    _debian(draft, target, log)
    for lock in sorted(LOCKS.glob("*.txt")):
        with step(f"image: Python environment {lock.stem}"):
            _environment(draft, target, lock, log)
    _neutralise(target)
    (draft / "ok").write_text("")
    draft.rename(finished)


def _debian(draft: Path, target: Path, log: Path) -> None:
    sources = draft / "sources.list"
    sources.write_text("".join(f"{source.line()}\n" for source in apt_sources.of_host()))
    words = [
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        '--aptopt=APT::Install-Recommends "false"',
        '--aptopt=Acquire::Retries "3"',
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=force-unsafe-io",
        f"--setup-hook={SETUP_HOOK}",
        apt_sources.RELEASE,
        str(target),
        str(sources),
    ]
    with step(f"image: Debian {apt_sources.RELEASE} with {len(PACKAGES)} named packages"):
        _logged(words, log)
    sources.unlink()


def _environment(draft: Path, target: Path, lock: Path, log: Path) -> None:
    bench = draft / "lock"
    bench.mkdir(exist_ok=True)
    shutil.copyfile(lock, bench / "lock.txt")
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", PIP_SCRIPT, "pip"]
    _logged([*words, str(target), f"/opt/{lock.stem}", str(bench)], log)
    shutil.rmtree(bench)


def _logged(words: list[str], log: Path) -> None:
    """Run a long command into the log.

    Raises:
        LabError: it failed; carries the log's last lines.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    environment.pop("PIP_FIND_LINKS", None)  # folders of the host are not there in the image
    with log.open("a") as output:
        done = subprocess.run(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=BUILD_LIMIT,
            check=False,
        )
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LINES_SHOWN:])
        raise LabError(f"{words[0]} failed with {done.returncode}, see {log}:\n{tail}")


def _neutralise(target: Path) -> None:
    """Take out what belongs to one machine or to the host: identities, enabled units, sources."""
    presets = target / "etc/systemd/system-preset"
    presets.mkdir(parents=True, exist_ok=True)
    (presets / "00-lab.preset").write_text("disable *\n")
    call(["systemctl", f"--root={target}", "preset-all"])
    call(["systemctl", f"--root={target}", "set-default", "multi-user.target"])
    for pattern in (
        "etc/ssh/ssh_host_*",
        "etc/apt/sources.list.d/*",
        "etc/apt/sources.list",
        "var/lib/apt/lists/*_*",
        "var/cache/apt/*.bin",
        "usr/sbin/policy-rc.d",
        "etc/hostname",
        "etc/hosts",
        "etc/resolv.conf",
        "etc/pip.conf",
        "var/log/*.log",
        "var/log/apt/*",
    ):
        for path in target.glob(pattern):
            path.unlink()
    (target / "etc/machine-id").write_text("uninitialized\n")


def _forget_old(home: Home, keep: Path) -> None:
    """Remove all but the newest images, none that a running lab stands on."""
    finished = [path for path in home.images.iterdir() if (path / "ok").exists()]
    mounted = mounts.MOUNTS.read_text()
    newest = sorted(finished, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest[IMAGES_KEPT:]:
        if path != keep and path.name not in mounted:
            say(f"image: removing the old one {path.name}")
            shutil.rmtree(path)
