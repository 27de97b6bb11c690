"""Password hashes (scrypt) and the per-lab passwords of the synthetic accounts."""

import base64
import hashlib
import hmac
import secrets

# 16 MiB and some 50 ms per attempt on the lab's cores.
COST = {"n": 2**14, "r": 8, "p": 1}


def hash_password(password: str) -> str:
    """Return ``scrypt$salt$digest`` (base64) for a password."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_text(salt)}${_text(_digest(password, salt))}"


def verify_password(password: str, stored: str) -> bool:
    """Tell whether a password belongs to a stored hash; the time taken tells nothing."""
    _, salt, digest = stored.split("$")
    return hmac.compare_digest(_digest(password, base64.b64decode(salt)), base64.b64decode(digest))


def account_password(key: bytes, email: str) -> str:
    """Derive an account's password from the lab's secret key, so that none has to be kept."""
    return _text(hmac.digest(key, email.encode(), "sha256"))[:24]


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **COST)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


# Checked when there is no account, so that the answer takes as long as for a wrong password.
NOBODY = hash_password(secrets.token_urlsafe())
