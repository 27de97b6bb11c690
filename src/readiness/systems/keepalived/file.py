"""What a configuration file of keepalived says about who moves an address (keepalived.conf(5)).

Names, addresses and programs are kept, never the words of a script and never a password: both
stand in the same file.
"""

import ipaddress
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(r""""[^"]*"|'[^']*'|[{}]|[^\s{}"']+""")
# `!` and `#` begin a comment wherever they stand outside of quotes.
_COMMENT: Final = re.compile(r"""("[^"]*"|'[^']*')|[#!].*""")
# A definition, a sequence or a condition of a newer version: who reads it without running it would
# guess what it stands for.
_COMPUTED: Final = re.compile(r"^\$|\$\{|\$\(|^~SEQ|^@@|\$[A-Z_]", re.IGNORECASE)
# Whose words may hold such signs and mean them.
_ANYTHING: Final = ("auth_pass", "password", "script")
_ADDRESSES: Final = ("virtual_ipaddress", "virtual_ipaddress_excluded")
# What moves an address besides scripts, as it is called in an instance or a group.
_LOOKS_AT_A_PROGRAM: Final = ("track_process", "track_file")
_LOOKS_AT_A_LINK: Final = ("track_interface", "track_bfd")
DEFAULT_INTERVAL: Final = 1.0  # seconds between two runs of a script


@dataclass(frozen=True)
class TrackedScript:
    """A script that an instance or its group follows."""

    name: str
    program: str  # its path; empty when the file does not define it
    weight: int  # 0: its failure takes the address away; else it changes the priority
    interval: float  # seconds
    timeout: float  # seconds


@dataclass(frozen=True)
class Mover:
    """What decides about one address: the tracking of its instance and of that one's group."""

    instance: str
    scripts: tuple[TrackedScript, ...]
    programs: tuple[str, ...]  # other tracking that may look at a program: `track_process x`
    links: tuple[str, ...]  # tracking that looks at a link: `track_interface x`


@dataclass(frozen=True)
class Configuration:
    """All files together."""

    movers: dict[str, Mover]  # by address; none for what no instance has
    tracked: tuple[str, ...]  # every script that anything follows
    serves: bool  # has virtual servers: is a balancer itself
    whole: bool  # nothing in it is computed, or in a file that could not be read


@dataclass
class _Block:
    """A line of the file, and what stands between its braces."""

    words: tuple[str, ...]
    inside: list["_Block"] = field(default_factory=list)

    def blocks(self, name: str) -> Iterator["_Block"]:
        """The blocks of that kind in it."""
        return (one for one in self.inside if one.words[0] == name)

    def value(self, name: str) -> str | None:
        """The first word behind a key."""
        found = [one.words[1] for one in self.blocks(name) if len(one.words) > 1]
        return found[-1] if found else None


def includes(text: str) -> list[str]:
    """The patterns of the files that a file includes, in order."""
    return [
        one.words[1]
        for one in _every(_parsed([text], frozenset()))
        if one.words[0].startswith("include") and len(one.words) > 1
    ]


def read(texts: Iterable[str], ids: Iterable[str], *, whole: bool) -> Configuration:
    """Read the files.

    Args:
        texts: what they hold.
        ids: the names that a line which begins with `@NAME` may mean this machine by.
        whole: whether every file that is included is there.
    """
    root = _parsed(texts, frozenset(ids))
    scripts = {one.words[1]: one for one in root.blocks("vrrp_script") if len(one.words) > 1}
    instances = [one for one in root.blocks("vrrp_instance") if len(one.words) > 1]
    groups = list(root.blocks("vrrp_sync_group"))
    movers: dict[str, Mover] = {}
    for one in instances:
        parts = _together(one, instances, groups)
        found = Mover(
            instance=one.words[1],
            scripts=_scripts(parts, scripts),
            programs=_tracking(parts, _LOOKS_AT_A_PROGRAM),
            links=_tracking(parts, _LOOKS_AT_A_LINK),
        )
        movers |= dict.fromkeys(_held(one), found)
    computed = any(
        _COMPUTED.search(word)
        for one in _every(root)
        if one.words[0] not in _ANYTHING
        for word in one.words
    )
    return Configuration(
        movers=movers,
        tracked=tuple(dict.fromkeys(s.name for s in _scripts([*instances, *groups], scripts))),
        serves=any(root.blocks("virtual_server")),
        whole=whole and not computed,
    )


