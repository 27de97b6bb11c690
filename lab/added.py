"""What packages of a site's own add to the shared image: a layer for each set of them.

The image is made for the big site, which must not change because another site needs more. A
machine whose roles name other Debian packages starts from the image with these installed above it,
and what they replace removed.
"""

import shutil
from pathlib import Path

from lab import apt_sources, image, keys, mounts
from lab.home import REPOSITORY, Home
from lab.host import call
from lab.inventory import PACKAGES, Machine, layout
from lab.progress import step

# apt of the host downloads, dpkg of the image installs; nothing is started meanwhile.
APT_CONF = """\
Dir "{root}";
Dir::Etc::Trusted "/etc/apt/trusted.gpg";
Dir::Etc::TrustedParts "/etc/apt/trusted.gpg.d";
DPkg::Chroot-Directory "{root}";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Retries "3";
DPkg::Options {{ "--force-unsafe-io"; "--force-confold"; }};
"""
POLICY = "usr/sbin/policy-rc.d"
NOTHING_STARTS = "#!/bin/sh\nexit 101\n"
# Left behind by the installation, and of no use to a machine.
NOT_KEPT = (
    POLICY,
    "etc/apt/sources.list",
    "var/lib/apt/lists/*_*",
    "var/cache/apt/*.bin",
    "var/cache/apt/archives/*.deb",
    "var/log/apt/*",
    "var/log/*.log",
)
INSTALL_LIMIT = 300.0


def packages(machine: Machine) -> tuple[str, ...]:
    """The packages that a machine's roles name and the shared image has not."""
    roles = layout(machine.site).roles
    named = {name for role in machine.roles for name in roles[role].site.packages}
    return tuple(sorted(named - {*PACKAGES}))


def layers(home: Home, machine: Machine) -> list[Path]:
    """The read-only layers of a machine that nothing was laid over yet, the topmost first."""
    below = image.root(home)
    more = packages(machine)
    return [_place(home, more), below] if more else [below]


def ensure(home: Home) -> None:
    """Install what is not installed yet, and forget what nobody starts from any more.

    Raises:
        LabError: a package is not to be had, or could not be installed.
    """
    sets = {packages(machine) for machine in layout(home.site).machines} - {()}
    for more in sorted(sets):
        if not _place(home, more).exists():
            with step(f"image: with {', '.join(more)}"):
                _install(home, more)
    wanted = {_place(home, more) for more in sets}
    for old in home.added.iterdir():
        if old not in wanted:
            shutil.rmtree(old)


def _place(home: Home, more: tuple[str, ...]) -> Path:
    return home.added / keys.digest([Path(__file__)], REPOSITORY, image.key(), *more)


def _install(home: Home, more: tuple[str, ...]) -> None:
    place = _place(home, more)
    draft = place.with_name(f"{place.name}.new")
    mounts.unmount_below(draft)
    shutil.rmtree(draft, ignore_errors=True)
    root = mounts.overlay([image.root(home)], draft)
    try:
        _in(root, draft / "apt.conf", more)
    finally:
        mounts.unmount_below(draft)
    (draft / "upper").rename(place)
    shutil.rmtree(draft)


def _in(root: Path, conf: Path, more: tuple[str, ...]) -> None:
    """Install them in a mounted root, as nobody's machine and with nothing enabled."""
    conf.write_text(APT_CONF.format(root=root))
    lines = [f"{source.line()}\n" for source in apt_sources.of_host()]
    (root / "etc/apt/sources.list").write_text("".join(lines))
    (root / POLICY).write_text(NOTHING_STARTS)
    (root / POLICY).chmod(0o755)
    apt = ["env", f"APT_CONFIG={conf}", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"]
    call([*apt, "apt-get", "-q", "update"])
    call([*apt, "apt-get", "-q", "--yes", "install", *more], timeout=INSTALL_LIMIT)
    call(["systemctl", f"--root={root}", "preset-all"])
    for pattern in NOT_KEPT:
        for path in root.glob(pattern):
            path.unlink()
