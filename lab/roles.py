"""Laying a role's folder over a machine's root, before the machine boots."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from lab import firewall
from lab.errors import LabError
from lab.home import REPOSITORY
from lab.host import call
from lab.inventory import Machine, layout, template_values
from lab.role_file import Role, load
from lab.secrets import Secrets
from lab.template import Lookup, render

TEMPLATE_SUFFIX = ".in"
SECRET_KEY = "secret:"  # noqa: S105 - how such a template key begins
# Run inside the machine: once at first bootstrap; whenever somebody asks; before it is frozen; when
# it is healthy, for the parts of the site's identity that only it can tell.
IDENTITY = "identity"
SCRIPTS = ("bootstrap", "health", "quiesce", IDENTITY)
SCRIPT_FOLDER = Path("/usr/lib/readiness")


def roles_of(machine: Machine) -> list[Role]:
    """The roles of a machine, in order."""
    return [load(name) for name in machine.roles]


def lookup_for(machine: Machine, secrets: Secrets) -> Lookup:
    """The values that a machine's templates may name."""
    values = template_values(machine) | {
        "machine.input_rules": firewall.block(firewall.input_rules(machine)),
        "router.forward_rules": firewall.block(firewall.forward_rules(layout(machine.site))),
    }

    def look(key: str) -> str | None:
        if key.startswith(SECRET_KEY):
            return secrets.read(key.removeprefix(SECRET_KEY)).decode().strip()
        return values.get(key)

    return look


def lay(machine: Machine, root: Path, secrets: Secrets) -> None:
    """Lay names, files, secrets and enabled units of all roles over a machine's mounted root."""
    lookup = lookup_for(machine, secrets)
    _write(root / "etc/hostname", f"{machine.name}\n".encode())
    _write(root / "etc/hosts", layout(machine.site).hosts_file().encode())
    _write(root / "etc/machine-id", f"{uuid.uuid4().hex}\n".encode())
    mine = roles_of(machine)
    for role in mine:
        for source, target in _laid_files(role):
            _lay_file(source, _inside(root, str(target)), lookup)
        _lay_scripts(role, root)
    call(["systemd-sysusers", f"--root={root}"])
    for role in mine:
        for place, text in role.files.items():
            _own(root, place, text, role)
        for place, text in role.secrets.items():
            name, owner, mode = render(text, lookup, str(role.file)).split()
            _write(_inside(root, place), secrets.read(name))
            _own(root, place, f"{owner} {mode}", role)
        if role.enable:
            call(["systemctl", f"--root={root}", "--quiet", "enable", *role.enable])


def freshen(machine: Machine, root: Path, secrets: Secrets) -> None:
    """Lay what ages: certificates of the lab's authority and its CRL, issued now."""
    for role in roles_of(machine):
        for target, owner in role.certificates.items():
            pair = secrets.issue_for(machine)
            for suffix, content, mode in (
                (".pem", pair.certificate, "0644"),
                (".key", pair.key, "0600"),
            ):
                _write(_inside(root, target + suffix), content)
                _own(root, target + suffix, f"{owner} {mode}", role)
        for target, owner in role.crl.items():
            _write(_inside(root, target), secrets.revocation_list())
            _own(root, target, f"{owner} 0644", role)


def script_path(role: Role, name: str) -> str:
    """Where a role's script lies inside a machine."""
    return str(SCRIPT_FOLDER / f"{role.name}-{name}")


def _lay_scripts(role: Role, root: Path) -> None:
    for name in SCRIPTS:
        script = role.script(name)
        if script is not None:
            _write(_inside(root, script_path(role, name)), script.read_bytes(), 0o755)


def _laid_files(role: Role) -> Iterator[tuple[Path, Path]]:
    """Source and place in the machine (relative to its root) of every file of a role."""
    trees = {"/": role.folder / "rootfs"}
    trees |= {target: REPOSITORY / source for target, source in role.trees.items()}
    for target, tree in trees.items():
        for path in sorted(tree.rglob("*")):
            if not path.is_dir() and "__pycache__" not in path.parts:
                yield path, Path(target.lstrip("/")) / path.relative_to(tree)


def _lay_file(source: Path, target: Path, lookup: Lookup) -> None:
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(source.readlink())
        return
    content = source.read_bytes()
    if source.suffix == TEMPLATE_SUFFIX:
        content = render(content.decode(), lookup, str(source.relative_to(REPOSITORY))).encode()
        target = target.with_suffix("")
    _write(target, content, 0o755 if source.stat().st_mode & 0o100 else 0o644)


def _write(target: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file with folders above it; secrets are closed before they are opened up by _own."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    target.chmod(mode)


def _inside(root: Path, target: str) -> Path:
    """The place on the host; refuses one that a link of the machine's leads out of its root."""
    place = root / target.lstrip("/")
    if not place.parent.resolve().is_relative_to(root.resolve()):
        raise LabError(f"{target}: its folder is a link that leads out of the machine")
    return place


def _own(root: Path, target: str, text: str, role: Role) -> None:
    """Give a file or folder its ``owner:group`` and mode, by the machine's own user names."""
    path = _inside(root, target)
    owner, _, mode = text.partition(" ")
    user, _, group = owner.partition(":")
    if not path.exists():
        path.mkdir(parents=True)
    try:
        os.chown(path, _number(root, "passwd", user), _number(root, "group", group or user))
        if mode:
            path.chmod(int(mode, 8))
    except (KeyError, ValueError) as error:
        where = f"{role.file}: {target}"
        raise LabError(f"{where}: cannot apply {text!r}: {error}") from error


def _number(root: Path, table: str, name: str) -> int:
    for line in (root / "etc" / table).read_text().splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return int(fields[2])
    raise KeyError(f"no entry {name!r} in /etc/{table}")
