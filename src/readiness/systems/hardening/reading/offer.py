"""Reads what an SSH server offers before a login: its version, and the algorithms of its KEXINIT.

RFC 4253: the line of identification (4.2), packets (6), algorithm negotiation (7.1).
"""

import re
from typing import Final

from readiness.model.errors import NotUnderstood

KEXINIT: Final = 20
_COOKIE: Final = 16
_LISTS: Final = ("key exchange", "host key", "cipher", "cipher", "MAC", "MAC")
# RFC 9142 (key exchange), RFC 8332 (ssh-rsa signs SHA-1), RFC 8758 (RC4), CIS 5.1.6, 5.1.12, 5.1.15
_WEAK: Final = {
    "key exchange": r"diffie-hellman-group(?:1|14|-exchange)-sha1|rsa1024-sha1|gss-.*sha1-.*",
    "host key": r"ssh-dss.*|ssh-rsa(?:-cert-.*)?",
    "cipher": r"arcfour.*|.*-cbc(?:@.*)?|des.*|none",
    "MAC": r"hmac-md5.*|hmac-sha1-96.*|hmac-ripemd.*|none",
}


def weak_algorithms(payload: bytes) -> tuple[str, ...]:
    """What is offered and weak, with what it is for; raises NotUnderstood for another packet."""
    if len(payload) < 1 + _COOKIE or payload[0] != KEXINIT:
        raise NotUnderstood("expected an SSH server's KEXINIT, found another packet")
    found: list[str] = []
    at = 1 + _COOKIE
    for kind in _LISTS:
        length = int.from_bytes(payload[at : at + 4], "big")
        names = payload[at + 4 : at + 4 + length].decode("ascii", "replace").split(",")
        if len(payload) < at + 4 + length or not names[0]:
            raise NotUnderstood(f"expected the {kind} algorithms of a KEXINIT, found its end")
        at += 4 + length
        found += [f"{kind} {one}" for one in names if re.fullmatch(_WEAK[kind], one)]
    return tuple(dict.fromkeys(found))


def host_keys_offered(payload: bytes) -> tuple[str, ...]:
    """What a KEXINIT offers for host keys; raises NotUnderstood for another packet."""
    at = 1 + _COOKIE
    if len(payload) < at or payload[0] != KEXINIT:
        raise NotUnderstood("expected an SSH server's KEXINIT, found another packet")
    at += 4 + int.from_bytes(payload[at : at + 4], "big")  # key exchange comes first
    length = int.from_bytes(payload[at : at + 4], "big")
    names = payload[at + 4 : at + 4 + length].decode("ascii", "replace").split(",")
    if len(payload) < at + 4 + length or not names[0]:
        raise NotUnderstood("expected the host key algorithms of a KEXINIT, found its end")
    return tuple(names)
