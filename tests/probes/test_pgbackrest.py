"""What pgBackRest prints, read; recorded on the lab's repository."""

import json
from pathlib import Path

import pytest

from readiness.model.errors import NotUnderstood
from readiness.systems.hosts.reading.mounts import mounts_below, read_mount
from readiness.systems.pgbackrest.reading import (
    SALTED,
    SAMPLE,
    File,
    Held,
    histories_of,
    newest_full,
    read_headers,
    read_info,
    read_listing,
    sample,
    segments_of,
)

RECORDED = Path(__file__).parents[1] / "recorded" / "pgbackrest"
SYSTEM = "7712437342744608917"
INFO = (RECORDED / "info.json").read_text()


def test_the_newest_full_backup_with_its_system() -> None:
    """Label, system identifier, WAL, sizes and databases are those that were recorded."""
    found = read_info(INFO, "paws360", where="m")
    newest = found.newest_full
    assert newest is not None
    assert newest == found.oldest(newest.system_identifier)
    assert (newest.label, newest.system_identifier) == ("20261126-112624F", SYSTEM)
    assert (newest.first_wal, newest.archive) == ("000000010000000000000008", "15-1")
    assert (newest.size, newest.stored) == (32048817, 6415232)
    assert newest.databases == ("paws360", "postgres")
    assert (found.status, found.cipher) == (0, "aes-256-cbc")


SECOND_REPOSITORY = 2


def with_second(*, held: str | None) -> str:
    """What is said of a stanza that has a second repository, whose backup is newer."""
    (whole,) = json.loads(INFO)
    other = {"id": 1, "repo-key": SECOND_REPOSITORY}
    (backup,), (archive,), (database,), (repository,) = (
        whole[key] for key in ("backup", "archive", "db", "repo")
    )
    young = {"start": backup["timestamp"]["stop"] + 60, "stop": backup["timestamp"]["stop"] + 90}
    newer = {**backup, "label": "20261126-120000F", "database": other, "timestamp": young}
    return json.dumps(
        [
            {
                **whole,
                "backup": [backup, newer],
                "archive": [{**archive, "database": other, "min": held, "max": held}, archive],
                "db": [database, {**database, **other}],
                "repo": [{**repository, "key": SECOND_REPOSITORY}, repository],
            }
        ]
    )


def test_the_files_listed_are_those_of_the_first_repository() -> None:
    """A newer backup in the second one is not the one whose files are looked for."""
    found = read_info(with_second(held=None), "paws360", where="m")
    assert [one.key for one in found.repositories or ()] == [1, SECOND_REPOSITORY]
    assert found.newest_full == found.oldest(SYSTEM) == found.of(1)[0]
    newest = newest_full(found.of(SECOND_REPOSITORY))
    assert newest is not None
    assert newest.label == "20261126-120000F"


@pytest.mark.parametrize("held", [None, "000000010000000000000004"])
def test_each_repository_has_an_end_of_its_own(held: str | None) -> None:
    """The archive of the first one says nothing about what the second one holds."""
    found = read_info(with_second(held=held), "paws360", where="m")
    assert found.repositories == (
        Held(1, 0, "aes-256-cbc", "000000010000000000000009", "15-1"),
        Held(SECOND_REPOSITORY, 0, "aes-256-cbc", held or "", "15-1"),
    )


def test_after_an_upgrade_the_archive_of_the_present_database_counts() -> None:
    """Its timelines begin anew, so that the old archive's last segment would look later."""
    (whole,) = json.loads(INFO)
    new = {"id": 2, "repo-key": 1}
    text = json.dumps(
        [
            {
                **whole,
                "db": [*whole["db"], {**whole["db"][0], **new}],
                "archive": [
                    {**whole["archive"][0], "max": "0000000900000000000000FF"},
                    {"database": new, "id": "16-2", "min": None, "max": None},
                ],
            }
        ]
    )
    (held,) = read_info(text, "paws360", where="m").repositories or ()
    assert (held.last_wal, held.archive) == ("", "16-2")


def test_an_old_pgbackrest_does_not_say_which_repositories_there_are() -> None:
    """What is not said is not taken for one repository."""
    (whole,) = json.loads(INFO)
    del whole["repo"]
    assert read_info(json.dumps([whole]), "paws360", where="m").repositories is None


