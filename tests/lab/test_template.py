"""Substitution in role files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import LabError
from lab.template import render

NOTHING: dict[str, str] = {}


def test_names_become_values_with_or_without_spaces() -> None:
    """Both spellings of a placeholder work, several on a line too."""
    values = {"machine.v4": "198.18.1.11", "domain": "lab.test"}
    assert render("bind {{ machine.v4 }}:443 {{domain}}", values.get, "f") == (
        "bind 198.18.1.11:443 lab.test"
    )


def test_an_unknown_name_is_refused_with_file_and_line() -> None:
    """A typo must not become an empty string in a configuration."""
    with pytest.raises(LabError, match=r"haproxy\.cfg\.in:2: no value is called 'vip\.v5'"):
        render("bind\n  {{ vip.v5 }}\n", NOTHING.get, "haproxy.cfg.in")


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_placeholders_stays_as_it_is(text: str) -> None:
    """Nothing but placeholders is interpreted."""
    assert render(text, NOTHING.get, "f") == text


def test_values_are_not_interpreted_again() -> None:
    """A value that looks like a placeholder stays text."""
    assert render("{{ a }}", {"a": "{{ b }}", "b": "x"}.get, "f") == "{{ b }}"
