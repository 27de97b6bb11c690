"""Which versions of Kubernetes receive support, and how far kubelets may lag behind.

From kubernetes.io/releases/1.N ("End Of Life Date") as these pages were on 2026-09-15; the skew
from kubernetes.io/releases/version-skew-policy. A newer minor version is nobody's finding: it is
not known here.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from readiness.model.errors import NotUnderstood
from readiness.systems.kubernetes.reading.parts import mapping, metadata
from readiness.systems.marks import VOLATILE

SOURCE: Final = "kubernetes.io/releases, 2026-09-15"
# Minor version of Kubernetes 1 -> its last day.
ENDS: Final = {
    31: date(2025, 10, 28),
    32: date(2026, 2, 28),
    33: date(2026, 6, 28),
    34: date(2026, 10, 27),
    35: date(2027, 2, 28),
    36: date(2027, 6, 28),
    37: date(2027, 10, 28),
}
# A kubelet is never newer than the API server, and up to three minor versions older (since 1.28).
MOST_BEHIND: Final = 3
_VERSION: Final = re.compile(r"v?1\.(\d{1,3})\.\d+")


@dataclass(frozen=True)
class Identity:
    """Which cluster answers, and which version its API server is."""

    version: str
    uid: str  # of the namespace kube-system, which is made with the cluster
    now: Annotated[float | None, VOLATILE]  # epoch seconds by the API server's clock


def read_identity(version: Any, kube_system: Any, now: float | None) -> Identity:
    """What /version and the namespace kube-system say.

    Raises:
        NotUnderstood: they say something else.
    """
    said = mapping(version, "/version").get("gitVersion")
    uid = metadata(mapping(kube_system, "kube-system")).get("uid")
    if not isinstance(said, str) or not isinstance(uid, str):
        raise NotUnderstood("neither a version nor a cluster's identity was answered")
    return Identity(said, uid, now)


def minor(version: str) -> int:
    """The minor version; those of vendors have more behind it (v1.34.4-eks-113cf36).

    Raises:
        NotUnderstood: it is no version of Kubernetes 1.
    """
    found = _VERSION.match(version)
    if found is None:
        raise NotUnderstood(f"no version of Kubernetes 1: {version[:40]}")
    return int(found[1])


def ends(version: str) -> date | None:
    """The last day of its support; None: it is newer than what is known here."""
    found = minor(version)
    return ENDS.get(found, None if found > max(ENDS) else date.min)
