"""Asks one address of a balancer for one page until every machine behind it has answered.

What a balancer says about its servers is its opinion; which machine answers its users, and with
what, is the fact. Each request is a connection of its own, as a new user's is.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Final

from readiness.model.errors import ProbeError
from readiness.systems.http.reading import Exchange, Rotation, Share, wrong_with

_OK: Final = 200
EACH: Final = 2
"""Answers wanted of each machine."""
PATIENCE: Final = 10
"""Requests at most, for each machine."""


def ask(
    address: str, once: Callable[[], Exchange], header: str, wanted: Collection[str]
) -> Rotation:
    """Ask until each of the wanted machines has answered `EACH` times, or patience ends."""
    answers: dict[str, list[str]] = defaultdict(list)
    silent: list[str] = []
    requests = 0
    while requests < PATIENCE * len(wanted) and any(len(answers[one]) < EACH for one in wanted):
        requests += 1
        try:
            found = once()
        except ProbeError as error:
            silent.append(str(error))
            continue
        if not found.answers:
            silent.append(found.problem)
            continue
        answers[", ".join(found.header(header))].append(wrong_with(found, _OK))
    shares = tuple(
        Share(name, len(said), said.count(""), next(filter(None, said), ""))
        for name, said in sorted(answers.items())
        if said
    )
    return Rotation(address, requests, shares, len(silent), next(iter(silent), ""))