def test_d1_each_repository_numbers_its_databases_by_itself() -> None:
    """After an upgrade number 1 is the old system in one repository and the new in the other."""
    text = (RECORDED / "upgraded.info.json").read_text()
    found = read_info(text, "s", where="m")
    old, new = "7713628958611586812", "7713629008109261154"
    seen = [(one.repository, one.system_identifier, one.archive) for one in found.backups]
    assert seen == [(1, old, "15-1"), (2, new, "15-1")]
    assert [one.archive for one in found.repositories or ()] == ["15-2", "15-1"]


@pytest.mark.parametrize(("said", "error"), [("false", False), ("true", True), ("null", None)])
def test_pages_that_nobody_verified_are_not_right(said: str, *, error: bool | None) -> None:
    """An answer that leaves open whether pages are wrong is no answer that they are right."""
    text = INFO.replace('"error":false', f'"error":{said}')
    newest = read_info(text, "paws360", where="m").newest_full
    assert newest is not None
    assert newest.error is error


def test_a_repository_without_backups_has_no_newest() -> None:
    """An empty list of backups is read, and is none."""
    (whole,) = json.loads(INFO)
    found = read_info(json.dumps([{**whole, "backup": []}]), "paws360", where="m")
    assert found.newest_full is None
    assert found.oldest(SYSTEM) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "[{}]", '[{"name": "other"}]', "null"])
def test_what_is_no_info_is_not_understood(text: str) -> None:
    """Nothing is made up where the stanza is missing or the answer is another."""
    with pytest.raises(NotUnderstood):
        read_info(text, "paws360", where="m")


def test_segments_are_whole_ones_only() -> None:
    """A backup's own mark, a partial segment and the description of the archive are none."""
    files = read_listing((RECORDED / "archive.json").read_text(), where="m")
    partial = File(f"15-1/0000000100000000/00000001000000000000000A.partial-{'a' * 40}.lz4", 1, 0)
    names = [one.name for one in segments_of([*files, partial])]
    assert names == ["000000010000000000000008", "000000010000000000000009"]


def test_an_empty_history_is_none() -> None:
    """A history counts when it holds something."""
    files = (File("15-1/00000002.history", 80, 0), File("15-1/00000003.history", 0, 0))
    assert histories_of(files) == ("15-1/00000002",)


def test_headers_by_path() -> None:
    """Each heading begins the bytes of its file; an empty file has none."""
    output = b"==> /r/archive/a <==\nSalted__\n==> /r/archive/b <==\n\n==> /r/archive/c <==\nplain"
    assert read_headers(output) == (
        ("/r/archive/a", SALTED),
        ("/r/archive/b", ""),
        ("/r/archive/c", b"plain".hex()),
    )


def test_the_mount_that_hides_others_counts() -> None:
    """The longest mount point wins, and of two at one point the later; a like prefix does not."""
    text = "o / overlay rw\nd /var/lib/pg xfs rw\nx /var/lib/pgb ext4 rw\ny /var/lib/pgb tmpfs rw\n"
    assert read_mount(text, "/var/lib/pgb", where="m").kind == "tmpfs"
    assert read_mount(text, "/var/lib/pgbackrest", where="m").kind == "overlay"
    with pytest.raises(NotUnderstood):
        read_mount("", "/var/lib/pgb", where="m")


def test_what_lies_inside_a_repository_is_found() -> None:
    """The last mount of a point wins; a folder of a longer name is another one."""
    text = (
        "/dev/sda / ext4 rw 0 0\n/dev/sdb /var/lib/pgb ext4 rw 0 0\n"
        "/dev/sdc /var/lib/pgb/archive ext4 rw 0 0\ntmpfs /var/lib/pgb/archive tmpfs rw 0 0\n"
        "nas:/b /var/lib/pgb/backup nfs4 rw 0 0\ntmpfs /var/lib/pgbackrest/x tmpfs rw 0 0\n"
    )
    found = [(one.point, one.kind) for one in mounts_below(text, "/var/lib/pgb")]
    assert found == [("/var/lib/pgb/archive", "tmpfs"), ("/var/lib/pgb/backup", "nfs4")]
    assert mounts_below(text, "/srv") == ()


def test_of_several_repositories_the_cipher_is_that_of_all() -> None:
    """It is `mixed` where they differ, and is kept as it is said."""
    (whole,) = json.loads(INFO)
    text = json.dumps([{**whole, "cipher": "mixed"}])
    assert read_info(text, "paws360", where="m").cipher == "mixed"


def test_a_sample_spans_all() -> None:
    """Few are taken whole; of many the first and last are among those taken."""
    many = [str(number) for number in range(1000)]
    taken = sample(many)
    assert sample(many[:3]) == ("0", "1", "2")
    assert (len(taken), taken[0], taken[-1]) == (SAMPLE, "0", "999")
