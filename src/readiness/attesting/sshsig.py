"""Signatures as `ssh-keygen -Y sign` makes and `ssh-keygen -Y verify` reads them.

Source: OpenSSH, PROTOCOL.sshsig. Of what that allows one form is written and read: ed25519,
SHA-512, lines of 70 characters. Another spelling of the same signature is refused, so that no byte
changes unseen.
"""

import base64
import binascii
import hashlib
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from readiness.model.errors import UsageError
from readiness.site.signers import KEY_BYTES, KEY_HEAD, KEY_TYPE

MAGIC: Final = b"SSHSIG"
HASH: Final = b"sha512"
BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
END: Final = "-----END SSH SIGNATURE-----"
WIDTH: Final = 70
SIGNATURE_BYTES: Final = 64
MOST_OF_KEY: Final = 64 * 1024
EXPECTED: Final = "an ed25519 key, as `ssh-keygen -t ed25519` makes it"


@dataclass(frozen=True)
class Signature:
    """Whose key, and what it made: both in hex, as the record keeps them."""

    key: str
    value: str

    def armoured(self, namespace: str) -> str:
        """The signature's file."""
        blob = MAGIC + struct.pack(">I", 1) + _text(KEY_HEAD + bytes.fromhex(self.key))
        blob += _text(namespace.encode()) + _text(b"") + _text(HASH)
        blob += _text(_text(KEY_TYPE.encode()) + _text(bytes.fromhex(self.value)))
        text = base64.b64encode(blob).decode()
        lines = [text[start : start + WIDTH] for start in range(0, len(text), WIDTH)]
        return "\n".join((BEGIN, *lines, END, ""))

    def made(self, message: bytes, namespace: str) -> bool:
        """Whether the key made it over that message, for that purpose."""
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key))
            key.verify(bytes.fromhex(self.value), _signed(message, namespace))
        except (InvalidSignature, ValueError):
            return False
        return True


def parse(text: str, namespace: str) -> Signature:
    """The signature that a file holds.

    Raises:
        ValueError: it is none of that form and purpose; the message says what was found.
    """
    lines = text.strip().split("\n")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    head = MAGIC + struct.pack(">I", 1) + struct.pack(">I", len(KEY_HEAD) + KEY_BYTES) + KEY_HEAD
    if not blob.startswith(head) or len(blob) < len(head) + KEY_BYTES + SIGNATURE_BYTES:
        message = "no SSH signature of an ed25519 key"
        raise ValueError(message)
    key = blob[len(head) : len(head) + KEY_BYTES]
    found = Signature(key.hex(), blob[-SIGNATURE_BYTES:].hex())
    if found.armoured(namespace) != text:
        message = f"a signature of another form, or not of the namespace {namespace}"
        raise ValueError(message)
    return found


def sign(message: bytes, namespace: str, key: Ed25519PrivateKey) -> Signature:
    """Sign a message for a purpose."""
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Signature(public.hex(), key.sign(_signed(message, namespace)).hex())


def private_key(path: Path, passphrase: Callable[[], str]) -> Ed25519PrivateKey:
    """The key that signs; it is used where it is and copied nowhere.

    Args:
        path: of an OpenSSH or PEM file.
        passphrase: asks for it; called only where the key needs one.

    Raises:
        UsageError: it can't be read or used, or others can read it.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise UsageError("is no file", file=str(path), key="--key", expected=EXPECTED)
        with path.open("rb") as stream:
            content = stream.read(MOST_OF_KEY)
    except OSError as error:
        raise UsageError(f"can't be read ({error.strerror})", str(path), key="--key") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError("others can read this key", str(path), key="--key", expected="mode 0600")
    key = _loaded(content, path, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError("is another kind of key", str(path), key="--key", expected=EXPECTED)
    return key


def _loaded(content: bytes, path: Path, passphrase: Callable[[], str]) -> object:
    """Whatever kind of private key the file holds."""
    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in content else load_pem_private_key
    try:
        try:
            return load(content, None)
        except (TypeError, ValueError) as error:
            if "ssword" not in str(error):
                raise
            return load(content, passphrase().encode())
    except UnsupportedAlgorithm:
        raise UsageError(
            "is enciphered as only OpenSSH reads it",
            str(path),
            key="--key",
            expected="--as NAME instead, and then `ssh-keygen -Y sign`",
        ) from None
    except (ValueError, TypeError):
        # What the library says may hold parts of the file.
        problem = "is no private key, or not of that passphrase"
        raise UsageError(problem, str(path), key="--key", expected=EXPECTED) from None


def _signed(message: bytes, namespace: str) -> bytes:
    digest = hashlib.sha512(message).digest()
    return MAGIC + _text(namespace.encode()) + _text(b"") + _text(HASH) + _text(digest)


def _text(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def public_line(key: str) -> str:
    """A public key as `ssh-keygen` writes it."""
    return f"{KEY_TYPE} {base64.b64encode(KEY_HEAD + bytes.fromhex(key)).decode()}"
