"""What a bundle says about itself: an in-toto Statement v1 in a DSSE envelope.

Sources: in-toto Attestation Framework, Statement v1; DSSE protocol v1.0.2. The statement names each
other file with its SHA-256 and size. The envelope's file has exactly one right spelling, so
that no byte of it can change unseen.
"""

import hashlib
import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._crypto_signer import CryptoSigner
from securesystemslib.signer._key import SSlibKey

from readiness.model.errors import UsageError
from readiness.model.words import Json

FILE: Final = "statement.dsse.json"
MANIFEST: Final = "SHA256SUMS"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:readiness:evidence-bundle:1"
MAKE_A_KEY: Final = "a PEM key, as `openssl genpkey -algorithm ed25519` makes it"


@dataclass(frozen=True)
class Entry:
    """One file of the bundle. `size` in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


def entry_of(folder: Path, name: str) -> Entry:
    """What a file is now."""
    content = (folder / name).read_bytes()
    return Entry(name, len(content), hashlib.sha256(content).hexdigest())


def make_statement(entries: list[Entry], predicate: Json) -> bytes:
    """The statement about these files as JSON."""
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": one.name, "digest": {"sha256": one.sha256}} for one in entries],
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate | {"sizes": {one.name: one.size for one in entries}},
    }
    return json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()


def sign(statement: bytes, key: Path) -> bytes:
    """The envelope's file: the statement, signed.

    Raises:
        UsageError: the key can't be read, or others can read it.
    """
    envelope = Envelope(statement, PAYLOAD_TYPE, {})
    envelope.sign(_signer(key))
    return _spelled(envelope)


def _spelled(envelope: Envelope) -> bytes:
    return (json.dumps(envelope.to_dict(), sort_keys=True, indent=1) + "\n").encode()


def _signer(path: Path) -> CryptoSigner:
    try:
        mode = path.stat().st_mode
        pem = path.read_bytes()
    except OSError as error:
        raise UsageError(str(error.strerror), file=str(path), expected=MAKE_A_KEY) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError("others can read this key", file=str(path), expected="mode 0600")
    try:
        return CryptoSigner(load_pem_private_key(pem, password=None))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError("is no private key", file=str(path), expected=MAKE_A_KEY) from error


def trusted_key(path: Path) -> SSlibKey:
    """The public key that a verifier brings.

    Raises:
        UsageError: it can't be read or is none.
    """
    try:
        return SSlibKey.from_crypto(load_pem_public_key(path.read_bytes()))
    except OSError as error:
        raise UsageError(str(error.strerror), file=str(path)) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        expected = "a PEM public key, as `openssl pkey -pubout` writes it"
        raise UsageError("is no public key", file=str(path), expected=expected) from error


class NotSigned(Exception):
    """The envelope is not what the trusted key signed; the message says why."""


def read_signed(content: bytes, key: SSlibKey, *, name: str) -> Json:
    """The statement, if the trusted key signed it.

    Raises:
        NotSigned: it was altered, or is no such statement.
        UsageError: somebody else signed it.
    """
    try:
        envelope = Envelope.from_dict(json.loads(content))
        spelled = _spelled(envelope)
    except Exception as error:
        raise NotSigned(f"{FILE}: is no DSSE envelope ({type(error).__name__})") from error
    if key.keyid not in envelope.signatures:
        raise UsageError(
            "was not signed by the key that you trust",
            file=name,
            expected=f"key {key.keyid[:16]}…",
            found=", ".join(f"{one[:16]}…" for one in envelope.signatures) or "no signature",
        )
    try:
        envelope.verify([key], 1)
    except VerificationError:
        raise NotSigned(f"{FILE}: was altered after it was signed") from None
    if spelled != content:
        raise NotSigned(f"{FILE}: is not spelled as it was written")
    return _statement(envelope)


def _statement(envelope: Envelope) -> Json:
    statement: Any = json.loads(envelope.payload)
    types = (envelope.payload_type, statement.get("_type"), statement.get("predicateType"))
    if types != (PAYLOAD_TYPE, STATEMENT_TYPE, PREDICATE_TYPE):
        raise NotSigned(f"{FILE}: is a statement of another kind: {', '.join(map(str, types))}")
    try:
        names = [one["name"] for one in statement["subject"]]
        said = [
            statement["predicate"][key] for key in ("environment", "verdict", "judgedAt", "runs")
        ]
        said += [statement["predicate"]["clauses"][key] for key in ("required", "proven")]
        entries_of(statement)
    except (KeyError, TypeError, AttributeError) as error:
        raise NotSigned(f"{FILE}: is a statement that lacks {error}") from None
    if len(set(names)) != len(names) or None in said:
        raise NotSigned(f"{FILE}: is a statement that names a file twice, or nothing")
    found: Json = statement
    return found


def entries_of(statement: Json) -> dict[str, Entry]:
    """The files that a statement names."""
    sizes = statement["predicate"]["sizes"]
    return {
        one["name"]: Entry(one["name"], sizes[one["name"]], one["digest"]["sha256"])
        for one in statement["subject"]
    }
