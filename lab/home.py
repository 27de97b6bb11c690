"""Where one lab keeps its state on the host, and the names that keep two labs apart."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_HOME = Path("/var/lib/readiness-lab")
# The name of the big site, which is meant where nobody says another.
LAB = "lab"
# What tells a process that no option told, as one that a lab command started, which site is meant.
SITE_VARIABLE = "READINESS_LAB_SITE"
REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """The state folder of one site's lab; every path below it is named here.

    `shared` is the home whose images it uses: its own where none is named.
    """

    path: Path
    site: str = LAB
    shared: Path | None = None

    @property
    def tag(self) -> str:
        """Empty for the default home, else a short mark made from its path."""
        if self.path == DEFAULT_HOME:
            return ""
        return "-" + hashlib.sha256(str(self.path).encode()).hexdigest()[:6]

    @property
    def prefix(self) -> str:
        """What the names of this lab's network namespaces begin with."""
        return f"lab{self.tag}-"

    @property
    def cgroup(self) -> str:
        """The name of the control group that holds everything this lab started."""
        return f"readiness-lab{self.tag}"

    @property
    def images(self) -> Path:
        """Shared images, one folder per key."""
        return (self.shared or self.path) / "image"

    @property
    def archives(self) -> Path:
        """What was fetched that is no Debian package, by its digest."""
        return (self.shared or self.path) / "archives"

    @property
    def added(self) -> Path:
        """What packages of this site's own add to the image, one folder per key."""
        return self.path / "added"

    @property
    def frozen(self) -> Path:
        """Upper layers after the first bootstrap, one folder per key."""
        return self.path / "frozen"

    @property
    def run(self) -> Path:
        """Live overlays, one folder per machine."""
        return self.path / "run"

    @property
    def secrets(self) -> Path:
        """Everything generated for this lab."""
        return self.path / "secrets"

    @property
    def log(self) -> Path:
        """Consoles of machines, output of the image build."""
        return self.path / "log"

    @property
    def state(self) -> Path:
        """What is up."""
        return self.path / "state.json"

    @property
    def lock(self) -> Path:
        """Held while a command changes the lab."""
        return self.path / "lock"

    @property
    def hosts(self) -> Path:
        """The names, for commands that look from mon1."""
        return self.path / "hosts"

    @property
    def resolv(self) -> Path:
        """A resolver configuration without a server: unknown names fail at once."""
        return self.path / "resolv.conf"

    def namespace(self, name: str) -> str:
        """The network namespace of a machine, or of the bridges (``net``)."""
        return self.prefix + name

    def create(self) -> None:
        """Make the folders, readable by root alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        for folder in (
            self.images,
            self.archives,
            self.added,
            self.frozen,
            self.run,
            self.secrets,
            self.log,
        ):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def beside(big: Path, site: str) -> Path:
    """Where a site's lab is, by where the big site's is."""
    return big if site == LAB else big.with_name(f"{big.name}-{site}")


def current(site: str = "") -> Home:
    """The lab this process works on: that of the named site, or of ``READINESS_LAB_SITE``.

    The big site's is ``READINESS_LAB_HOME`` or the default; another one's stands beside it.
    """
    site = site or os.environ.get(SITE_VARIABLE, LAB)
    big = Path(os.environ.get("READINESS_LAB_HOME", DEFAULT_HOME)).resolve()
    return Home(beside(big, site), site, big)
