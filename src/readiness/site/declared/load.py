"""What users do, how often, and how fast it must be: one declared load."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from readiness.model.quantities import Duration
from readiness.model.words import Tier
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    FileReference,
    Name,
    SecretReference,
    Text,
    UrlPath,
    UsedBy,
    Written,
    distinct,
    wrong,
)

if TYPE_CHECKING:
    from readiness.site.environment import Environment

SIGN_IN: Final = "sign-in"
"""The journey of users who log in, and the page that a log-in counts as."""

Percentile = Annotated[float, Field(ge=50, lt=100)]
Rate = Annotated[float, Field(gt=0, le=2000)]


class LoadPage(Written):
    """One page of a journey; an answer counts as right only with status 200 and this content."""

    name: Name
    path: UrlPath
    contains: Text = Field(description="What the body holds when it is right.")
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    logged_in: bool = False


class LoadLogin(Written):
    """How a synthetic user logs in: a JSON body by POST, answered with a JSON token."""

    path: UrlPath
    user_field: Text = "email"
    user: Text
    password_field: Text = "password"  # noqa: S105 - a field's name
    password: SecretReference
    token_field: Text = "token"  # noqa: S105 - a field's name


class LoadTest(Section):
    """A load that users really bring, offered from one process at a constant rate."""

    CALLED: ClassVar[str] = "load test"

    name: Name
    listener: Name = Field(
        description="The HTTPS listener that users ask, at each of its addresses."
    )
    rate: Rate = Field(description="Requests a second.")
    duration: Duration
    warm_up: Duration = 5.0
    percentile: Percentile = 95.0
    within: Duration = Field(description="The percentile of every page, at most.")
    failures: Annotated[float, Field(gt=0, lt=100)] = Field(
        description="Percent of requests that may fail, at most."
    )
    timeout: Duration = 10.0
    login: Annotated[LoadLogin | None, UsedBy(Tier.LOAD)] = None
    pages: Annotated[tuple[LoadPage, ...], Field(min_length=1)]
    journeys: tuple[Literal["browse", "sign-in"], ...] = Field(
        default=("browse",), description="Which of the shipped Locust files users go by."
    )
    own_journeys: Annotated[tuple[FileReference, ...], UsedBy(Tier.LOAD)] = Field(
        default=(), description="Locust files of the site's own, with classes of Journey."
    )

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of the pages that it must ask for: the declared ones, and the log-in's."""
        signs_in = (SIGN_IN,) if SIGN_IN in self.journeys else ()
        return (*(page.name for page in self.pages), *signs_in)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("page", [one.name for one in self.pages], ("pages",), "name")
        distinct("journey", self.journeys, ("journeys",))
        distinct("journey", self.own_journeys, ("own_journeys",))
        if not self.journeys and not self.own_journeys:
            raise wrong("browse, sign-in or a file in own_journeys", ("journeys",), "nothing")
        if SIGN_IN in self.journeys and not self.login:
            raise wrong("a login for users who sign in", ("journeys",), f"'{SIGN_IN}'")
        if self.timeout <= self.within:
            raise wrong("shorter than timeout", ("within",), f"{self.within:g} s")
        for index, page in enumerate(self.pages):
            if page.name == SIGN_IN and (SIGN_IN in self.journeys or self.own_journeys):
                expected = "another name: what users log in with counts as that page"
                raise wrong(expected, ("pages", index, "name"), f"'{SIGN_IN}'")
        if not self.login:
            for index, page in enumerate(self.pages):
                if page.logged_in:
                    raise wrong("a login for pages that need one", ("pages", index, "logged_in"))
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Its listener is declared."""
        site.require_https(self.listener, (*at, "listener"))
