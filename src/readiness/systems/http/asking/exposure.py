"""Asks for what must never answer, and what pages ask of browsers, whoever vouches for the address.

A site whose certificate ran out is looked at all the same: nothing but a GET without credentials is
sent.
"""

from collections.abc import Callable
from typing import Final

from readiness.model.errors import NotUnderstood, ProbeError
from readiness.model.words import Severity
from readiness.systems.http.asking.kept import Kept
from readiness.systems.http.asking.pages import Question
from readiness.systems.http.defences import DEFENCES
from readiness.systems.http.hidden import BUSY, HIDDEN, Telling, control_path
from readiness.systems.http.page import Page
from readiness.systems.http.reading import Defended, Exposed

_TOLD: Final = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)
"""What weighs less is advice, which `readiness look` gives, and no reason to stop a release."""

Get = Callable[[str], Page]


def exposed(question: Question) -> Exposed:
    """What an address answers to each of the paths.

    Raises:
        ProbeError: not even a path that nobody has could be asked for.
    """
    with Kept(question, trusts_all=True) as kept:
        get = _getting(kept, question)
        control = get(control_path())
        if control.status in BUSY:
            raise NotUnderstood(f"{question.place}: the server is busy: HTTP {control.status}")
        answering: list[str] = []
        unknown: list[str] = []
        for one in HIDDEN:
            try:
                telling, seen = one.told(get(one.path), control)
            except ProbeError as error:
                telling, seen = Telling.UNKNOWN, f"{one.path}: {error}"
            if telling is not Telling.QUIET:
                (answering if telling is Telling.ANSWERS else unknown).append(seen)
    found, open_ = tuple(answering), tuple(unknown)
    return Exposed(question.address, len(HIDDEN), control.status, found, open_)


def defended(question: Question) -> Defended:
    """What the page of the question lacks.

    Raises:
        ProbeError: it could not be asked for.
    """
    with Kept(question, trusts_all=True) as kept:
        page = _getting(kept, question)(question.path)
    wrong = (
        f"{one.name}: {found}"
        for one in DEFENCES
        if one.severity in _TOLD and (found := one.wrong(page))
    )
    return Defended(question.address, question.path, page.status, tuple(wrong))


def _getting(kept: Kept, question: Question) -> Get:
    url = question.url.removesuffix(question.path)

    def get(path: str) -> Page:
        heard = kept.ask(path)
        if heard.problem:
            raise NotUnderstood(f"{question.place}: {heard.problem}")
        return heard.page(url + path)

    return get
