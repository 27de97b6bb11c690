"""Verbs for packages, what they brought, and how services were started."""

from collections.abc import Mapping
from typing import Final

from lab.scene import Scene
from lab.verbs.base import Change, Look
from readiness.site.written import Text, UnitName

# A package of nobody's with one program in it.
_BUILT: Final = """set -e
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
mkdir -p "$work/DEBIAN" "$work/usr/bin"
printf '#!/bin/sh\\nexit 0\\n' > "$work/usr/bin/$1"; chmod 0755 "$work/usr/bin/$1" "$work"
printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nMaintainer: nobody\\nDescription: none\\n' \
    "$1" "$2" > "$work/DEBIAN/control"
dpkg-deb --root-owner-group --build "$work" "$work.deb" >/dev/null
dpkg -i "$work.deb" >/dev/null; rm -f "$work.deb"
"""
# What is run goes on, from a file that has no name any more.
_REPLACED: Final = 'cp -p -- "$1" "$1.new" && mv -- "$1.new" "$1"'
_GONE: Final = "deleted"
_CHANGED: Final = """set -e
kept="/var/lib/lab-kept$1"; mkdir -p "${kept%/*}"
[ -e "$kept" ] || cp -p -- "$1" "$kept"
cp -p -- "$kept" "$1.new"; printf '\\n# left behind\\n' >> "$1.new"; mv -- "$1.new" "$1"
"""
_LISTED_ANEW: Final = """set -e
list="/var/lib/dpkg/info/$2.md5sums"; kept="/var/lib/lab-kept$list"; mkdir -p "${kept%/*}"
[ -e "$kept" ] || cp -p -- "$list" "$kept"
new=$(md5sum < "$1" | cut -d ' ' -f 1)
sed -i "s|^[0-9a-f]*  ${1#/}$|$new  ${1#/}|" "$list"
"""
_PUT_BACK: Final = """kept="/var/lib/lab-kept$1"
[ ! -e "$kept" ] || { cp -p -- "$kept" "$1.new" && mv -- "$1.new" "$1" && rm -f -- "$kept"; }
"""
_STARTED: Final = """set -e
folder="/run/systemd/system/$1.service.d"; mkdir -p "$folder"
printf '%b' "$2" > "$folder/fault.conf"; systemctl daemon-reload; systemctl restart "$1"
rm -rf "$folder"; systemctl daemon-reload
"""
_NEXT: Final = """set -e
folder="/run/systemd/system/$1.service.d"; mkdir -p "$folder"
printf '%b' "$2" > "$folder/fault.conf"; systemctl daemon-reload
"""


class Installed(Change):
    """`package`: a small package of that name and version, which nobody else has."""

    name: Text
    version: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Build and install it there."""
        scene.shell(machine, _BUILT, self.name, self.version)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Remove it with all it has; one that is gone is fine."""
        scene.shell(machine, 'dpkg --purge "$1" >/dev/null 2>&1 || true', self.name)

    def shows(self, scene: Scene, machine: str) -> str:
        """Dpkg knows it."""
        said = scene.ask(machine, "dpkg-query", "-f", "${Version}", "-W", self.name).out
        return f"{machine} has {self.name} {said}" if said == self.version else ""


class RunsOn(Change):
    """`program.replaced`: a program that was replaced while its service runs the old one."""

    path: Text
    unit: UnitName

    def change(self, scene: Scene, machine: str) -> None:
        """Put another file of the same content in its place, as an upgrade does."""
        scene.shell(machine, _REPLACED, self.path)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Have the service run what is there."""
        scene.service(machine, "restart", self.unit)

    def shows(self, scene: Scene, machine: str) -> str:
        """The kernel says that what its process runs was deleted (proc(5): exe)."""
        show = ("systemctl", "show", "--property=MainPID", "--value", self.unit)
        said = scene.ask(machine, "readlink", f"/proc/{scene.run(machine, *show).strip()}/exe").out
        return f"{self.unit} on {machine} runs {said.strip()}" if _GONE in said else ""


class Altered(Change):
    """`program.changed`: a program of a package with something behind its end.

    With `listed` the machine's own list of digests says that it has to be so.
    """

    path: Text
    package: Text
    listed: bool = False

    def change(self, scene: Scene, machine: str) -> None:
        """Change it, the original kept beside, and where it is said the list as well."""
        scene.shell(machine, _CHANGED, self.path)
        if self.listed:
            scene.shell(machine, _LISTED_ANEW, self.path, self.package)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Put both back."""
        for path in (self.path, f"/var/lib/dpkg/info/{self.package}.md5sums"):
            scene.shell(machine, _PUT_BACK, path)

    def shows(self, scene: Scene, machine: str) -> str:
        """The program ends with what was added."""
        end = scene.ask(machine, "tail", "-c", "13", self.path).out
        return f"{self.path} on {machine} was changed" if "left behind" in end else ""


class StartedWith(Change):
    """`service.started_with`: a service whose process was started by a file that is gone since."""

    unit: UnitName
    text: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Start it with a drop-in, and remove that."""
        scene.shell(machine, _STARTED, self.unit, self.text)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Start it by what is there."""
        scene.shell(machine, 'rm -rf "/run/systemd/system/$1.service.d"', self.unit)
        scene.run(machine, "systemctl", "daemon-reload")
        scene.service(machine, "restart", self.unit)


class StartsWith(Change):
    """`service.next_start`: a service that runs as before, and would be started differently."""

    unit: UnitName
    text: Text

    def change(self, scene: Scene, machine: str) -> None:
        """Write a drop-in, and have systemd read it."""
        scene.shell(machine, _NEXT, self.unit, self.text)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Remove it."""
        scene.shell(machine, 'rm -rf "/run/systemd/system/$1.service.d"', self.unit)
        scene.run(machine, "systemctl", "daemon-reload")

    def shows(self, scene: Scene, machine: str) -> str:
        """Systemd has it in memory."""
        show = ("systemctl", "show", "--property=DropInPaths", "--value", self.unit)
        there = "fault.conf" in scene.run(machine, *show)
        return f"{self.unit} on {machine} has a drop-in that it was not started with" * there


CHANGES: Final[Mapping[str, type[Change]]] = {
    "package": Installed,
    "program.changed": Altered,
    "program.replaced": RunsOn,
    "service.next_start": StartsWith,
    "service.started_with": StartedWith,
}

LOOKS: Final[Mapping[str, type[Look]]] = {}
