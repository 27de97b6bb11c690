"""What everybody can read about: logins that vendors document, keys and values that are published.

A row says where it is published. Keys are told by SHA-256 over their SubjectPublicKeyInfo (DER),
computed from the file that is named; whoever downloads that has the private half.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class KnownLogin:
    """A user and a password that a vendor, an image or a tutorial gives."""

    user: str
    password: str
    source: str


POSTGRESQL: Final = (
    KnownLogin("postgres", "postgres", "PostgreSQL images and drivers' examples"),
    KnownLogin("postgres", "password", "tutorials"),
    KnownLogin("postgres", "mysecretpassword", "PostgreSQL's container image, its documentation"),
)
"""Each is tried once. What is said of the application's own roles comes besides."""

VALUES: Final[dict[str, str]] = {
    "changeit": "Java's key stores, their documentation",
    "changeme": "Elastic's and others' examples",
    "password": "examples everywhere",
    "postgres": "PostgreSQL images",
    "mysecretpassword": "PostgreSQL's container image, its documentation",
    "foobared": "redis.conf, the example of requirepass",
    "guest": "RabbitMQ's default user",
    "minioadmin": "MinIO's default user",
    "admin": "OpenSearch's demo configuration, Grafana",
    "myStrongPassword123!": "OpenSearch's documentation",
    "keyboard cat": "express-session's documentation",
    "ThisTokenIsNotSoSecretChangeIt": "Symfony's skeleton",
    "mySecretKey": "Spring Security's examples",
    "your-256-bit-secret": "jwt.io's example",
    "notasecret": "Google's key files",
    "dev": "Flask's tutorial",
    "vagrant": "Vagrant's boxes",
}
"""Values that are secrets in somebody's documentation."""

KEYS: Final[dict[str, str]] = {
    "515894a88719a8d79c72ce9150c5e6e7d618c75203256fc8f511db9b9d20a0c8": (
        "CPython 3.13, Lib/test/certdata/keycertecc.pem"
    ),
    "532c1cf563e57e9d3cff65cf4e313f4f0ee97755e173c0e946c850c3ab6d76dc": (
        "CPython 3.13, Lib/test/certdata/keycert2.pem"
    ),
    "45f9a0efba2ef7f6d918bba1abbb96d497a69d87551b8258f8f3a44b88634b2e": (
        "CPython 3.13, Lib/test/certdata/keycert4.pem"
    ),
    "e2a7b7fd502ed35454f0dd95fae8bebe86cf558ac86c49c78cb8823703cd81f3": (
        "CPython 3.13, Lib/test/certdata/keycert3.pem"
    ),
    "1d2054b91a55916ad0dff7f13988af44ab6097b310f9c7587f2637367bd7c150": (
        "CPython 3.13, Lib/test/certdata/keycert.pem"
    ),
    "990c02b92948ebe7dd937acf1ee7bda652aee927ae71dcaa027a28d8df0a23fe": (
        "CPython 3.12, Lib/test/certdata/keycertecc.pem"
    ),
    "c3e2fc4b8742a19c114912a4fcdd9d0c58e3481c6eb4ce447b778bb7edfdde83": (
        "CPython 3.12, Lib/test/certdata/keycert2.pem"
    ),
    "0a8b54336a8f109dbf0f1cf6f8ba46f9e31aeaf0c07af3fa56868f0487d895da": (
        "CPython 3.12, Lib/test/certdata/keycert4.pem"
    ),
    "8064304dc78d97bb96dcf71c5edeb7abe8412efeab98972a9749df0ab065ad37": (
        "CPython 3.12, Lib/test/certdata/keycert3.pem"
    ),
    "be4c89ae84278a5efc10bd6bfa615e3f84b9a91110b17bb52ba6a351eaa14d4d": (
        "CPython 3.12, Lib/test/certdata/keycert.pem"
    ),
    "e13dc60eeea5b3a2edb92eee567681d0745b371d5d876d30b3cf1c7e141e1dce": (
        "Go, golang.org/x/net 0.38 to 0.60, internal/testcert"
    ),
    "66a55b60238ee29eb348bf205d67c04cb877cffd45e65b8be265e04bed11a9cf": (
        "Go, golang.org/x/net 0.59 and 0.60, internal/testcert"
    ),
    "5ea041da911605f288086d719ca13e0d4941556fb8e42cb02c4dc81ffa9749a1": (
        "go-imap 1.2.1, internal/testcert.go"
    ),
    "597d481aef628f0a1c63d7f0750691fe399fd919adb21741bdfde903d99decec": (
        "minio-go 7.2.0, testcerts/private.key"
    ),
}
"""Digests of public keys whose private halves are published, and where."""


def logins(application: tuple[str, ...]) -> tuple[KnownLogin, ...]:
    """What is tried at a PostgreSQL server whose applications log in as these roles."""
    same = (KnownLogin(one, one, "a role's own name") for one in application)
    return (*POSTGRESQL, *same)
