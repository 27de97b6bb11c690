"""Role folders: what every committed one lays is there to be laid."""

from pathlib import Path

import pytest

from lab.inventory import MACHINES, Machine
from lab.role_file import FOLDER
from lab.roles import lookup_for, roles_of
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


@pytest.mark.parametrize("each", MACHINES, ids=lambda each: each.name)
def test_every_secret_of_every_machine_is_made(each: Machine, secrets: Secrets) -> None:
    """A password that no role has made would stop the first boot."""
    lookup = lookup_for(each, secrets)
    for role in roles_of(each):
        for text in role.secrets.values():
            assert secrets.read(render(text, lookup, role.name).split()[0])


def test_scripts_of_roles_can_be_executed() -> None:
    """Git keeps the bit; without it a machine would not run them."""
    for script in [
        *FOLDER.glob("*/health"),
        *FOLDER.glob("*/bootstrap"),
        *FOLDER.glob("*/quiesce"),
    ]:
        assert script.stat().st_mode & 0o100, script
