"""What a cluster can be asked, and what comes back."""

from typing import Final

from readiness.systems.kubernetes.declared import CLUSTER, ClusterSubject
from readiness.systems.kubernetes.reading.nodes import Nodes
from readiness.systems.kubernetes.reading.powers import Grants
from readiness.systems.kubernetes.reading.versions import Identity
from readiness.systems.kubernetes.reading.workloads import Running
from readiness.systems.token import Pin, Source


def _says(found: Identity) -> str:
    return f"Kubernetes {found.version}, kube-system {found.uid}, an account that may look only"


def _name(subject: ClusterSubject) -> str:
    return subject.id


def _uid(found: Identity) -> str:
    return found.uid


IDENTITY: Final = Source("kubernetes", CLUSTER, Identity, says=_says, pin=Pin(_name, _uid))
NODES: Final = Source("kubernetes nodes", CLUSTER, Nodes)
RUNNING: Final = Source("kubernetes workloads", CLUSTER, Running)
GRANTS: Final = Source("kubernetes grants", CLUSTER, Grants)
SOURCES: Final = (IDENTITY, NODES, RUNNING, GRANTS)
