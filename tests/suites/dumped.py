"""A site whose database is dumped, asked over a real sshd; all its machines are this one.

They are told apart by their folders; sudo is played by a script that runs what it is given and
refuses other forms, and `ip` by one that knows the other machine's address.
"""

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_servers import SshServer
from replay import Result, really

from readiness.model.words import Case
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.systems.backup_list.reading import Places
from readiness.systems.hosts.reading.timer import Timer

HOUR = 3600
SUDO = '#!/bin/sh\n[ "$1 $2" = "-n -u" ] || exit 1\nshift 3\nexec "$@"\n'
CARD = {"flags": ["UP"], "addr_info": [{"local": "198.18.9.2"}]}
IP = f"#!/bin/sh\necho '{json.dumps([CARD])}'\n"
ENVIRONMENT = """\
schema: 1
name: small
kind: rehearsal
zones: [all]
looks_from: all
authorities: {{own: "file:root.pem"}}
ssh:
  known_hosts: file:known_hosts
  config: file:ssh_config
  observe: {{user: {user}, key: "file:key"}}
machines:
  - {{name: box, zone: all, role: db, addresses: [198.18.9.1]}}
  - {{name: vault, zone: all, role: vault, addresses: [198.18.9.2]}}
databases:
  - name: records
    database: postgres
    members: [box]
    authority: own
    lag_bytes: 1 MiB
    lag_time: 10 s
    automation: none
    logins: {{observe: {{user: looker, password: "env:LOOKER"}}}}
backups:
  - name: dumps
    kind: command
    database: records
    machine: vault
    user: dumper
    list: [{folder}/list-dumps]
    every: 1 d
    age: 26 h
    places:
      - {{machine: vault, folder: {folder}/vault, user: dumper}}
      - {{machine: box, folder: {folder}/box, user: dumper}}
{more}objectives:
  availability: 99.9
  recovery_time: 30 min
  recovery_point: 1 d
  database_recovery_time: 60 s
"""
AGE, SCHEDULE, ENCRYPTED, ELSEWHERE, WAL = (f"BKP-{n:03}" for n in range(13, 18))
POINT = "OBJ-005"


@dataclass
class Dumped:
    """Dumps of a database, where they lie, and what the list says of them."""

    folder: Path
    ssh: SshServer
    dumps: tuple[bytes, bytes]  # the database's dump, plain and encrypted
    more: str = ""
    timer: Timer | None = None
    places: Places | None = None
    said: list[dict[str, Any]] = field(default_factory=list)

    def dump(self, hours: float, *, on: str = "vault", plain: bool = False) -> Path:
        """A dump, as it would have been made so many hours ago; it is listed as it is."""
        path = self.folder / on / f"{hours:g}.dump"
        path.write_bytes(self.dumps[0 if plain else 1])
        moment = datetime.now(UTC).timestamp() - hours * HOUR
        os.utime(path, (moment, moment))
        self.tell(path, on)
        return path

    def tell(self, path: Path, on: str, **changed: object) -> None:
        """List a file as it is, but for what is changed."""
        found = path.stat()
        end = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds")
        one = {"end": end, "bytes": found.st_size, "place": f"{on}:{path}", "encrypted": True}
        self.said.append(one | {"kind": "full"} | changed)

    def command(self, script: str) -> None:
        """What lists the dumps."""
        path = self.folder / "list-dumps"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    @property
    def environment(self) -> Environment:
        """The site as it is declared."""
        path = self.folder / "site.yaml"
        text = ENVIRONMENT.format(user=self.ssh.user, folder=self.folder, more=self.more)
        path.write_text(text)
        return load_environment(path)

    def check(self, name: str) -> Result:
        """How a check ends when the list says what it was told."""
        if not (self.folder / "list-dumps").exists():
            (self.folder / "list.json").write_text(json.dumps(self.said))
            self.command(f"cat {self.folder}/list.json")
        known: dict[tuple[str, str], object] = {
            ("vault", "timer dump.timer"): self.timer,
        }
        if self.places is not None:
            known["dumps", "backup-places"] = self.places
        return really(self.environment, [Case(name, "dumps")], known)[0]
