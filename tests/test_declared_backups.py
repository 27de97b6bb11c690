"""Backups of either kind in the environment file, and what the file alone permits to be run."""

import re
from pathlib import Path

import pytest
from wrong_files import LAB

from readiness.model.errors import UsageError
from readiness.probes.commands import as_user, bounded, is_allowed
from readiness.session.permitted import permitted
from readiness.site.declared.backup import Backup, ListedBackup
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.site.written import place_of

LISTED = """backups:
  - name: dumps
    kind: command
    database: paws360-db
    machine: db1
    user: dumper
    list: [/usr/local/bin/list-dumps, --of=paws360]
    every: 1 d
    age: 26 h
    timer: dump.timer
    smallest: 1 MB
    places:
      - {machine: backup1, folder: /srv/dumps, user: dumper}
"""
GOOD = LAB.replace("backups:\n", LISTED, 1)


def loaded(folder: Path, text: str) -> Environment:
    """The environment that a text describes."""
    (folder / "site.yaml").write_text(text)
    return load_environment(folder / "site.yaml")


def test_both_kinds_stand_side_by_side(tmp_path: Path) -> None:
    """What says no kind is pgBackRest's, as before."""
    dumps, repository = loaded(tmp_path, GOOD).backups
    assert isinstance(dumps, ListedBackup)
    assert isinstance(repository, Backup)
    assert (dumps.kind, repository.kind, dumps.smallest) == ("command", "pgbackrest", 1_000_000)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: command", "kind: barman", "backups[0].kind: wrong value; expected pgbackrest or"),
        ("kind: command", "kind: barman", "command, found 'barman'"),
        ("kind: command", "kind: [x]", "backups[0].kind: wrong value; expected pgbackrest or"),
        ("    kind: command\n", "", "backups[0].list: unknown key, which another `kind` has"),
        ("    list:", "    lists:", "backups[0].lists: unknown key, did you mean 'list'?"),
        ("    user: dumper\n", "", "backups[0].user: is missing"),
        ("database: paws360-db", "database: paws", "backups[0].database: wrong value; expected a"),
        ("machine: db1", "machine: db9", "backups[0].machine: wrong value; expected a declared"),
        ("machine: backup1", "machine: backup9", "backups[0].places[0].machine: wrong value;"),
        ("/usr/local/bin/list-dumps", "-i", "list[0]: wrong value; expected the whole path of a"),
        ("/usr/local/bin/list-dumps", "list", "list[0]: wrong value; expected the whole path of"),
        ("--of=paws360", "$(reboot)", "list[1]: wrong value; expected a word that no shell reads"),
        ("[/usr/local/bin/list-dumps, --of=paws360]", "[]", "list: wrong value; expected at least"),
        ("[/usr/local/bin/list-dumps, --of=paws360]", "/x", "list: wrong value; expected a list"),
        (
            "folder: /srv/dumps",
            "folder: /srv/../etc",
            "folder: wrong value; expected a folder such",
        ),
        ("age: 26 h", "age: 20 h", "backups[0].age: wrong value; expected at least as long as"),
        ("smallest: 1 MB", "smallest: 1", "backups[0].smallest: wrong value; expected a size such"),
        ("timer: dump.timer", "timer: '-x'", "expected the name of a systemd unit"),
        ("timer: dump.timer", "smallest_percent: 101", "expected at most 100, found 101"),
        ("timer: dump.timer", "restore: {}", "backups[0].restore: unknown key, which another"),
        (
            "dumper}\n",
            "dumper}\n      - {machine: backup1, folder: /srv/dumps, user: x}\n",
            "backups[0].places[1]: wrong value; expected each place once",
        ),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """With the line, the key, what was expected and what was found."""
    assert old in LISTED
    text = LAB.replace("backups:\n", LISTED.replace(old, new, 1), 1)
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, text)
    told = "\n".join(caught.value.lines)
    assert said in told, told
    assert re.match(rf"{re.escape(str(tmp_path))}/site\.yaml:\d+:\d+: backups", told)


def test_no_place_that_people_are_told_has_the_models_tag_in_it() -> None:
    """It stands in no file."""
    told = place_of(("backups", 0, "kind: command", "places", 0, "folder"))
    assert told == ("backups", 0, "places", 0, "folder")


@pytest.fixture
def site(tmp_path: Path) -> Environment:
    """The site with a list."""
    return loaded(tmp_path, GOOD)


LIST = bounded(as_user("dumper", ["/usr/local/bin/list-dumps", "--of=paws360"]))
LOOKS = (
    "sudo -n -u dumper /usr/bin/head -v -c 64 -- /srv/dumps/a.age /srv/dumps/b/toc.dat",
    "sudo -n -u dumper /usr/bin/stat -L -c %f/%s/%Y/%n -- /srv/dumps/a.age",
    "sudo -n -u dumper /usr/bin/realpath -m -- /srv/dumps/a.age",
)


def test_the_list_may_be_asked_where_it_is_declared_and_nowhere_else(site: Environment) -> None:
    """Word for word: no other argument, no other user, no other machine."""
    here = permitted(site, "db1")
    assert is_allowed(LIST, here)
    assert not is_allowed(LIST)
    assert not is_allowed(LIST, permitted(site, "backup1"))
    for old, new in (("--of=paws360", "--of=x"), ("dumper", "root"), ("2>&4", "2>/etc/x")):
        assert old in LIST
        assert not is_allowed(LIST.replace(old, new), here)
    assert not is_allowed(as_user("dumper", ["/usr/local/bin/list-dumps"]), here)
    assert not is_allowed(f"{LIST}; reboot", here)


@pytest.mark.parametrize("line", LOOKS)
def test_looks_go_to_declared_folders_only(site: Environment, line: str) -> None:
    """As the declared user, on the declared machine; nothing climbs out or starts another."""
    there = permitted(site, "backup1")
    assert is_allowed(line, there)
    assert not is_allowed(line)
    assert not is_allowed(line, permitted(site, "db1"))
    for old, new in (
        ("/srv/dumps/a.age", "/etc/shadow"),
        ("/srv/dumps/a.age", "/srv/dumps/../../etc/shadow"),
        ("/srv/dumps/a.age", "/srv/dumps.old/a"),
        ("/srv/dumps/a.age", "/srv/dumps/a /etc/shadow"),
        ("/srv/dumps/a.age", "/srv/dumps/a;reboot"),
        ("/srv/dumps/a.age", "/srv/dumps/$(reboot)"),
        ("-u dumper", "-u root"),
    ):
        assert not is_allowed(line.replace(old, new), there)
