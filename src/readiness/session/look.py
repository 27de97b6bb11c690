"""Looking: asks probes on behalf of a case, remembers answers, and puts them into the record.

What was read is remembered until the next disturbing action, no longer. A probe that could not find
out is remembered too: its error is raised again for every case that needs the answer.
"""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final, Protocol, TypeVar

from readiness.catalogue.own import is_own
from readiness.evidence.claim import Found, plain
from readiness.model.errors import ProbeError, ReadinessError
from readiness.session.run import Run

T = TypeVar("T")
AT_ONCE: Final = 8


OWN: Final = "own"
"""Begins the source of what a site's own check read by itself."""


class _Named(Protocol):
    @property
    def id(self) -> str: ...


N = TypeVar("N", bound=_Named)


class Look:
    """What this run has seen so far; `also` is what else was remembered and ends with it."""

    def __init__(self, run: Run, also: Callable[[], None] = lambda: None) -> None:
        self.run = run
        self._seen: dict[Hashable, Any] = {}
        self._begun: dict[str, Future[None]] = {}
        self._also = also
        run.on_disturbance.append(self.forget)

    def at(self, subject: str, source: str, ask: Callable[[], T]) -> Found[T]:
        """What the source says about the subject: asked once, then remembered.

        Raises:
            ProbeError: it could not be found out, now or when it was first asked.
        """
        key = (subject, source)
        seen = self._seen.get(key)
        if key not in self._seen:
            try:
                seen = ask()
            except ProbeError as error:
                seen = error
            self._seen[key] = seen
        if isinstance(seen, ReadinessError):
            raise seen
        if not isinstance(seen, Found):
            seen = self._seen[key] = self.note(subject, source, seen)
        return seen

    def note(self, subject: str, source: str, reading: T) -> Found[T]:
        """Put a reading into the record."""
        number = self.run.writer.write(
            "observation",
            case=self.run.case.key if self.run.case else None,
            subject=subject,
            source=source,
            reading=plain(reading),
        )
        return Found(reading, subject, number)

    def ahead(
        self,
        source: str,
        everyone: Sequence[N],
        ask: Callable[[N], object],
        at_once: int = AT_ONCE,
    ) -> None:
        """Ask all of a kind at once, the first time that one of them is needed."""
        missing = [one for one in everyone if not self.knows(one.id, source)]

        def answer(one: N) -> object:
            try:
                return ask(one)
            except ReadinessError as error:
                return error

        with ThreadPoolExecutor(at_once) as pool:
            answers = list(pool.map(answer, missing))
        for one, found in zip(missing, answers, strict=True):
            self.expect(one.id, source, found)

    def begin(
        self,
        source: str,
        everyone: Sequence[N],
        ask: Callable[[N], object],
        at_once: int = AT_ONCE,
    ) -> None:
        """Ask all of a kind from now on, beside whatever else is asked."""
        beside = ThreadPoolExecutor(1)
        self._begun[source] = beside.submit(self.ahead, source, everyone, ask, at_once)
        beside.shutdown(wait=False)

    def await_begun(self, source: str) -> None:
        """Wait until a question that was begun is answered by everybody."""
        if source in self._begun:
            self._begun[source].result()
            self._begun.pop(source, None)

    def expect(self, subject: str, source: str, answer: object) -> None:
        """Keep an answer that was fetched ahead, together with others."""
        self._seen.setdefault((subject, source), answer)

    def knows(self, subject: str, source: str) -> bool:
        """Whether the answer is already here."""
        return (subject, source) in self._seen

    def forget(self) -> None:
        """Something was disturbed: ask again from now on.

        A question that was begun is waited for, so that no late answer is taken for a new one.
        """
        wait(self._begun.values())
        self._begun.clear()
        self._seen.clear()
        self._also()


class SuiteLook:
    """What suites look with. What a site's own check reads is kept apart from what our probes read.

    Else an answer of its own, under a source that one of our probes has too, would be remembered
    as ours, and our checks would rest on it.
    """

    def __init__(self, look: Look) -> None:
        self._look = look

    def at(self, subject: str, source: str, ask: Callable[[], T]) -> Found[T]:
        """What the source says about the subject: asked once, then remembered.

        Raises:
            ProbeError: it could not be found out, now or when it was first asked.
        """
        return self._look.at(subject, self._named(source), ask)

    def note(self, subject: str, source: str, reading: T) -> Found[T]:
        """Put a reading into the record."""
        return self._look.note(subject, self._named(source), reading)

    def _named(self, source: str) -> str:
        run = self._look.run
        return f"{OWN} {source}" if is_own(run.own, run.case) else source
