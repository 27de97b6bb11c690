"""Verbs for certificates of the lab's own authority on a machine."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from lab.inventory import DOMAIN
from lab.scene import Scene
from lab.verbs.base import Change
from readiness.site.written import Text, UnitName

# What the machine's own HTTPS server presents.
PRESENTED = (
    "openssl s_client -connect localhost:443 </dev/null 2>/dev/null | "
    "openssl x509 -noout -enddate -subject"
)
# Minutes that may pass until it is looked at: fewer than between any two that rows ask for.
SLOW = 30.0


class Issued(Change):
    """`certificate`: one that is right in all but the time it has left, in minutes.

    `of` is the machine that it is issued for where that is another one.
    """

    path: Text
    reload: UnitName
    minutes: int
    of: Text | None = None

    def change(self, scene: Scene, machine: str) -> None:
        """Lay it with its key, and have the server take it."""
        mine = scene.site.lab.layout.machine(self.of or machine)
        pair = scene.site.secrets.issue_for(mine, timedelta(minutes=self.minutes))
        certificate, key = pair.certificate.decode(), pair.key.decode()
        scene.change(machine, self.path, lambda _: certificate)
        scene.change(machine, self._key, lambda _: key)
        scene.service(machine, "reload", self.reload)

    def take_back(self, scene: Scene, machine: str) -> None:
        """Lay the one that was there."""
        scene.put_back(machine, self.path)
        scene.put_back(machine, self._key)
        scene.service(machine, "reload", self.reload)

    def shows(self, scene: Scene, machine: str) -> str:
        """The server presents one of that machine that ends then."""
        said = scene.run(machine, "sh", "-c", PRESENTED)
        fields = dict(line.split("=", 1) for line in said.splitlines())
        end = datetime.strptime(fields["notAfter"], "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
        minutes = (end - datetime.now(UTC)) / timedelta(minutes=1)
        its = fields["subject"].endswith(f"{self.of or machine}.{DOMAIN}")
        there = its and abs(minutes - self.minutes) < SLOW
        return f"{machine} presents {fields['subject'].strip()} until {end}" if there else ""

    @property
    def _key(self) -> str:
        return str(PurePosixPath(self.path).with_suffix(".key"))


CHANGES: Final[Mapping[str, type[Change]]] = {
    "certificate": Issued,
}
