"""What parts of an environment have in common that refer to others: they say if they fit."""

from typing import TYPE_CHECKING, ClassVar

from readiness.site.written import At, Written

if TYPE_CHECKING:
    from readiness.site.environment import Environment


class Section(Written):
    """A part of an environment that stands under a key of its own, alone or in a list."""

    CALLED: ClassVar[str]
    """What a refusal calls it."""
    TOLD_BY: ClassVar[str] = "name"
    """The key that tells those of one list apart."""

    @property
    def told_by(self) -> str:
        """What no other of its list has."""
        return str(getattr(self, self.TOLD_BY))

    def fits(self, site: "Environment", at: At) -> None:
        """Refuse, at that place of the file, what does not fit the rest of the environment."""
        raise NotImplementedError
