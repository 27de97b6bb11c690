"""Which logins must not be taken, which keys and values must differ, and how old they may be."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from readiness.model.quantities import Duration
from readiness.site.written import Name, SystemUser, Text, Written
from readiness.systems.secrets.declared.places import Place

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class PublishedLogin(Written):
    """A login that everybody can read about, which the site adds to the table."""

    system: Literal["postgresql"]
    user: Text
    password: str = Field(description="As it is published: it is no secret.")
    source: Text


class Defaults(Written):
    """Said at all, published logins of declared components are tried, each once in a run."""

    own: tuple[PublishedLogin, ...] = ()


class SharedKey(Written):
    """Machines or listeners that have one key, and are meant to."""

    of: Annotated[tuple[Name, ...], Field(min_length=2)]
    reason: Text


class PublishedKey(Written):
    """A key whose private half somebody published, which the site adds to the table."""

    digest: Digest = Field(description="SHA-256 of the public key, as SubjectPublicKeyInfo.")
    source: Text


class Keys(Written):
    """Said at all, the keys that machines and listeners show are compared."""

    shared: tuple[SharedKey, ...] = ()
    published: tuple[PublishedKey, ...] = ()


class Value(Written):
    """A file that holds one secret and nothing else. Its value never leaves its machine."""

    name: Name
    machine: Name
    path: Place
    user: SystemUser | None = Field(
        default=None, description="As whom sudo reads it, where our own login can't."
    )
    as_on: tuple[Name, ...] = Field(
        default=(), description="Other values that are the same secret, and are meant to be."
    )


class Rotated(Written):
    """How old values may be, by the log of whoever gives them new ones."""

    values: Annotated[tuple[Name, ...], Field(min_length=1)]
    every: Annotated[Duration, Field(gt=0)]
    machine: Name
    log: Place = Field(description="Lines of a time (ISO 8601) and the name of a value.")


class Ages(Written):
    """How old secrets may be."""

    certificates: Annotated[Duration, Field(gt=0)] | None = Field(
        default=None, description="Since the certificates of listeners were issued."
    )
    rotated: tuple[Rotated, ...] = ()
