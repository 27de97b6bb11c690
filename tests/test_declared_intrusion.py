"""What a file may say of a planted attack, and how what is wrong is refused."""

import re
from pathlib import Path

import pytest
from wrong_files import ENVIRONMENTS

from readiness.drills.intrusion_block import doors, pairs
from readiness.model.errors import UsageError
from readiness.site.documents import load_environment

GUARDED = (ENVIRONMENTS / "guarded.yaml").read_text(encoding="utf-8")
BLOCK = """    ends: 45 s
    lift: [sudo, "-n", /usr/bin/fail2ban-client, set, sshd, unbanip]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("machines: [edge1, edge2]", "machines: [edge1, edge9]", "expected a declared machine"),
        ("machines: [edge1, edge2]", "machines: [edge1, edge1]", "expected each machine once"),
        ("machines: [edge1, edge2]", "machines: []", "expected at least 1 entry"),
        ("[198.18.55.66, ", "[198.18.55.30, ", "nothing else uses, found '198.18.55.30', desk1"),
        ("[198.18.55.66, ", "[198.18.55.60, ", "'198.18.55.60', where the gate logs in"),
        ("[198.18.55.66, ", "[198.18.55.66.1, ", "expected an IPv4 or IPv6 address"),
        ('[198.18.55.66, "2001:2:0:55::66"]', "[198.18.55.66]", "a source that has it"),
        ("kind: ssh-logins", "kind: exploits", "intrusion.attack.kind"),
        ("kind: ssh-logins", "kind: requests", "expected paths for requests"),
        ("most: 6", "most: 200", "expected at most 20, found 200"),
        ("speaks: ssh}", "speaks: smtp}", "intrusion.doors[0].speaks"),
        ("{port: 80, speaks: http}", "{port: 22, speaks: ssh}", "expected each door once"),
        ("[tail, ", "['tail;reboot', ", "a word that no shell reads otherwise"),
        ("holds: 8 s", "holds: 8", "a duration such as '30 s'"),
        ("holds: 8 s", "holds: 50 s", "expected at least `holds`"),
        (BLOCK, "", "a block that nobody ends is not planted"),
        ("machine: desk1\n", "machine: desk9\n", "expected a declared machine"),
        ("listed: /received", "listed: received", "a path that begins with '/'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With file, line, key, what was expected and what was found."""
    begin = GUARDED.index("intrusion:")
    assert old in GUARDED[begin:]
    file = tmp_path / "site.yaml"
    file.write_text(GUARDED[:begin] + GUARDED[begin:].replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load_environment(file)
    told = "\n".join(caught.value.lines)
    assert said in told, told
    assert re.match(rf"{re.escape(str(file))}:\d+:\d+: intrusion", told), told


def test_each_family_is_attacked_by_its_own() -> None:
    """A machine's IPv4 address from the source's IPv4 address, and so on, at every door."""
    site = load_environment(ENVIRONMENTS / "guarded.yaml")
    found = pairs(site)
    assert found == [
        ("edge1", "198.18.55.66", "198.18.55.11"),
        ("edge1", "2001:2:0:55::66", "2001:2:0:55::11"),
        ("edge2", "198.18.55.66", "198.18.55.12"),
        ("edge2", "2001:2:0:55::66", "2001:2:0:55::12"),
    ]
    at = [(one.machine, one.id) for one in doors(site)]
    assert at[:4] == [
        ("edge1", "v4 22/ssh"),
        ("edge1", "v4 80/http"),
        ("edge1", "v6 22/ssh"),
        ("edge1", "v6 80/http"),
    ]
    assert len(at) == 8
