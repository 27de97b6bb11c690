"""Archives that roles name: fetched once, proven, and unpacked with their modes."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from lab import archives
from lab.errors import LabError
from lab.home import Home
from lab.role_file import Archive


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A ZIP file with a program and a text."""
    path = tmp_path / "there.zip"
    with zipfile.ZipFile(path, "w") as archive:
        program = zipfile.ZipInfo("tool/bin/run")
        program.external_attr = 0o755 << 16
        archive.writestr(program, "#!/bin/sh\n")
        archive.writestr("tool/README", "read me\n")
    return path


@pytest.fixture
def maven(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that brings it, and writes down that it was asked."""
    asked = tmp_path / "asked"
    program = tmp_path / "bin/mvn"
    program.parent.mkdir()
    script = f'echo "$@" >> {asked}\nfor last; do :; done\ncp {packed} "${{last#*=}}/x.zip"\n'
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return asked


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A lab that has nothing yet."""
    found = Home(tmp_path / "lab")
    found.create()
    return found


def named(digest: str) -> Archive:
    """What a role says."""
    return Archive(artifact="org.example:tool:1.0:zip", sha256=digest, into="/opt")


def test_an_archive_is_fetched_once(home: Home, packed: Path, maven: Path) -> None:
    """The second time it is there, under its own digest."""
    archive = named(hashlib.sha256(packed.read_bytes()).hexdigest())
    assert archives.ensure(home, archive) == archives.ensure(home, archive)
    assert maven.read_text().count("org.example:tool:1.0:zip") == 1


def test_another_file_than_the_role_says_is_refused(home: Home, maven: Path) -> None:
    """Nothing of it is kept."""
    with pytest.raises(LabError, match=rf"tool:1\.0:zip: expected {'0' * 64}, found \w+"):
        archives.ensure(home, named("0" * 64))
    assert maven.exists()
    assert [one.suffix for one in home.archives.iterdir()] == [".new"]


def test_programs_stay_programs(packed: Path, tmp_path: Path) -> None:
    """A mode that the archive has is the file's."""
    archives.unpack(packed, tmp_path / "opt")
    assert (tmp_path / "opt/tool/bin/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "opt/tool/README").read_text() == "read me\n"
