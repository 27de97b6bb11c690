"""Role folders: every committed one reads, and a broken one is refused in one line."""

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.inventory import MACHINES, Machine
from lab.roles import ROLES, load, lookup_for, roles_of
from lab.secrets import Secrets
from lab.template import render


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    """The secrets of a lab that never runs."""
    made = Secrets(tmp_path / "secrets")
    made.ensure()
    return made


@pytest.mark.parametrize("each", MACHINES, ids=lambda each: each.name)
def test_every_template_of_every_machine_can_be_filled_in(each: Machine, secrets: Secrets) -> None:
    """No template names a value that does not exist, no placeholder is left."""
    lookup = lookup_for(each, secrets)
    for role in roles_of(each):
        for template in role.folder.rglob("*.in"):
            assert "{{" not in render(template.read_text(), lookup, template.name)


def test_scripts_of_roles_can_be_executed() -> None:
    """Git keeps the bit; without it a machine would not run them."""
    for script in [*ROLES.glob("*/health"), *ROLES.glob("*/bootstrap"), *ROLES.glob("*/quiesce")]:
        assert script.stat().st_mode & 0o100, script


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("enabel = []", "unknown key 'enabel'"),
        ("enable = [", "not TOML"),
        ('[files]\n"/etc/x" = 1', r"\[files\]: expected a table of strings"),
    ],
)
def test_a_broken_role_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """The error names the file and what is wrong with it."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/role.toml").write_text(text)
    with pytest.raises(LabError, match=f"role.toml: {said}"):
        load("broken", tmp_path)


def test_a_role_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The inventory may name a role that nobody wrote."""
    with pytest.raises(LabError, match="no role is called 'absent'"):
        load("absent", tmp_path)
