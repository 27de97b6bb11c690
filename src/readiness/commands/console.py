"""The way to the terminal: whatever is printed here is printable, and no line of it endless."""

from collections.abc import Iterable
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from readiness.model.printable import printable

# More than any line of ours; a foreign text on one line is at most a screen.
MOST: Final = 2_000


class SafeConsole(Console):
    """A console that sends no control of others: only its own colours and cursor moves."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print; a line break within a text could begin a line that looks like one of ours."""
        super().print(*map(_on_one_line, objects), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The pieces of what is printed, each made printable."""
        for piece in super().render(renderable, options):
            if piece.control is None:
                lines = (printable(line, MOST) for line in piece.text.split("\n"))
                yield Segment("\n".join(lines), piece.style)
            else:
                yield piece


def _on_one_line(what: Any) -> Any:
    """A text without line breaks but those that it begins with; anything else as it is."""
    if not isinstance(what, str):
        return what
    body = what.lstrip("\n")
    return "\n" * (len(what) - len(body)) + " ".join(body.splitlines())
