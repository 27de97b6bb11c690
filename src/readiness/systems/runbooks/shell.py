"""Which programs and paths a block of shell commands names; nothing of it is ever run.

This is no shell: what can't be told apart for certain (variables, placeholders, patterns) is left
out or shortened to the folder before it, and a line that is not understood is said to be so.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SHELLS: Final = ("sh", "bash", "shell", "console", "shell-session", "zsh")
_PROMPT: Final = re.compile(r"^\s*(?:\[[^\]]*\]|[\w.-]+@[\w.:~/-]+)?[$#%>]\s+")
_SEPARATORS: Final = {";", "|", "||", "&&", "&", "(", ")", "|&", ";;", "{", "}"}
_REDIRECTIONS: Final = re.compile(r"^[<>]+[&|]?$")
# Words of the shell's grammar, behind which a command may stand.
_WORDS: Final = {"if", "then", "else", "elif", "while", "until", "do", "!", "time"}
_GRAMMAR: Final = {"fi", "done", "esac", "for", "case", "select", "function"}
# What every shell has in itself (POSIX, 2.15 and 4; bash's own).
_BUILT_IN: Final = frozenset(
    re.findall(
        r"\S+",
        ": . [ [[ alias bg break cd command continue declare echo eval exec exit export false fg "
        "getopts hash history jobs let local popd printf pushd pwd read readonly return set shift "
        "shopt source test times trap true type typeset ulimit umask unalias unset wait",
    )
)
# Programs that start another one, and which of their options take a word.
_STARTERS: Final = {
    "sudo": "ughpCcDRrTtU",
    "doas": "uC",
    "env": "uCS",
    "nohup": "",
    "nice": "n",
    "ionice": "cnp",
    "setsid": "",
    "xargs": "IiLnPsdEa",
    "watch": "nd",
    "timeout": "ks",
    "runuser": "ugGs",
    "exec": "a",
    "command": "",
    "stdbuf": "ioe",
}
_ASSIGNMENT: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*\+?=")
_NAME: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9@+_.:-]*|/[A-Za-z0-9@+=:,._/-]*)")
_OPEN: Final = re.compile(r"[$*?\[\]{}<>`~!\\\"'\u2026]|\.\.\.")
# What comes and goes while somebody works.
_PASSING: Final = ("/tmp/", "/var/tmp/", "/dev/", "/proc/")  # noqa: S108 - names, not used
_HERE: Final = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")


@dataclass(frozen=True)
class Named:
    """What a block names."""

    commands: tuple[str, ...]
    paths: tuple[str, ...]
    unread: tuple[str, ...]  # lines that are no shell


def named(text: str) -> Named:
    """The programs and the paths that a block names, each once."""
    commands: dict[str, None] = {}
    paths: dict[str, None] = {}
    has_prompts = any(map(_PROMPT.match, text.splitlines()))
    pending = ""
    for line in _lines(text, has_prompts=has_prompts):
        pending = f"{pending}\n{line}" if pending else line
        try:
            words = _split(pending)
        except ValueError:
            continue  # a quotation that goes on with the next line
        pending = ""
        for command in _commands(words):
            _note(command, commands, paths)
    unread = (pending.strip()[:100],) if pending else ()
    return Named(tuple(commands), tuple(paths), unread)


def _lines(text: str, *, has_prompts: bool) -> Iterator[str]:
    """Each command line without its prompt; what a session shows as output is left out."""
    until, joined = "", ""
    for raw in text.splitlines():
        if until:
            until = "" if raw.strip() == until else until
            continue
        line = raw
        if has_prompts and not joined:
            prompt = _PROMPT.match(raw)
            if prompt is None:
                continue
            line = raw[prompt.end() :]
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        line, joined = joined + line, ""
        if here := _HERE.search(line):
            until = here[2]
            line = line[: here.start()] + line[here.end() :]
        yield line


def _split(line: str) -> list[str]:
    """Words and operators of a line; a placeholder in angle brackets is one word."""
    line = re.sub(r"<([A-Za-z][\w .-]*)>", "\u2026", line)
    line = re.sub(r"\$\(|`", " ; ", line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    return list(lexer)


def _commands(words: list[str]) -> Iterator[list[str]]:
    """The words of each simple command; where something is read from or written to is left out."""
    found: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in _SEPARATORS or set(word) <= set(";&|()"):
            if found:
                yield found
            found = []
        elif _REDIRECTIONS.match(word):
            skip = True
            if found and found[-1].isdigit():
                found.pop()
        else:
            found.append(word)
    if found:
        yield found


def _note(words: list[str], commands: dict[str, None], paths: dict[str, None]) -> None:
    rest = list(words)
    while rest and (rest[0] in _WORDS or _ASSIGNMENT.match(rest[0]) or rest[0] in _STARTERS):
        word = rest.pop(0)
        if word in _STARTERS:
            commands |= {} if word in _BUILT_IN else {word: None}
            rest = _started(word, rest)
    if not rest or rest[0] in _GRAMMAR:
        return
    program = rest.pop(0)
    if _NAME.fullmatch(program) and program not in _BUILT_IN:
        commands[program] = None
    for word in rest:
        for path in _paths(word):
            paths[path] = None


def _started(starter: str, rest: list[str]) -> list[str]:
    """The words of the command that a program starts."""
    while rest and (rest[0].startswith("-") or (starter == "env" and _ASSIGNMENT.match(rest[0]))):
        option = rest.pop(0)
        if option == "--":
            break
        takes = len(option) == 2 and option[1:] in _STARTERS[starter]  # noqa: PLR2004 - `-u`
        if takes and rest:
            rest.pop(0)
    if starter == "timeout" and rest:
        rest.pop(0)
    return rest


def _paths(word: str) -> Iterator[str]:
    """The path that a word is, or that stands behind the `=` of an option."""
    if word.startswith("-") and "=" in word:
        word = word.partition("=")[2]
    if not word.startswith("/") or word.startswith("//") or word == "/":
        return
    if found := _OPEN.search(word):
        word = word[: found.start()].rpartition("/")[0]
    if not word or word.startswith(_PASSING) or not _NAME.fullmatch(word):
        return
    yield word.rstrip("/") or "/"
