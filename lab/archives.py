"""ZIP files that roles name beside Debian packages: fetched once, proven, and unpacked.

Maven fetches them; what came is kept outside the clone under its own digest, so that a version that
another lab has fetched is not fetched again.
"""

import hashlib
import shutil
import zipfile
from pathlib import Path

from lab.errors import LabError
from lab.home import Home
from lab.host import call
from lab.progress import step
from lab.role_file import Archive

FETCH_LIMIT = 300.0


def ensure(home: Home, archive: Archive) -> Path:
    """The file, fetched unless it is there.

    Raises:
        LabError: it is not to be had, or is another one than the role says.
    """
    place = home.archives / f"{archive.sha256}.zip"
    if not place.exists():
        with step(f"fetching {archive.artifact}"):
            _fetch(archive, place)
    return place


def unpack(file: Path, folder: Path) -> None:
    """Unpack it, with the modes that it has for its programs."""
    with zipfile.ZipFile(file) as packed:
        for one in packed.infolist():
            path = Path(packed.extract(one, folder))
            if mode := (one.external_attr >> 16) & 0o777:
                path.chmod(mode | 0o755 if path.is_dir() else mode)


def _fetch(archive: Archive, place: Path) -> None:
    draft = place.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    words = [f"-Dartifact={archive.artifact}", f"-DoutputDirectory={draft}"]
    call(["mvn", "--batch-mode", "--quiet", "dependency:copy", *words], timeout=FETCH_LIMIT)
    found = [*draft.iterdir()]
    if len(found) != 1:
        raise LabError(f"{archive.artifact}: Maven brought {len(found)} files, expected 1")
    digest = hashlib.sha256(found[0].read_bytes()).hexdigest()
    if digest != archive.sha256:
        raise LabError(f"{archive.artifact}: expected {archive.sha256}, found {digest}")
    found[0].rename(place)
    shutil.rmtree(draft)
