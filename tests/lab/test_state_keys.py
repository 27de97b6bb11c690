"""Keys of images and frozen states change with their inputs and with nothing else."""

from pathlib import Path

import pytest

from lab import freeze, image, inventory
from lab.home import REPOSITORY
from lab.keys import digest, tree_files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small role."""
    (tmp_path / "role/rootfs").mkdir(parents=True)
    (tmp_path / "role/rootfs/a").write_text("one")
    (tmp_path / "role/health").write_text("#!/bin/sh\n")
    return tmp_path


def key(tree: Path, *more: str) -> str:
    """The key of the tree."""
    return digest(tree_files(tree / "role"), tree, *more)


def test_the_key_is_stable(tree: Path) -> None:
    """Time stamps do not matter."""
    before = key(tree)
    (tree / "role/rootfs/a").touch()
    assert key(tree) == before


def test_contents_names_modes_links_and_strings_matter(tree: Path) -> None:
    """Each of these makes another state of a machine, so each makes another key."""
    seen = {key(tree), key(tree, "image")}
    (tree / "role/rootfs/a").write_text("two")
    seen.add(key(tree))
    (tree / "role/rootfs/a").rename(tree / "role/rootfs/b")
    seen.add(key(tree))
    (tree / "role/health").chmod(0o755)
    seen.add(key(tree))
    (tree / "role/rootfs/unit").symlink_to("/dev/null")
    seen.add(key(tree))
    (tree / "role/rootfs/unit").unlink()
    (tree / "role/rootfs/unit").symlink_to("/dev/zero")
    seen.add(key(tree))
    assert len(seen) == 7


def test_compiled_python_does_not_matter(tree: Path) -> None:
    """Running a module leaves files behind that no machine gets."""
    before = key(tree)
    (tree / "role/__pycache__").mkdir()
    (tree / "role/__pycache__/x.cpython-311.pyc").write_bytes(b"x")
    assert key(tree) == before


def test_a_package_more_makes_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which role names it does not matter: the image is one."""
    before = image.key()
    monkeypatch.setattr(image, "PACKAGES", (*inventory.PACKAGES, "memcached"))
    assert image.key() != before


def test_what_roles_take_from_elsewhere_matters() -> None:
    """The portal, and the product's own program on the members, lie on machines too."""
    assert {REPOSITORY / "lab/app", REPOSITORY / "src/readiness/on_members"} <= set(freeze.trees())
