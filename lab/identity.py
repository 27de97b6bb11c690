"""What a healthy lab is, written down when it is set up: the identity that the gate pins."""

import json
from collections.abc import Mapping

from lab import roles
from lab.errors import LabError
from lab.home import LAB
from lab.inventory import machines_with
from lab.machines import Lab
from lab.secrets import Secrets, write_private

CLUSTER = "paws360-db"
ETCDCTL = (
    "etcdctl --cacert=/etc/etcd/tls/ca.pem --cert=/etc/etcd/tls/server.pem "
    "--key=/etc/etcd/tls/server.key --endpoints=https://127.0.0.1:2379"
)


def write(lab: Lab, secrets: Secrets) -> None:
    """Ask the lab who it is and write ``identity.json`` into the secrets folder."""
    machines = lab.layout.machines
    identity: dict[str, object] = {
        "schema": 1,
        "ssh": {machine.name: secrets.fingerprint(machine) for machine in machines},
    }
    identity |= _cluster(lab) if lab.home.site == LAB else _told(lab)
    text = json.dumps(identity, indent=2, sort_keys=True) + "\n"
    write_private(secrets.path / "identity.json", text.encode())


def _cluster(lab: Lab) -> dict[str, object]:
    return {
        "postgresql": {CLUSTER: _system_identifier(lab)},
        "etcd": {CLUSTER: _etcd_cluster(lab)},
    }


def _told(lab: Lab) -> Mapping[str, object]:
    """What the roles' own scripts print of it: a JSON object each, of keys that nobody else has.

    Raises:
        LabError: a script failed or printed something else.
    """
    found: dict[str, object] = {}
    for machine in lab.layout.machines:
        for role in roles.roles_of(machine):
            if role.script(roles.IDENTITY) is None:
                continue
            said = lab.check(machine.name, [roles.script_path(role, roles.IDENTITY)])
            try:
                told = json.loads(said)
            except ValueError as error:
                raise LabError(f"{machine.name}: {role.name}/identity: {error}") from error
            if not isinstance(told, dict) or told.keys() & found.keys():
                raise LabError(f"{machine.name}: {role.name}/identity: expected new keys: {said}")
            found |= told
    return found


def _system_identifier(lab: Lab) -> str:
    query = "SELECT system_identifier FROM pg_control_system()"
    words = ["runuser", "-u", "postgres", "--", "psql", "-XAtqc", query]
    return _one(lab, words).strip()


def _etcd_cluster(lab: Lab) -> str:
    words = ["env", "ETCDCTL_API=3", *ETCDCTL.split(), "endpoint", "status", "-w", "json"]
    status = json.loads(_one(lab, words))
    return f"{status[0]['Status']['header']['cluster_id']:x}"


def _one(lab: Lab, words: list[str]) -> str:
    """The answer of the first database machine that gives one."""
    said = []
    for machine in machines_with("db"):
        try:
            return lab.check(machine.name, words)
        except LabError as error:
            said.append(str(error))
    raise LabError("no database machine says who it is: " + "; ".join(said))
