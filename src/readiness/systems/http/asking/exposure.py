"""Asks for what must never answer, and what pages ask of browsers, whoever vouches for the address.

A site whose certificate ran out is looked at all the same: nothing but a GET without credentials is
sent.
"""

from collections.abc import Sequence
from typing import Final

from readiness.model.errors import NotUnderstood, ProbeError
from readiness.model.words import Severity
from readiness.systems.http.asking.kept import Kept
from readiness.systems.http.asking.lines import Front, Lines, Request
from readiness.systems.http.asking.pages import Question
from readiness.systems.http.defences import DEFENCES
from readiness.systems.http.hidden import BUSY, HIDDEN, Telling, control_path
from readiness.systems.http.page import Page
from readiness.systems.http.reading import Defended, Exposed

_TOLD: Final = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)
"""What weighs less is advice, which `readiness look` gives, and no reason to stop a release."""


def exposed(front: Front, address: str) -> Exposed:
    """What an address answers to each of the paths, by every machine behind it.

    Raises:
        ProbeError: not even a path that nobody has could be asked for.
    """
    answering: set[str] = set()
    unknown: set[str] = set()
    nobody = control_path()
    with Lines(front) as lines:
        (control,) = _pages(lines, front, nobody, ()).values()
        if control.status in BUSY:
            raise NotUnderstood(f"{front.url}: the server is busy: HTTP {control.status}")
        servers = lines.servers()
        unknown.update(f"{one} answers nobody" for one in front.servers if one not in servers)
        for one in HIDDEN:
            try:
                found = _pages(lines, front, one.path, servers)
            except ProbeError as error:
                unknown.add(f"{one.path}: {error}")
                continue
            for server, page in found.items():
                telling, seen = one.told(page, control)
                seen = seen.replace(one.path, f"{one.path} at {server}", 1) if server else seen
                if telling is not Telling.QUIET:
                    (answering if telling is Telling.ANSWERS else unknown).add(seen)
            if set(found) != {""}:
                unknown.update(
                    f"{one.path}: not answered by {s}" for s in servers if s not in found
                )
    return Exposed(
        address, len(HIDDEN), control.status, tuple(sorted(answering)), tuple(sorted(unknown))
    )


def _pages(lines: Lines, front: Front, path: str, servers: Sequence[str]) -> dict[str, Page]:
    heard = lines.ask(Request(path, path), servers)
    return {server: one.page(front.url + path) for server, one in heard.items()}


def defended(question: Question) -> Defended:
    """What the page of the question lacks.

    Raises:
        ProbeError: it could not be asked for.
    """
    with Kept(question, trusts_all=True) as kept:
        heard = kept.ask(question.path)
    if heard.problem:
        raise NotUnderstood(f"{question.place}: {heard.problem}")
    page = heard.page(question.url)
    wrong = (
        f"{one.name}: {found}"
        for one in DEFENCES
        if one.severity in _TOLD and (found := one.wrong(page))
    )
    return Defended(question.address, question.path, page.status, tuple(wrong))
