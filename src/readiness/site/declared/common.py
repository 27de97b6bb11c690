"""What several parts of an environment are described with: addresses, ports, logins."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from readiness.site.written import (
    FileReference,
    KeyReference,
    SecretReference,
    Text,
    Written,
    wrong,
)

Port = Annotated[int, Field(ge=1, le=65535)]


class Address(Written):
    """One IP address and its family."""

    ip: str

    @property
    def family(self) -> Literal["v4", "v6"]:
        """`v4` or `v6`."""
        return "v4" if ipaddress.ip_address(self.ip).version == 4 else "v6"  # noqa: PLR2004


def _ip(value: str) -> str:
    """The address in its canonical form, so that one address has one spelling."""
    try:
        return str(ipaddress.ip_address("" if "%" in value else value))
    except ValueError:
        raise wrong("an IPv4 or IPv6 address", (), f"'{value}'") from None


def canonical(text: str) -> str:
    """An address in the spelling that declared ones have; anything else as it is."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def is_address(text: str) -> bool:
    """Whether it is an IP address and not a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


Ip = Annotated[
    str,
    AfterValidator(_ip),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
]


class ClientCertificate(Written):
    """A certificate and key that this client presents."""

    certificate: FileReference
    key: KeyReference


class Login(Written):
    """A user and where its secret is."""

    user: Text
    password: SecretReference
