"""Find secrets whose values are known, as they are and as programs re-encode them.

Escapes of every kind and line ends are resolved by the views; here are the encodings that change
the characters themselves.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator

from readiness.evidence.redaction.views import Span

_WHOLE_WORDS_BELOW = 4
_LINE_OF_SECRET = 8
_TELLING = 6
"""Shorter stretches of an encoding occur by chance."""


class Registered:
    """The forms in which any of the secrets may appear."""

    def __init__(self, secrets: Iterable[str]) -> None:
        values = {value for secret in secrets for value in _values(secret)}
        forms = {
            form for value in values if len(value) >= _WHOLE_WORDS_BELOW for form in _forms(value)
        }
        # The longest first: a form may contain another.
        self._forms = sorted(forms, key=len, reverse=True)
        self._hex = sorted({value.encode().hex() for value in values if len(value) > 2}, key=len)  # noqa: PLR2004
        short = sorted(value for value in values if len(value) < _WHOLE_WORDS_BELOW)
        words = "|".join(re.escape(value) for value in short)
        self._short = re.compile(rf"(?<!\w)(?:{words})(?!\w)") if short else None

    def spans(self, text: str) -> Iterator[Span]:
        """Where any form of any secret stands in the text."""
        for form in self._forms:
            if form in text:
                yield from _everywhere(text, form)
        lower = text.lower() if self._hex else ""
        for form in self._hex:
            if form in lower:
                yield from _everywhere(lower, form)
        if self._short:
            yield from (match.span() for match in self._short.finditer(text))


def _values(secret: str) -> Iterator[str]:
    """The secret, without the line end its file ends with, and each of its lines."""
    if secret.strip():
        yield secret.strip()
        yield from (line.strip() for line in secret.splitlines() if len(line) >= _LINE_OF_SECRET)


def _forms(value: str) -> Iterator[str]:
    raw = value.encode()
    yield value
    yield value[::-1]
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield from _base64_forms(raw)


def _base64_forms(raw: bytes) -> Iterator[str]:
    """The characters that encode the value wherever it starts within a longer encoded text."""
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + raw).decode()
        # Characters at the seams also depend on the neighbours.
        first = (8 * offset + 5) // 6
        last = (8 * (offset + len(raw))) // 6
        form = whole[first:last]
        if len(form) >= _TELLING:
            yield form
            yield form.replace("+", "-").replace("/", "_")


def _everywhere(text: str, form: str) -> Iterator[Span]:
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)
