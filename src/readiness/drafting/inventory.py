"""Reads the machines of an Ansible inventory, in INI or YAML: names, groups, how SSH gets there.

Nothing of it is run, and no value but those is kept: an inventory may hold secrets. What is
encrypted (`!vault`) is told and not read. Ansible: "Building an inventory".
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from readiness.model.errors import UsageError
from readiness.model.printable import one_line
from readiness.site.text_file import bounded_text

MOST_BYTES: Final = 1024 * 1024
MOST_MACHINES: Final = 500
"""Beyond this nobody reads the file that is drafted, and a range has been written too wide."""
MOST_DEPTH: Final = 20
_KEPT: Final = ("ansible_host", "ansible_port", "ansible_user")
_OLD: Final = {"ansible_ssh_host": "ansible_host", "ansible_ssh_port": "ansible_port"}
_RANGE: Final = re.compile(r"\[([0-9]+|[A-Za-z]):([0-9]+|[A-Za-z])(?::([0-9]+))?\]")
_SECTION: Final = re.compile(r"\[([^\[\]:]+)(?::(\w+))?\]")
_KEY: Final = re.compile(r"[\w.-]+:(?:\s|$)")
# A name or an address; INI may have the port behind it.
_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|[0-9a-fA-F:]+")
# Groups that say nothing about what a machine is for.
_EVERYBODY: Final = frozenset({"all", "ungrouped"})


@dataclass(frozen=True)
class Machine:
    """One host of an inventory."""

    name: str
    host: str
    group: str = ""
    """The first group that it stands in; empty where it stands in none."""
    port: int | None = None
    user: str = ""


@dataclass(frozen=True)
class Inventory:
    """What was read, and what was not."""

    machines: tuple[Machine, ...]
    vaulted: tuple[str, ...] = ()
    """Machines of which something is encrypted that says how to get there."""


class _NoInventory(Exception):
    """Why it is none."""


class _Vaulted:
    """Stands for a value that is encrypted."""


def read(path: Path) -> Inventory:
    """The machines of a file.

    Raises:
        UsageError: it can't be read, is no inventory, or has too many machines.
    """
    text = bounded_text(path, MOST_BYTES)
    hosts: dict[str, dict[str, Any]] = {}
    try:
        for name, group, values in _of_yaml(text, path) if _is_yaml(path, text) else _of_ini(text):
            for one in _expanded(name):
                known = hosts.setdefault(one, {"group": ""})
                known["group"] = known["group"] or ("" if group in _EVERYBODY else group)
                known.update(values)
                if len(hosts) > MOST_MACHINES:
                    expected = f"at most {MOST_MACHINES} machines"
                    raise UsageError("has too many machines", file=str(path), expected=expected)
    except _NoInventory as error:
        raise UsageError(f"is no inventory: {error}", file=str(path)) from None
    if not hosts:
        raise UsageError("names no machine", file=str(path), expected="an Ansible inventory")
    machines = tuple(_machine(name, values) for name, values in hosts.items())
    sealed = (
        name
        for name, values in hosts.items()
        if any(isinstance(values.get(key), _Vaulted) for key in _KEPT)
    )
    return Inventory(machines, tuple(sealed))


def _is_yaml(path: Path, text: str) -> bool:
    if path.suffix in {".yml", ".yaml", ".json"}:
        return True
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith(("#", ";"))), "")
    return first == "---" or first.startswith("{") or bool(_KEY.match(first))


def _of_yaml(text: str, path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    yaml = YAML(typ="safe", pure=True)
    yaml.constructor.add_constructor(None, lambda *_: _Vaulted())
    try:
        found = yaml.load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = 0 if line is None else line + 1
        raise UsageError("is not YAML", file=str(path), line=place) from None
    if not isinstance(found, dict):
        raise _NoInventory("expected a mapping of groups")
    for name, group in found.items():
        yield from _group(str(name), group, {}, 0)


def _group(
    name: str, found: Any, given: Mapping[str, Any], depth: int
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The hosts of a group and of those below it; the innermost value counts."""
    if found is None:
        return
    if not isinstance(found, dict) or depth > MOST_DEPTH:
        raise _NoInventory(f"the group {name[:60]} is no mapping of hosts, vars and children")
    values = {**given, **_kept(found.get("vars"))}
    for host, own in _mapping(found.get("hosts"), name).items():
        yield str(host), name, {**values, **_kept(own)}
    for child, below in _mapping(found.get("children"), name).items():
        yield from _group(str(child), below, values, depth + 1)


