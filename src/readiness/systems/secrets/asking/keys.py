"""What stands in the record for a secret: a digest under a key that ends with the process."""

import hashlib
import hmac
import secrets
from typing import Final

from readiness.systems.secrets.reading import Secret
from readiness.systems.secrets.reading.lines import KEY, Hit

# Never written anywhere: without it nobody can try passwords against the digests of a record.
_KEY: Final = secrets.token_bytes(32)
_SHOWN: Final = 12
"""Hexadecimal digits: enough to tell the secrets of one run apart."""


def without_value(hit: Hit, place: str, line: int = 0) -> Secret:
    """A finding as it may leave this process."""
    if hit.kind == KEY:  # its value stands on the lines below
        return Secret(place, line, hit.kind, hit.setting, "")
    digest = hmac.new(_KEY, hit.value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return Secret(place, line, hit.kind, hit.setting, digest[:_SHOWN])
