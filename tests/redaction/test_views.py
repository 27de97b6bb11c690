"""What is found in another reading of a text is found at its place in the text."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.evidence.redaction.views import View, decoded, joined, unescaped

TEXTS = st.text(alphabet="ab\n %41\\nx&#;\t", max_size=40)


@given(TEXTS, st.sampled_from(["", " ", "--"]), st.data())
def test_origin_covers_what_a_stretch_was_made_from(
    text: str, by: str, data: st.DataObject
) -> None:
    """Reading the origin of a stretch again gives a text that contains the stretch."""
    view = View(text, re.compile(r"\n+|a"), lambda _: by)
    start = data.draw(st.integers(0, len(view.text)))
    end = data.draw(st.integers(start, len(view.text)))

    first, last = view.origin((start, end))

    assert 0 <= first <= last <= len(text) or start == end
    if start < end:
        again = View(text[first:last], re.compile(r"\n+|a"), lambda _: by)
        assert view.text[start:end] in again.text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("p%61ss", "pass"), ("\\u0070ass", "pass"), ("&#112;ass", "pass"), ("&#x70;ass", "pass"),
        ("\\x70ass", "pass"), ("%C3%BC", "ü"), ("a\\tb", "a\tb"), ("&quot;x&quot;", '"x"'),
    ],
)  # fmt: skip
def test_escapes_are_resolved(text: str, plain: str) -> None:
    """Percent, Unicode, hex, HTML and control escapes read as what they stand for."""
    view = unescaped(text)

    assert view is not None
    assert view.text == plain


def test_lines_are_joined_without_what_wraps_them() -> None:
    """Indentation, backslashes, carriage returns and pytest's gutter belong to the break."""
    view = joined("a\n  b\\\nc\r\nd\\ne\nE       f")

    assert view is not None
    assert view.text == "abcdef"


def test_single_plain_line_has_no_other_reading() -> None:
    """Nothing to join and nothing to resolve costs nothing."""
    assert joined("a b") is None
    assert unescaped("a b") is None


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"]), min_size=12, max_size=60))
def test_text_in_base64_and_hex_is_decoded(text: str) -> None:
    """Any printable text of some length is found in its hex, and in its base64 if in ASCII."""
    assert ((0, len(text.encode().hex())), text) in decoded(text.encode().hex())
    if text.isascii():
        run = base64.b64encode(text.encode()).decode()
        assert ((0, len(run)), text) in decoded(run)
