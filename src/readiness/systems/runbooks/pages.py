"""Reads a page in Markdown, or in HTML where a wiki has made it of that; pure, and bounded."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any, Final

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from readiness.model.errors import NotUnderstood
from readiness.systems.runbooks.reading import Block, Passage, Written
from readiness.systems.runbooks.shell import SHELLS, named

# A page that people read is shorter by far.
LARGEST: Final = 1024 * 1024
MOST: Final = 2000  # sections, and blocks
_FRONT: Final = re.compile(r"\A---[ \t]*\r?\n(.{0,65536}?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_ID: Final = re.compile(r"\s*\{#([\w-]+)\}\s*$")
_HTML: Final = re.compile(r"(?is)\A\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html)\b")


def decoded(body: bytes, where: str) -> str:
    """The text of a page.

    Raises:
        NotUnderstood: it is too long, or in an encoding that it does not name.
    """
    if len(body) > LARGEST:
        raise NotUnderstood(f"{where} has more than {LARGEST} bytes")
    encoding = "utf-16" if body[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotUnderstood(f"{where} is no text in UTF-8: byte {error.start}") from None
    if "\x00" in text:
        raise NotUnderstood(f"{where} is no text: it has a NUL in it")
    return text


def is_html(text: str) -> bool:
    """Whether a page begins as one for browsers does."""
    return _HTML.match(text) is not None


def read_markdown(text: str, alerts: Collection[str], now: datetime, where: str) -> Written:
    """Read a page in Markdown.

    Raises:
        NotUnderstood: it is a page for browsers, such as a form to sign in, or has no end.
    """
    if is_html(text):
        raise NotUnderstood(f"{where} is a page of HTML, expected Markdown")
    front = _FRONT.match(text)
    said = _front(front[1], where) if front else {}
    body = text[front.end() :] if front else text
    skipped = text[: front.end()].count("\n") if front else 0
    try:
        tokens = MarkdownIt("commonmark").parse(body)
    except (RecursionError, ValueError) as error:
        raise NotUnderstood(f"{where} is unreadable: {type(error).__name__}") from None
    reviewed = _day(said.get("reviewed"))
    return Written(
        owner=_line(said.get("owner")),
        reviewed=reviewed.isoformat() if reviewed else "",
        age=(now.astimezone(UTC).date() - reviewed).days if reviewed else None,
        passages=tuple(_passages(tokens, body.splitlines(), alerts)),
        blocks=tuple(_blocks(tokens, skipped)),
        alerts=_named(body, alerts),
    )


def _front(text: str, where: str) -> dict[str, Any]:
    """What stands between the lines of dashes at its beginning."""
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise NotUnderstood(f"{where}: what stands before its text is no YAML") from None
    return {str(key).lower(): one for key, one in found.items()} if isinstance(found, dict) else {}


def _line(value: object) -> str:
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None


def _named(text: str, alerts: Collection[str]) -> tuple[str, ...]:
    """The alerts that a text names as whole words."""
    words = set(re.findall(r"[\w:.-]+", text))
    words |= {one.strip(".:-") for one in words}
    return tuple(sorted(one for one in alerts if one in words or (" " in one and one in text)))


def _passages(tokens: list[Token], lines: list[str], alerts: Collection[str]) -> Iterator[Passage]:
    heads = [
        (int(one.tag[1:]), one.map[0], one.map[1], tokens[index + 1].content)
        for index, one in enumerate(tokens)
        if one.type == "heading_open" and one.map
    ][:MOST]
    taken: dict[str, int] = {}
    for index, (level, start, begins, heading) in enumerate(heads):
        ends = next((at for deep, at, _, _ in heads[index + 1 :] if deep <= level), len(lines))
        own = _ID.search(heading)
        title = heading[: own.start()] if own else heading
        anchor = own[1] if own else anchor_of(title)
        many = taken.get(anchor, 0)
        taken[anchor] = many + 1
        yield Passage(
            heading=" ".join(title.split())[:200],
            anchor=f"{anchor}-{many}" if many else anchor,
            words=len(" ".join(lines[begins:ends]).split()),
            alerts=_named("\n".join(lines[start:ends]), alerts),
        )


def anchor_of(heading: str) -> str:
    """What links call a section, as GitHub, GitLab and most generators of pages make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def _blocks(tokens: list[Token], skipped: int) -> Iterator[Block]:
    fences = [one for one in tokens if one.type == "fence"][:MOST]
    for one in fences:
        language, *more = one.info.split() or [""]
        if language.lower() not in SHELLS:
            continue
        at = next((word[3:] for word in more if word.startswith("at=")), "")
        found = named(one.content)
        yield Block(
            line=skipped + (one.map[0] if one.map else 0) + 1,
            at=tuple(each for each in at.split(",") if each),
            commands=found.commands,
            paths=found.paths,
            unread=found.unread,
        )


class _Page(HTMLParser):
    """Text of a page for browsers, cut at its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: list[tuple[set[str], list[str]]] = [(set(), [])]
        self._skip = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a section at a heading, and note what links may call it."""
        if tag in {"script", "style"}:
            self._skip += 1
        if re.fullmatch("h[1-6]", tag):
            self.sections.append((set(), []))
        self.sections[-1][0].update(
            value for name, value in attrs if name in {"id", "name"} and value
        )

    def handle_endtag(self, tag: str) -> None:
        """Read on behind a script."""
        if tag in {"script", "style"} and self._skip:
            self._skip -= 1

    def handle_data(self, data: str) -> None:
        """Keep what people see."""
        if not self._skip:
            self.sections[-1][1].append(data)


def read_html(text: str, alerts: Collection[str], where: str) -> Written:
    """Read a page for browsers: its sections, each by every name that a link may have for it.

    Raises:
        NotUnderstood: it shows nothing without running what it brings.
    """
    page = _Page()
    page.feed(text)
    page.close()
    whole = " ".join(" ".join(words) for _, words in page.sections)
    if len(whole.split()) < 10:  # noqa: PLR2004 - a page that a script fills
        raise NotUnderstood(f"{where} shows less than ten words")
    passages = [
        Passage(
            heading="",
            anchor=anchor,
            words=len(" ".join(words).split()),
            alerts=_named(" ".join(words), alerts),
        )
        for anchors, words in page.sections[:MOST]
        for anchor in sorted(anchors)
    ]
    return Written("", "", None, tuple(passages[:MOST]), (), _named(whole, alerts))
