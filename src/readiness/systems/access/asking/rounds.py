"""Asks routes at one address, of every machine behind it, and says what the answers mean."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from readiness.model.errors import ProbeError
from readiness.systems.access.reading import Answers, Control, Line, grouped, said_by
from readiness.systems.http.asking.lines import Front, Lines, Request
from readiness.systems.http.asking.pages import Heard
from readiness.systems.http.hidden import control_path

AT_ONCE: Final = 4
"""Connections to one address that ask at the same time."""


@dataclass(frozen=True)
class Known:
    """What has to be known of an address before answers can be read."""

    control: Control
    servers: tuple[str, ...]
    """The machines that answer there."""
    missing: tuple[str, ...]
    sign_in_pages: tuple[str, ...]


def known(front: Front, sign_in_pages: tuple[str, ...]) -> Known:
    """Ask for a path that nobody has, and which machines answer.

    Raises:
        ProbeError: it could not be found out.
    """
    path = control_path()
    with Lines(front) as lines:
        (page,) = lines.ask(Request("control", path), ()).values()
        (head,) = lines.ask(Request("control", path, "HEAD"), ()).values()
        servers = lines.servers()
    url = front.url + path
    missing = tuple(one for one in front.servers if one not in servers)
    return Known(Control(page.page(url), head.page(url)), servers, missing, sign_in_pages)


def answers(front: Front, known: Known, requests: Sequence[Request]) -> Answers:
    """What is answered to each request by every machine that answers there."""
    lines: list[Line] = []
    unheard = [f"{one} answers nobody at {front.url}" for one in known.missing]

    def ask(part: Sequence[Request]) -> None:
        with Lines(front) as own:
            for request in part:
                _answered(front, known, request, own, (lines, unheard))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, [requests[number::AT_ONCE] for number in range(AT_ONCE)]))
    return grouped(lines, unheard)


def statuses(front: Front, known: Known, request: Request) -> dict[str, Heard]:
    """What every machine that answers there says to one request.

    Raises:
        ProbeError: one could not be asked.
    """
    with Lines(front) as lines:
        return lines.ask(request, known.servers)


def _answered(
    front: Front, known: Known, request: Request, own: Lines, found: tuple[list[Line], list[str]]
) -> None:
    """Add what was answered to one request, and by whom it was not."""
    lines, unheard = found
    try:
        heard = own.ask(request, known.servers)
    except ProbeError as error:
        unheard.append(f"{request.name}: {error}")
        return
    for server, one in heard.items():
        page = one.page(front.url + request.path)
        said = said_by(page, request.method, known.control, known.sign_in_pages)
        lines.append((said, one.status, server, request.name))
    # Who stands in front may refuse by itself: then no answer names a machine.
    if set(heard) != {""}:
        unheard += [
            f"{request.name}: not answered by {name}" for name in known.servers if name not in heard
        ]
