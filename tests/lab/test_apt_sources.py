"""The host's mirror, found in both formats that apt reads."""

import pytest

from lab.apt_sources import Source, choose, read_deb822, read_one_line
from lab.errors import LabError

DEB822 = """\
Types: deb
# http://old.example/debian
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://other.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://tools.example/node
Suites: nodistro
Components: main
"""

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/d.gpg] http://mirror.example/debian bookworm main # x
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/security bookworm-security non-free
"""


def test_deb822_gives_one_source_per_suite() -> None:
    """Comments inside a stanza are skipped, disabled stanzas too."""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert read_deb822(DEB822)[:2] == [
        Source("http://mirror.example/debian", "bookworm", keyring),
        Source("http://mirror.example/debian", "bookworm-updates", keyring),
    ]
    assert "http://other.example/debian" not in {source.uri for source in read_deb822(DEB822)}


def test_one_line_entries_are_read_with_their_options() -> None:
    """Sources of code and entries without a main component are not for building."""
    assert read_one_line(ONE_LINE) == [
        Source("http://mirror.example/debian", "bookworm", "/usr/share/keyrings/d.gpg")
    ]


def test_only_debian_suites_are_chosen() -> None:
    """Archives of other makers have no place in the image."""
    suites = {source.suite for source in choose(read_deb822(DEB822))}
    assert suites == {"bookworm", "bookworm-updates"}


def test_another_releases_host_lends_its_first_mirror() -> None:
    """The machines are bookworm whatever the host is."""
    found = [Source("http://mirror.example/debian", "trixie", "/k.gpg")]
    assert choose(found) == [Source("http://mirror.example/debian", "bookworm", "/k.gpg")]


def test_a_host_without_archives_is_an_error() -> None:
    """There is nothing to build from."""
    with pytest.raises(LabError, match="no archive"):
        choose([])
