"""What packages of a site's own add to the shared image: a layer for each set of them.

The image is made for the big site, which must not change because another site needs more. A
machine whose roles name other Debian packages, or archives, starts from the image with these
installed above it, and what they replace removed.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from lab import apt_sources, archives, image, keys, mounts
from lab.home import REPOSITORY, Home
from lab.host import call
from lab.inventory import PACKAGES, Machine, layout
from lab.progress import step
from lab.role_file import Archive

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


@dataclass(frozen=True)
class More:
    """What a machine has beside the shared image."""

    packages: tuple[str, ...]
    archives: tuple[Archive, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.packages or self.archives)

    @property
    def words(self) -> tuple[str, ...]:
        """All that it says, for a digest."""
        return (*self.packages, *(one.model_dump_json() for one in self.archives))

    def __str__(self) -> str:
        """Its names."""
        return ", ".join((*self.packages, *(one.artifact for one in self.archives)))


def more(machine: Machine) -> More:
    """The packages and archives that a machine's roles name and the shared image has not."""
    roles = layout(machine.site).roles
    sites = [roles[role].site for role in machine.roles]
    named = {name for one in sites for name in one.packages}
    # In the order of the roles: what is unpacked later may lie inside what was before.
    unpacked = dict.fromkeys(archive for one in sites for archive in one.archives)
    return More(tuple(sorted(named - {*PACKAGES})), tuple(unpacked))


def layers(home: Home, machine: Machine) -> list[Path]:
    """The read-only layers of a machine that nothing was laid over yet, the topmost first."""
    below = image.root(home)
    wanted = more(machine)
    return [_place(home, wanted), below] if wanted else [below]


def ensure(home: Home) -> None:
    """Install what is not installed yet, and forget what nobody starts from any more.

    Raises:
        LabError: a package is not to be had, or could not be installed.
    """
    sets = {one for machine in layout(home.site).machines if (one := more(machine))}
    for wanted in sorted(sets, key=str):
        if not _place(home, wanted).exists():
            with step(f"image: with {wanted}"):
                _install(home, wanted)
    kept = {_place(home, one) for one in sets}
    for old in home.added.iterdir():
        if old not in kept:
            shutil.rmtree(old)


def _place(home: Home, wanted: More) -> Path:
    return home.added / keys.digest([Path(__file__)], REPOSITORY, image.key(), *wanted.words)


def _install(home: Home, wanted: More) -> None:
    place = _place(home, wanted)
    draft = place.with_name(f"{place.name}.new")
    mounts.unmount_below(draft)
    shutil.rmtree(draft, ignore_errors=True)
    root = mounts.overlay([image.root(home)], draft)
    try:
        if wanted.packages:
            _in(root, draft / "apt.conf", wanted.packages)
        for one in wanted.archives:
            archives.unpack(archives.ensure(home, one), root / one.into.removeprefix("/"))
    finally:
        mounts.unmount_below(draft)
    (draft / "upper").rename(place)
    shutil.rmtree(draft)


def _in(root: Path, conf: Path, names: tuple[str, ...]) -> None:
    """Install them in a mounted root, as nobody's machine and with nothing enabled."""
    conf.write_text(APT_CONF.format(root=root))
    lines = [f"{source.line()}\n" for source in apt_sources.of_host()]
    (root / "etc/apt/sources.list").write_text("".join(lines))
    (root / POLICY).write_text(NOTHING_STARTS)
    (root / POLICY).chmod(0o755)
    # Java's packages run Java, which reads it; unmounted with the root.
    call(["mount", "--bind", "/proc", str(root / "proc")])
    apt = ["env", f"APT_CONFIG={conf}", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"]
    call([*apt, "apt-get", "-q", "update"])
    call([*apt, "apt-get", "-q", "--yes", "install", *names], timeout=INSTALL_LIMIT)
    call(["systemctl", f"--root={root}", "preset-all"])
    for pattern in NOT_KEPT:
        for path in root.glob(pattern):
            path.unlink()