def _mapping(value: Any, name: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _NoInventory(f"hosts or children of the group {name[:60]} are no mapping")
    return value


def _kept(values: Any) -> dict[str, Any]:
    """What says how SSH gets there; everything else is dropped unread."""
    if not isinstance(values, dict):
        return {}
    named = {_OLD.get(str(key), str(key)): value for key, value in values.items()}
    return {key: named[key] for key in _KEPT if key in named}


def _of_ini(text: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Hosts in their order, then what stands for whole groups, then what they say themselves."""
    group, kind = "ungrouped", None
    hosts: list[tuple[str, str, dict[str, Any]]] = []
    children: dict[str, list[str]] = {}
    variables: dict[str, dict[str, Any]] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("["):
            section = _SECTION.fullmatch(line)
            if section is None or section[2] not in {None, "vars", "children"}:
                raise _NoInventory(f"line {number} is no section")
            group, kind = section[1], section[2]
        elif kind == "vars":
            key, _, value = line.partition("=")
            kept = _kept({key.strip(): value.strip()})
            variables.setdefault(group, {}).update(kept)
        elif kind == "children":
            children.setdefault(group, []).append(line.split()[0])
        else:
            name, own = _host_line(line, number)
            hosts.append((name, group, own))
    yield from ((name, group, {}) for name, group, _ in hosts)
    yield from _of_groups(hosts, children, variables)
    yield from hosts


def _host_line(line: str, number: int) -> tuple[str, dict[str, Any]]:
    try:
        name, *words = shlex.split(line, comments=True)
    except ValueError:
        raise _NoInventory(f"line {number} has a quote without its end") from None
    pairs = (word.partition("=") for word in words)
    return name, _kept({key: value for key, _, value in pairs})


def _of_groups(
    hosts: Sequence[tuple[str, str, Any]],
    children: Mapping[str, list[str]],
    variables: Mapping[str, dict[str, Any]],
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What a group says for its hosts."""

    def below(group: str, depth: int) -> Iterator[str]:
        yield from (name for name, of, _ in hosts if of == group)
        for child in children.get(group, ()) if depth < MOST_DEPTH else ():
            yield from below(child, depth + 1)

    for group, values in variables.items():
        everybody = (name for name, _, _ in hosts)
        for name in everybody if group == "all" else below(group, 0):
            yield name, "all", values


def _expanded(name: str) -> Iterator[str]:
    """The hosts that a pattern with ranges stands for: `web[01:03]`, `db-[a:c]`."""
    found = _RANGE.search(name)
    if found is None:
        if not _NAME.fullmatch(name):
            raise _NoInventory(f"{one_line(name, 60)!r} is no name of a machine")
        yield name
        return
    before, after = name[: found.start()], name[found.end() :]
    for middle in _range(found[1], found[2], int(found[3] or 1)):
        yield from _expanded(f"{before}{middle}{after}")


def _range(first: str, last: str, step: int) -> Iterator[str]:
    if first.isdigit() != last.isdigit() or step < 1:
        raise _NoInventory(f"the range [{first}:{last}] has no order")
    numbers = (int(first), int(last)) if first.isdigit() else (ord(first), ord(last))
    if not 0 <= numbers[1] - numbers[0] < MOST_MACHINES * step:
        raise _NoInventory(f"the range [{first}:{last}] is empty or has too many machines")
    for one in range(numbers[0], numbers[1] + 1, step):
        yield str(one).zfill(len(first)) if first.isdigit() else chr(one)


def _machine(name: str, values: Mapping[str, Any]) -> Machine:
    plain = Machine(name, name, str(values["group"]))
    found = {key: values.get(key) for key in _KEPT}
    host, port, user = (None if isinstance(one, _Vaulted) else one for one in found.values())
    number = int(str(port)) if str(port).isdigit() else None
    return replace(plain, host=str(host or name), port=number, user=str(user or ""))
