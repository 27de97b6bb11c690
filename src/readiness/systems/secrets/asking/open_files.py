"""Searches the files of a machine that everybody reads, and accounts for each of them."""

from collections.abc import Iterable, Sequence
from typing import Final

from readiness.model.errors import NotUnderstood
from readiness.probes.ssh import ObserveSession
from readiness.systems.secrets import questions
from readiness.systems.secrets.asking.detector import hits_in_file
from readiness.systems.secrets.asking.keys import without_value
from readiness.systems.secrets.asking.sent import has, sent
from readiness.systems.secrets.asking.shown import processes_of, units_of
from readiness.systems.secrets.declared import Secrets
from readiness.systems.secrets.questions import (
    LONGEST_LINE,
    MOST_BYTES,
    MOST_LINES,
    MOST_LISTED,
    MOST_SENT,
    Search,
)
from readiness.systems.secrets.reading import Kept, OpenFiles, Secret
from readiness.systems.secrets.reading.answers import (
    EVERYWHERE,
    Line,
    places,
    read_counts,
    read_lines,
    read_names,
    read_shipped,
    read_sizes,
)
from readiness.systems.secrets.reading.lines import (
    has_comments,
    whole_secret,
    within_comments,
)

MOST_WHOLE: Final = 60
"""Files that are fetched whole, for their long lines or comments; bundles of a page are some."""
ATTEMPTS: Final = 3
"""Files come and go between two questions; what is missing each time was not looked at."""
MOST_NAMED: Final = 20
"""Files that the record names of those that were left out: nobody reads more."""


def search(session: ObserveSession, said: Secrets, machine: str) -> OpenFiles:
    """What was found in the files of a machine that everybody reads.

    Raises:
        ProbeError: they could not be searched, or not all of them.
    """
    meant = [one.whole_folder for one in said.allowed if one.is_about(machine)]
    spared = tuple(one for one in meant if one)
    asked = Search((*EVERYWHERE, *_own_places(session)), spared)
    sizes, counts, lines = _searched(session, asked)
    found = _judged(session, lines, counts)
    found += _named_like_secrets(_sent(session, asked.whole))
    found = [one for one in found if not _is_kept(one.place, said, machine)]
    shipped = _as_shipped(session, sorted({one.place for one in found}))
    secrets, allowed = sorted_out((one for one in found if one.place not in shipped), said, machine)
    binary = read_names(_sent(session, asked.binary))
    large = sorted(path for path, size in sizes.items() if size > MOST_BYTES)
    return OpenFiles(
        asked.roots, len(counts), len(lines), secrets, shipped,
        (*allowed, *(f"{one} as a whole" for one in spared)), (),
        binary[:MOST_NAMED], tuple(large[:MOST_NAMED]), (),
    )  # fmt: skip


def _searched(
    session: ObserveSession, asked: Search
) -> tuple[dict[str, int], dict[str, int], list[Line]]:
    """The size of each file, its suspect lines as counted, and those lines as they were sent.

    Raises:
        NotUnderstood: a file was left out each time.
    """
    left_out: list[str] = []
    for _ in range(ATTEMPTS):
        sizes = read_sizes(_sent(session, asked.listed, MOST_LISTED), session.where)
        counts = read_counts(_sent(session, asked.counted, MOST_LISTED), session.where)
        lines = list(read_lines(_sent(session, asked.searched)))
        left_out = _left_out(sizes, counts, lines)
        if not any(path.startswith("/etc/") for path in counts):
            raise NotUnderstood(f"{session.where}: no file below /etc can be read by everybody")
        if not left_out:
            return sizes, counts, lines
    more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
    raise NotUnderstood(f"{session.where}: not searched, or changed meanwhile: {left_out[0]}{more}")


def _own_places(session: ObserveSession) -> list[str]:
    """The places of services that everybody comes to: each folder above admits others."""
    units, processes = units_of(session), processes_of(session)
    return [one for one in places(units, processes) if _is_reached(session, one)]


def _is_reached(session: ObserveSession, path: str) -> bool:
    above = path.rpartition("/")[0]
    while above:
        answer = session.run(f"stat -Lc %a {above}")
        mode = answer.text.strip()
        if answer.exit_code != 0 or not mode.isdigit() or not int(mode, 8) & 0o001:
            return False
        above = above.rpartition("/")[0]
    return True