def _parsed(texts: Iterable[str], ids: frozenset[str]) -> _Block:
    root = _Block(("",))
    for text in texts:
        stack = [root]
        for line in text.replace("\\\n", " ").splitlines():
            _line(_COMMENT.sub(lambda found: found[1] or "", line), stack, ids)
    return root


def _line(line: str, stack: list[_Block], ids: frozenset[str]) -> None:
    words: list[str] = []
    tokens = _TOKEN.findall(line)
    if tokens and tokens[0].startswith("@") and not _applies(tokens.pop(0), ids):
        return
    for sign in [*tokens, ""]:
        if sign not in ("{", "}", ""):
            words.append(sign.strip("\"'"))
            continue
        if words:
            stack[-1].inside.append(_Block(tuple(words)))
            words = []
        if sign == "{" and stack[-1].inside:
            stack.append(stack[-1].inside[-1])
        elif sign == "}" and len(stack) > 1:
            stack.pop()


def _applies(condition: str, ids: frozenset[str]) -> bool:
    """Whether a line that begins with it counts on this machine: `@NAME`, `@^NAME`."""
    name = condition.removeprefix("@")
    return name[1:] not in ids if name.startswith("^") else name in ids


def _every(block: _Block) -> Iterator[_Block]:
    for one in block.inside:
        yield one
        yield from _every(one)


def _together(one: _Block, instances: list[_Block], groups: list[_Block]) -> list[_Block]:
    """An instance, the group that it is in and the others there: they move together."""
    parts = [one]
    for group in groups:
        names = {
            word for part in group.blocks("group") for line in part.inside for word in line.words
        }
        if one.words[1] in names:
            parts += [group, *(other for other in instances if other.words[1] in names)]
    return parts


def _scripts(parts: list[_Block], scripts: dict[str, _Block]) -> tuple[TrackedScript, ...]:
    found: dict[str, TrackedScript] = {}
    for line in (one for part in parts for b in part.blocks("track_script") for one in b.inside):
        name = line.words[0]
        own = scripts.get(name, _Block(("vrrp_script", name)))
        weight = _after("weight", line.words) or own.value("weight")
        interval = _number(own.value("interval"), DEFAULT_INTERVAL)
        found[name] = TrackedScript(
            name=name,
            program=_program(own.value("script")),
            weight=int(_number(weight, 0)),
            interval=interval,
            timeout=_number(own.value("timeout"), interval),
        )
    return tuple(found.values())


def _tracking(parts: list[_Block], kinds: tuple[str, ...]) -> tuple[str, ...]:
    found = (
        f"{kind} {line.words[0]}"
        for part in parts
        for kind in kinds
        for block in part.blocks(kind)
        for line in block.inside
    )
    return tuple(dict.fromkeys(found))


def _held(instance: _Block) -> Iterator[str]:
    """The addresses of an instance, as they are written everywhere else."""
    for name in _ADDRESSES:
        for line in (one for block in instance.blocks(name) for one in block.inside):
            text = line.words[0].partition("/")[0]
            try:
                yield str(ipaddress.ip_address(text))
            except ValueError:
                continue


def _program(command: str | None) -> str:
    """The path of a command; its other words may hold secrets."""
    try:
        words = shlex.split(command or "")
    except ValueError:
        words = (command or "").split()
    return words[0] if words else ""


def _after(key: str, words: tuple[str, ...]) -> str | None:
    return words[words.index(key) + 1] if key in words[:-1] else None


def _number(text: str | None, otherwise: float) -> float:
    try:
        return float(text) if text is not None else otherwise
    except ValueError:
        return otherwise
