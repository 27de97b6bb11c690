"""The frozen state: every machine's upper layer after its first bootstrap, kept under a key."""

import shutil
from pathlib import Path

from lab import added, image, keys, role_file, roles
from lab.home import LAB, REPOSITORY, Home
from lab.inventory import Machine, layout
from lab.machines import Lab
from lab.secrets import Secrets

# What, besides the image, decides how a machine looks after its first bootstrap.
MODULES = (
    "added", "firewall", "freeze", "inventory", "network", "pki", "role_file", "roles", "secrets",
    "template",
)  # fmt: skip
# Left behind when freezing: every start begins with an empty journal.
NOT_KEPT = ("var/log/journal",)


def key(secrets: Secrets) -> str:
    """The digest of everything that the frozen state is made from."""
    files = [REPOSITORY / f"lab/{name}.py" for name in MODULES]
    for tree in trees(secrets.site):
        files += keys.tree_files(tree)
    return keys.digest(files, REPOSITORY, image.key(), secrets.generation())


def trees(site: str = LAB) -> list[Path]:
    """The folders that lie on a site's machines: its roles, and what they take from elsewhere."""
    machines = layout(site).machines
    laid = {role.name: role for each in machines for role in roles.roles_of(each)}
    taken = {REPOSITORY / one for role in laid.values() for one in role.trees.values()}
    return [*(role_file.FOLDER / name for name in sorted(laid)), *sorted(taken)]


def present(home: Home, frozen_key: str) -> bool:
    """Whether this state is there for every machine."""
    names = [machine.name for machine in layout(home.site).machines]
    return all((home.frozen / frozen_key / name).is_dir() for name in names)


def layers(home: Home, frozen_key: str, machine: Machine) -> list[Path]:
    """The read-only layers of a machine that starts from the frozen state, the topmost first."""
    return [home.frozen / frozen_key / machine.name, *added.layers(home, machine)]


def keep(lab: Lab, frozen_key: str) -> None:
    """Turn the layers of machines that are off and unmounted into the frozen state.

    Older states go: they belong to roles that are no more, and a reset must never find them.
    """
    draft = lab.home.frozen / f"{frozen_key}.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    for machine in lab.layout.machines:
        upper = lab.folder(machine.name) / "upper"
        for name in NOT_KEPT:
            shutil.rmtree(upper / name, ignore_errors=True)
        upper.rename(draft / machine.name)
    for old in lab.home.frozen.iterdir():
        if old != draft:
            shutil.rmtree(old)
    draft.rename(lab.home.frozen / frozen_key)
