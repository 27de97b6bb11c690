"""The way to the terminal: whatever is printed here is printable, and no piece of it endless."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from readiness.printable import printable

# More than any line of ours; a foreign text on one line is at most a screen.
MOST: Final = 2_000


class SafeConsole(Console):
    """A console that sends no control of others: only its own colours and cursor moves."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The pieces of what is printed, each made printable."""
        for piece in super().render(renderable, options):
            if piece.control is None:
                yield Segment(printable(piece.text, MOST), piece.style)
            else:
                yield piece
