"""What can be asked of a site, as typed tokens: of whom (`Kind`), and what comes back (`Source`).

A token does not say how it is asked: its asker does (`readiness.systems.asker`). Suites, judge,
drift and doctor know tokens only, so that none of them can open a connection.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from readiness.evidence.claim import Found
from readiness.systems.marks import Drift

if TYPE_CHECKING:
    from readiness.site.environment import Environment


class Identified(Protocol):
    """A subject that has an id of its own."""

    @property
    def id(self) -> str:
        """What the record calls it."""


K = TypeVar("K")
S = TypeVar("S", bound=Identified)
R = TypeVar("R")
A = TypeVar("A")


@dataclass(frozen=True)
class Kind(Generic[K]):
    """A kind of declared subject. A check that is repeated for it names its subject `name`."""

    name: str
    section: str
    """The key of the environment that declares its subjects; empty for the environment itself."""
    of: Callable[["Environment"], Mapping[str, K]]
    """The declared subjects by id; empty where the environment has none."""
    instead_of: str = ""
    """The section in whose place this one may stand, as one cache's for another's: a clause that
    both could answer needs nothing of the one that is not declared."""

    def stands_in(self, other: "Kind[Any]") -> bool:
        """Whether one of the two may be declared in the other's place."""
        return bool(
            (self.instead_of and self.instead_of == other.section)
            or (other.instead_of and other.instead_of == self.section)
        )


def by_id(
    everyone: Callable[["Environment"], Iterable[S]],
) -> Callable[["Environment"], Mapping[str, S]]:
    """The subjects that a function lists, by id."""
    return lambda environment: {one.id: one for one in everyone(environment)}


@dataclass(frozen=True)
class Pin(Generic[S, R]):
    """What of an answer no renewal and no failover changes.

    `part` names what the subjects have in common by it: members of one database are one system.
    """

    part: Callable[[S], str]
    found: Callable[[R], str]


@dataclass(frozen=True)
class Source(Generic[S, R]):
    """What is asked of each subject of a kind, and the type of the reading that comes back.

    `name` stands in the record, and `about` behind it where the question has an argument.
    `says` tells a person who it was that answered, in the words of `readiness doctor`, and `pin`
    which system it was. `drift` is said of readings that are no records with fields of their own,
    which may have marks (`readiness.systems.marks`).
    """

    name: str
    each: Kind[S]
    reading: type[R]
    says: Callable[[R], str] | None = None
    pin: Pin[S, R] | None = None
    drift: Drift | None = None
    about: str = ""
    argument: Any = None

    @property
    def key(self) -> str:
        """What the record has as the source of an observation."""
        return f"{self.name} {self.about}" if self.about else self.name


@dataclass(frozen=True)
class Sources(Generic[A, S, R]):
    """Sources of one name that differ in an argument, such as the path of a page."""

    name: str
    each: Kind[S]
    reading: type[R]
    label: Callable[[A], str]
    """What the record has behind the name; empty where the subject alone tells them apart."""
    drift: Drift | None = None

    def of(self, argument: A) -> Source[S, R]:
        """The source with that argument."""
        return Source(
            self.name, self.each, self.reading, about=self.label(argument), argument=argument
        )


AnySource = Source[Any, Any] | Sources[Any, Any, Any]


class Ask(Protocol):
    """Asks a source about a subject: once, and then the answer is remembered and in the record.

    The first question about one of a kind asks all of that kind at once. What was read is
    remembered until the next disturbing action, no longer.
    """

    def __call__(self, source: Source[S, R], subject: S) -> Found[R]:
        """What the source says about the subject.

        Raises:
            ProbeError: it could not be found out, now or when it was first asked.
            NotRun: something is not declared, not permitted or not installed.
        """