def _judged(session: ObserveSession, lines: Sequence[Line], counts: dict[str, int]) -> list[Secret]:
    """The secrets of lines that were sent; of files with long lines or comments, of all lines."""
    whole = _cut(lines, counts)
    hits = [(one, hit) for one in lines for hit in hits_in_file(one.path, one.text)]
    commented = {one.path for one, _ in hits if has_comments(one.path)} - set(whole)
    if len(whole) + len(commented) > MOST_WHOLE:
        raise NotUnderstood(
            f"{session.where}: {len(whole)} files with long lines can't be looked at, "
            f"such as {sorted(whole)[:1]}"
        )
    again = {*whole, *commented}
    found = [without_value(hit, one.path, one.number) for one, hit in hits if one.path not in again]
    for path in sorted(again):
        found += secrets_of_file(path, content(session, path, None))
    return found


def together(here: OpenFiles, more: Sequence[OpenFiles], kept: tuple[Kept, ...]) -> OpenFiles:
    """One reading of all that was looked at on a machine; what was found twice counts once."""
    every = (here, *more)
    by_place = {(one.place, one.line, one.setting): one for part in every for one in part.secrets}
    return OpenFiles(
        here.roots,
        here.files,
        sum(part.lines for part in every),
        tuple(by_place[place] for place in sorted(by_place)),
        here.as_shipped,
        tuple(sorted({one for part in every for one in part.allowed})),
        tuple(sorted({one for part in every for one in part.declared})),
        tuple(dict.fromkeys(one for part in every for one in part.binary)),
        tuple(dict.fromkeys(one for part in every for one in part.large)),
        kept,
    )


def sorted_out(
    found: Iterable[Secret], said: Secrets, machine: str
) -> tuple[tuple[Secret, ...], tuple[str, ...]]:
    """The secrets, and what is declared to be none."""
    meant = [one for one in said.allowed if one.is_about(machine)]
    secrets, allowed = [], []
    for one in found:
        if any(entry.in_file(one.place, one.setting) for entry in meant):
            allowed.append(str(one))
        else:
            secrets.append(one)
    return tuple(secrets), tuple(allowed)


def _sent(session: ObserveSession, command: str, most: int = MOST_SENT) -> bytes:
    return sent(session, command, "the search of what everybody reads", most=most)


def _left_out(sizes: dict[str, int], counts: dict[str, int], lines: Sequence[Line]) -> list[str]:
    """The files that were not searched, or of which no suspect line was sent."""
    small = {path for path, size in sizes.items() if size <= MOST_BYTES}
    sent_of = {one.path for one in lines}
    silent = {path for path, count in counts.items() if count} - sent_of
    return sorted((small - set(counts)) | silent)


def _cut(lines: Iterable[Line], counts: dict[str, int]) -> list[str]:
    """The files of which not every suspect line arrived whole."""
    long = {one.path for one in lines if len(one.text.encode()) + len(one.path) > LONGEST_LINE - 32}
    return sorted(long | {path for path, count in counts.items() if count > MOST_LINES})


def content(session: ObserveSession, path: str, user: str | None) -> bytes:
    """What a file holds.

    Raises:
        NotUnderstood: it can't be read, or holds more than is looked at.
    """
    if not questions.fits(path):
        raise NotUnderstood(f"{session.where}: the path of a file can't stand in a command line")
    command = questions.content(path, user)
    return sent(session, command, f"reading {path}", most=MOST_BYTES + 1)


def secrets_of_file(path: str, said: bytes) -> list[Secret]:
    """The secrets of a file of which every line is here."""
    text = said.decode("utf-8", "replace")
    commented = within_comments(path, text)
    return [
        without_value(hit, path, number)
        for number, line in enumerate(text.split("\n"), 1)
        for hit in hits_in_file(path, line, comment=number in commented)
    ]


def _named_like_secrets(said: bytes) -> list[Secret]:
    by_path: dict[str, list[str]] = {}
    for one in read_lines(said):
        by_path.setdefault(one.path, []).append(one.text)
    hits = ((path, whole_secret(text)) for path, text in by_path.items())
    return [without_value(hit, path) for path, hit in hits if hit]


def _is_kept(path: str, said: Secrets, machine: str) -> bool:
    """Whether secrets are meant to be there: its rights are judged, and not what it holds."""
    meant = (one.path for one in said.kept_in if one.is_about(machine))
    return any(path == one or path.startswith(f"{one}/") for one in meant)


def _as_shipped(session: ObserveSession, paths: Sequence[str]) -> tuple[str, ...]:
    """Those that are as their package shipped them: everybody has what stands in those."""
    if not paths or not has(session, "dpkg-query"):
        return ()
    shipped = read_shipped(session.run(questions.SHIPPED).text)
    found = []
    for path in paths:
        if path in shipped and questions.fits(path):
            answer = session.run(questions.digest(path), remember=False)
            if answer.exit_code == 0 and answer.text.split()[:1] == [shipped[path]]:
                found.append(path)
    return tuple(found)
