"""Synthetic accounts, which belong to nobody, and how they sign in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self
from urllib.parse import quote

from pydantic import Field, model_validator

from readiness.model.words import Tier
from readiness.site.declared.common import Login
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    FileReference,
    HeaderName,
    Name,
    Text,
    UrlPath,
    UsedBy,
    Written,
    wrong,
)

if TYPE_CHECKING:
    from readiness.site.environment import Environment

ANONYMOUS: Final = "anonymous"
"""Stands for whoever does not sign in, so that no account may be called so."""

_BRACES: Final = re.compile(r"\{([^{}]*)\}")


def named_in(template: str) -> tuple[str, ...]:
    """The names that stand in braces in a path."""
    return tuple(_BRACES.findall(template))


def filled(template: str, values: Mapping[str, str]) -> str:
    """The path with each name in braces replaced by its value, as a path may hold it."""
    return _BRACES.sub(lambda found: quote(values[found[1]], safe=""), template)


class SignIn(Written):
    """How an account gets a session; a module of the site's own does what a form can't describe."""

    path: UrlPath | None = Field(default=None, description="Where the form is posted, as JSON.")
    user_field: Text = "email"
    password_field: Text = "password"  # noqa: S105 - the name of a field
    token_field: Text = Field(default="token", description="Where the answer holds the session.")
    token_header: HeaderName = "X-Session-Token"  # noqa: S105 - the name of a header
    end_path: UrlPath | None = Field(default=None, description="Ends the session, by POST.")
    module: Annotated[FileReference | None, UsedBy(Tier.TOUCH)] = Field(
        default=None, description="Python with `sign_in(send, user, password) -> headers`."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.path is None) == (self.module is None):
            raise wrong("either a path or a module", ("path",), "both" if self.path else "neither")
        return self


class Identity(Section):
    """A synthetic account: checks sign in as it at tier touch, and nobody else does."""

    CALLED: ClassVar[str] = "identity"

    name: Name
    role: Text = Field(description="What the application calls its role.")
    id: Text = Field(description="What its records are found by; `{NAME}` in a path stands for it.")
    login: Annotated[Login, UsedBy(Tier.TOUCH)]
    sign_in: SignIn

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name == ANONYMOUS:
            expected = "another name than that of who does not sign in"
            raise wrong(expected, ("name",), f"'{ANONYMOUS}'")
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """It stands for itself."""


@dataclass(frozen=True)
class Account:
    """A synthetic account with all that the audit trail knows it by."""

    login: Login
    id: str
    role: str


class Canary(Written):
    """A synthetic account as the audit trail names it, of its own or one of `identities`."""

    identity: Name | None = Field(default=None, description="A declared identity, instead.")
    login: Annotated[Login | None, UsedBy(Tier.TOUCH)] = None
    id: Text | None = None
    role: Text | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        own = [self.login, self.id, self.role]
        if self.identity is not None:
            if any(one is not None for one in own):
                raise wrong("no login, id and role beside a declared identity", ("identity",))
        elif any(one is None for one in own):
            raise wrong("login, id and role, or a declared identity")
        return self

    def among(self, identities: Sequence[Identity]) -> Account:
        """The account that it is."""
        if self.login is not None and self.id is not None and self.role is not None:
            return Account(self.login, self.id, self.role)
        found = next(one for one in identities if one.name == self.identity)
        return Account(found.login, found.id, found.role)
