"""What a healthy lab is, written down when it is set up: the identity that the gate pins."""

import json

from lab.errors import LabError
from lab.inventory import MACHINES, machines_with
from lab.machines import Lab
from lab.secrets import Secrets, write_private

CLUSTER = "paws360-db"
ETCDCTL = (
    "etcdctl --cacert=/etc/etcd/tls/ca.pem --cert=/etc/etcd/tls/server.pem "
    "--key=/etc/etcd/tls/server.key --endpoints=https://127.0.0.1:2379"
)


def write(lab: Lab, secrets: Secrets) -> None:
    """Ask the lab who it is and write ``identity.json`` into the secrets folder."""
    identity = {
        "schema": 1,
        "postgresql": {CLUSTER: _system_identifier(lab)},
        "etcd": {CLUSTER: _etcd_cluster(lab)},
        "ssh": {machine.name: secrets.fingerprint(machine) for machine in MACHINES},
    }
    text = json.dumps(identity, indent=2, sort_keys=True) + "\n"
    write_private(secrets.path / "identity.json", text.encode())


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
