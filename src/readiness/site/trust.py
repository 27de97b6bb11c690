"""Whom this system trusts by itself: the store of certificate authorities that it came with."""

import ssl
import warnings
from pathlib import Path
from typing import Final

from readiness.model.errors import UsageError

SYSTEM: Final = "system"
"""The name by which a part of an environment trusts them; no other authority is called so."""
# Where systems keep them, if OpenSSL was built for another place: Debian, Red Hat, Alpine.
_STORES: Final = (
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
)  # fmt: skip


def system_store(key: str = "") -> Path:
    """The file of this system's own authorities.

    Args:
        key: what somebody can name a file with instead; a refusal names it.

    Raises:
        UsageError: there is none where systems keep them.
    """
    # One of the web's own roots has the serial number 0; that is told to nobody who can mend it.
    warnings.filterwarnings("ignore", "Parsed a serial number")
    candidates = (ssl.get_default_verify_paths().cafile, *_STORES)
    found = next((Path(one) for one in candidates if one and Path(one).exists()), None)
    if found is None:
        problem = "is needed: this system keeps no authorities where others do"
        raise UsageError(problem, key=key or "authorities", expected="a file of PEM certificates")
    return found
