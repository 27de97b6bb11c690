"""The pages that a site is run by: runbook, maintenance windows and procedures of change."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from readiness.model.quantities import Duration
from readiness.site.declared.section import Section
from readiness.site.written import (
    At,
    FileReference,
    Name,
    Text,
    UrlPath,
    Written,
    distinct,
    one_of,
    wrong,
)
from readiness.systems.token import Kind, by_id

if TYPE_CHECKING:
    from readiness.site.environment import Environment

PageAddress = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$")]
Part = Literal["runbook", "maintenance", "changes"]
PARTS: Final[tuple[Part, ...]] = ("runbook", "maintenance", "changes")


class Page(Written):
    """One page in Markdown: a file beside the environment, or an address that it is read at."""

    name: Name
    file: FileReference | None = None
    url: PageAddress | None = Field(
        default=None, description="Where it is read; alerts link to it, with a section behind `#`."
    )
    authority: Name | None = Field(
        default=None, description="Who signs that server's certificate, where that is no public one"
    )
    parts: dict[Part, Text] = Field(
        default_factory=dict,
        description="What it has: `runbook`, `maintenance`, `changes`, by heading",
    )
    owners: tuple[Text, ...] = Field(
        default=(), description="Who may own it; without it anybody who is named."
    )
    at: tuple[Name, ...] = Field(
        default=(),
        description="Machines where its commands are typed, unless a block says `at=MACHINE,ROLE`.",
    )
    not_paths: tuple[UrlPath, ...] = Field(
        default=(), description="What begins like a path and is none, such as keys of a store."
    )

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if not (self.file or self.url):
            raise wrong("a `file`, a `url`, or both", ("name",))
        if self.url and (urlsplit(self.url).fragment or not urlsplit(self.url).hostname):
            raise wrong("the address of a page, without a section", ("url",), self.url)
        return self


class Runbooks(Section):
    """The pages, and how old what somebody said of them may be."""

    CALLED: ClassVar[str] = "runbooks"

    reviewed_within: Duration = Field(description="Since somebody went through each page, at most.")
    pages: Annotated[tuple[Page, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        distinct("page", [one.name for one in self.pages], ("pages",), "name")
        return self

    def fits(self, site: "Environment", at: At) -> None:
        """Machines, roles and authorities that are named are declared."""
        places = {one.name for one in site.machines} | {one.role for one in site.machines}
        for index, page in enumerate(self.pages):
            here = (*at, "pages", index)
            if page.authority is not None:
                site.require_authority(page.authority, (*here, "authority"))
            for number, name in enumerate(page.at):
                if name not in places:
                    expected = f"a declared machine or role{one_of(name, places)}"
                    raise wrong(expected, (*here, "at", number), f"'{name}'")


class Sections(Written):
    """What the room declares in an environment."""

    runbooks: Runbooks | None = None


@dataclass(frozen=True)
class Runbook:
    """One page with what all of them are declared to be."""

    runbooks: Runbooks
    page: Page

    @property
    def id(self) -> str:
        """The page's name."""
        return self.page.name


def pages(environment: "Environment") -> tuple[Runbook, ...]:
    """Every declared page."""
    found = environment.runbooks
    return tuple(Runbook(found, one) for one in found.pages) if found else ()


RUNBOOK: Final[Kind[Runbook]] = Kind("runbook", "runbooks", by_id(pages))
KINDS: Final = (RUNBOOK,)
