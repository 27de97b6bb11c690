"""Faults that are rows of a table: read strictly from ``lab/faults/rows/``, a file for each kind.

What is wrong in a table is refused with file, line and column: an unknown key, verb, check,
subject, machine or fact, an expression that is none, and a word that YAML readers take for
something else than text. A row has no condition, loop or wait: what needs one is a Python file.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from lab import cluster, naive, product
from lab.errors import LabError
from lab.faults import (
    ROWS,
    Fault,
    Reasons,
    Shape,
    _backup,
    _cache,
    _edge,
    filled,
    no_facts,
    nothing,
)
from lab.home import LAB
from lab.inventory import layout, sites
from lab.scene import Facts, Scene
from lab.verbs import CHANGES, LOOKS
from lab.verbs.base import Change, Look, Texts, all_seen
from readiness.catalogue.checks import expected_cases, load_catalogue
from readiness.model.errors import UsageError
from readiness.model.words import Tier
from readiness.site.documents import load_environment
from readiness.site.written import Text, Written, one_of
from readiness.site.yaml_file import KeyPath, Place, YamlFile, read_yaml, written

Named = type | Callable[..., Any]
"""Code that a row names: a verb, a survey, a probe."""
V = TypeVar("V", bound=Look)
M = TypeVar("M", bound=Written)

# How long it may take until what was mended shows everywhere.
MENDED_LIMIT: Final = 60.0
# A probe asks again where it met a moment, as a restart is.
NAIVE_LIMIT: Final = 5.0
# YAML 1.1 takes them for true and false, people for words: quotes tell which is meant.
TWO_FACED: Final = re.compile(r"(?i)y|n|yes|no|on|off")
QUOTES: Final = "'\"|>"
# What is expected where pydantic's own words are for programmers.
WORDS: Final = {"string_type": "a text in quotes", "dict_type": "a mapping of keys"}
FACT: Final = re.compile(r"(?<!\?P)<([a-z]+)>")
BRACES: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Survey:
    """What is asked before a fault is planted, and what is known then: fact -> what it may be."""

    ask: Callable[[Scene], Facts]
    facts: Mapping[str, str]


_PARTS = dict(zip(("primary", "sync", "async"), cluster.MEMBERS, strict=True))
_CACHE = dict(zip(("master", "replica", "other"), _cache.MEMBERS, strict=True))
SURVEYS: Final = {
    "cluster": Survey(cluster.survey, _PARTS),
    "archive": Survey(_backup.survey, {**_PARTS, "archiver": "true"}),
    "cache": Survey(_cache.roles, _CACHE),
    "edge1-holds": Survey(_edge.holder_first, {}),
    "nothing": Survey(no_facts, {}),
}


class Row(Written):
    """One row, before its verbs are read: these have keys of their own.

    Where it does not say otherwise, what its facts need is surveyed, and it has the shape of a
    false green when a probe is green beside it.
    """

    title: Text
    why: Text
    site: Text = LAB
    at: Texts = ()
    survey: Literal["cluster", "archive", "cache", "edge1-holds"] | None = None
    breaks: Any = Field(default=(), alias="break")
    seen: Any = ()
    mended: Any = ()
    naive: Any = None
    environment: dict[Text, str] = Field(default_factory=dict)
    shape: Shape | None = None
    tier: Tier = Tier.OBSERVE
    only: Texts = ()
    scan: bool = False
    settle: float = 60.0
    alone: bool = False
    past: bool = False
    reddens: dict[Text, dict[Text, Text]] = Field(default_factory=dict)
    blinds: dict[Text, dict[Text, Text]] = Field(default_factory=dict)
    may_redden: dict[Text, dict[Text, Text]] = Field(default_factory=dict)


class Naive(Written):
    """A plausible probe that misses the fault: what it says where all of this is so."""

    says: Text
    sees: Any


@dataclass(frozen=True)
class Read:
    """A row that was read: the fault, what the table says of it, and the code that it names."""

    fault: Fault
    data: Mapping[str, Any]
    names: tuple[Named, ...]


@cache
def all_rows() -> Mapping[str, Read]:
    """Every row by name, from all tables.

    Raises:
        UsageError: a table is wrong; says where, what was expected and what was found.
    """
    found: dict[str, Read] = {}
    for path in sorted(ROWS.glob("*.yaml")):
        found |= read_table(path)
    return found


def read_table(path: Path) -> dict[str, Read]:
    """The rows of one table.

    Raises:
        UsageError: it is wrong.
    """
    table = _Table(path)
    return {name: table.row(name) for name in table.source.data}


@cache
def known_cases(site: str = LAB) -> Mapping[str, frozenset[str]]:
    """Check -> the subjects that it has at a site of the lab."""
    cases = expected_cases(load_catalogue(), load_environment(product.committed(site)))
    found: dict[str, set[str]] = {}
    for case in cases:
        found.setdefault(case.check, set()).add(case.subject)
    return {check: frozenset(subjects) for check, subjects in found.items()}


class _Table:
    """One file; every refusal carries its place."""

    def __init__(self, path: Path) -> None:
        self.source: YamlFile = read_yaml(path)
        self.kind = path.stem
        self.site = LAB
        self._lines = path.read_text().splitlines()
        self._plain((), self.source.data)

    def row(self, name: str) -> Read:
        """The fault that a row describes."""
        row = self._read(Row, (name,), self.source.data[name])
        if row.site not in sites():
            problem = "no such site" + one_of(row.site, sites())
            raise self._wrong((name, "site"), problem, found=row.site)
        self.site = row.site
        survey = SURVEYS[row.survey or _knowing(self.source.data[name])]
        names: list[Named] = [] if survey.ask is no_facts else [survey.ask]
        self._facts((name,), self.source.data[name], survey)
        changes = self._verbs(CHANGES, (name, "break"), row.breaks, row.at, names)
        looks = self._verbs(LOOKS, (name, "seen"), row.seen, row.at, names)
        mended = self._verbs(LOOKS, (name, "mended"), row.mended, row.at, names)
        probe = self._naive((name, "naive"), row.naive, row.at, names)
        self._whole((name,), row, changes, looks)
        fault = Fault(
            name=name,
            title=row.title,
            why=row.why,
            kind=self.kind,
            reddens=self._reasons((name, "reddens"), row.reddens, survey),
            blinds=self._reasons((name, "blinds"), row.blinds, survey),
            may_redden=self._reasons((name, "may_redden"), row.may_redden, survey),
            took_effect=_showing(looks or changes),
            apply=_applied(changes) if changes else nothing,
            undo=_undone(changes, mended) if changes else nothing,
            survey=survey.ask,
            shape=row.shape or ("false-green" if probe else "plain"),
            naive=probe,
            tier=row.tier.value,
            only=row.only,
            scan=row.scan,
            environment=_altered(row.environment) if row.environment else None,
            settle=row.settle,
            alone=row.alone,
            past=row.past,
            site=row.site,
        )
        return Read(fault, self.source.data[name], tuple(names))

    def _whole(
        self, path: KeyPath, row: Row, changes: tuple[Change, ...], looks: tuple[Look, ...]
    ) -> None:
        """Refuse a row that breaks nothing, or of which nobody could see that it did."""
        if not changes and not row.environment:
            raise self._wrong(path, "changes nothing", "break or environment")
        if not looks and not all(one.reads_back for one in changes):
            raise self._wrong(path, "can't be seen by its verbs alone", "seen")

    def _verbs(
        self,
        known: Mapping[str, type[V]],
        path: KeyPath,
        value: Any,
        at: tuple[str, ...],
        names: list[Named],
    ) -> tuple[V, ...]:
        """The verbs of one mapping, or of a list of them."""
        found: list[V] = []
        for place, part in (
            [((*path, index), one) for index, one in enumerate(value)]
            if isinstance(value, list | tuple)
            else [(path, value)]
        ):
            if not isinstance(part, dict) or not part:
                raise self._wrong(place, "is no verb", "a verb and what it takes")
            for name, given in part.items():
                found.append(self._verb(known, (*place, name), given, at))
                names.append(known[name])
        return tuple(found)

    def _verb(
        self, known: Mapping[str, type[V]], path: KeyPath, given: Any, at: tuple[str, ...]
    ) -> V:
        name = str(path[-1])
        if name not in known:
            raise self._wrong(path, "unknown verb" + one_of(name, known), key=True)
        arguments = given if given is not None else {}
        if isinstance(arguments, dict) and "at" not in arguments:
            arguments = {**arguments, "at": list(at)}
        verb = self._read(known[name], path, arguments)
        if verb.needs_place and not verb.at:
            raise self._wrong(path, "names no machine", "`at`, here or in the row")
        return verb

    def _naive(
        self,
        path: KeyPath,
        value: Any,
        at: tuple[str, ...],
        names: list[Named],
    ) -> Callable[[Scene], str] | None:
        """The probe: one that several have, by its name, or looks and what they let it say."""
        if value is None:
            return None
        if isinstance(value, str):
            if value not in naive.PROBES:
                raise self._wrong(path, "unknown probe" + one_of(value, naive.PROBES))
            names.append(naive.PROBES[value])
            return naive.PROBES[value]
        probe = self._read(Naive, path, value)
        looks = self._verbs(LOOKS, (*path, "sees"), probe.sees, at, names)
        return _saying(probe.says, looks)

    def _reasons(self, path: KeyPath, given: Reasons, survey: Survey) -> Reasons:
        """Check -> subject -> pattern; a key with braces stands for each of what is in them."""
        known, found = known_cases(self.site), dict[str, dict[str, str]]()
        for checks, subjects in given.items():
            for check in _spread(checks):
                if check not in known:
                    raise self._wrong((*path, checks), f"unknown check {check}", key=True)
                for names, pattern in subjects.items():
                    place = (*path, checks, names)
                    self._pattern(place, pattern)
                    for name in _spread(names):
                        if FACT.sub(lambda fact: survey.facts[fact[1]], name) not in known[check]:
                            raise self._wrong(place, f"unknown subject {name} of {check}", key=True)
                        if name in found.setdefault(check, {}):
                            raise self._wrong(place, f"{check} {name} is there already", key=True)
                        found[check][name] = pattern
        return found

    def _pattern(self, path: KeyPath, pattern: str) -> None:
        try:
            re.compile(pattern)
        except re.error as error:
            raise self._wrong(path, f"is no regular expression ({error})") from None

    def _facts(self, path: KeyPath, value: Any, survey: Survey) -> None:
        """Refuse a fact that nobody surveys and a machine that is none, wherever they stand."""
        if isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, part in items:
                self._facts((*path, key), part, survey)
                if isinstance(key, str):
                    self._known(path, key, survey)
        if isinstance(value, str):
            self._known(path, value, survey)
            places = places_of(self.site)
            if "at" in path[-2:] and value not in places and not FACT.fullmatch(value):
                raise self._wrong(path, "no such machine" + one_of(value, places), found=value)

    def _known(self, path: KeyPath, text: str, survey: Survey) -> None:
        for fact in FACT.findall(text):
            if fact not in survey.facts:
                choices = ", ".join(survey.facts) or "none; the row names no survey that knows any"
                raise self._wrong(path, f"unknown fact <{fact}>", choices)

    def _plain(self, path: KeyPath, value: Any) -> None:
        """Refuse a bare word of two meanings, wherever it stands."""
        if isinstance(value, dict | list):
            for key, part in value.items() if isinstance(value, dict) else enumerate(value):
                if isinstance(key, str):
                    self._quoted((*path, key), self.source.keys[*path, key], key)
                self._plain((*path, key), part)
        if isinstance(value, str):
            self._quoted(path, self.source.values[path], value)

    def _quoted(self, path: KeyPath, place: Place, word: str) -> None:
        bare = self._lines[place.line - 1][place.column - 1] not in QUOTES
        if bare and TWO_FACED.fullmatch(word):
            raise self._wrong(path, "can be read in two ways", f"'{word}' in quotes", word)

    def _read(self, model: type[M], path: KeyPath, given: Any) -> M:
        """A part of the table as the model has it."""
        try:
            return TypeAdapter(model).validate_json(json.dumps(given))
        except ValidationError as error:
            # A key that is misspelt explains one that is missing.
            errors = error.errors(include_url=False)
            first = min(errors, key=lambda one: one["type"] != "extra_forbidden")
        place = (*path, *(part for part in first["loc"] if part != "[key]"))
        if first["type"] == "extra_forbidden":
            known = [one.alias or name for name, one in model.model_fields.items()]
            raise self._wrong(place, "unknown key" + one_of(str(place[-1]), known), key=True)
        if first["type"] == "missing":
            raise self._wrong(path, f"{first['loc'][-1]} is missing")
        found = "" if isinstance(first["input"], dict | list) else f"{first['input']!r}"
        expected = WORDS.get(first["type"], first["msg"].removeprefix("Input should be "))
        raise self._wrong(place, "wrong value", expected, found)

    def _wrong(
        self, path: KeyPath, problem: str, expected: str = "", found: str = "", *, key: bool = False
    ) -> UsageError:
        """The refusal, at the key's place or at the value's."""
        while path and path not in self.source.values:
            path = path[:-1]
        place = self.source.keys[path] if key and path else self.source.place(path)
        name = written(path)
        return UsageError(
            problem, self.source.file, place.line, place.column, name, expected, found
        )


def places_of(site: str) -> frozenset[str]:
    """What `at` may name at a site."""
    machines = frozenset(one.name for one in layout(site).machines)
    return machines | {"shared"} if site == LAB else machines


def _knowing(data: Any) -> str:
    """The survey by which the facts are known that a row names; the first where it names none."""
    named = set(FACT.findall(json.dumps(data)))
    return next((name for name, one in SURVEYS.items() if named & one.facts.keys()), "nothing")


def _spread(key: str) -> Iterator[str]:
    """A key for each of what its braces hold: ``portal/{edge1,edge2}/{v4,v6}`` is four."""
    texts = BRACES.split(key)
    choices = [part.split(",") if index % 2 else [part] for index, part in enumerate(texts)]
    return ("".join(one) for one in itertools.product(*choices))


def _showing(looks: tuple[Look, ...]) -> Callable[[Scene], str]:
    """What shows that it is in force; where no machine is changed, the altered file does."""

    def took_effect(scene: Scene) -> str:
        return all_seen(looks, scene) if looks else "the environment file says so"

    return took_effect


def _applied(changes: tuple[Change, ...]) -> Callable[[Scene], None]:
    def apply(scene: Scene) -> None:
        for one in changes:
            one.do(scene)

    return apply


def _undone(changes: tuple[Change, ...], mended: tuple[Look, ...]) -> Callable[[Scene], None]:
    """All of them taken back, the last first; then it has to show."""

    def undo(scene: Scene) -> None:
        for one in reversed(changes):
            one.undo(scene)
        if mended:
            looking = scene.looking()
            scene.wait("it is mended", lambda: all_seen(mended, looking), MENDED_LIMIT)

    return undo


def _saying(says: str, looks: tuple[Look, ...]) -> Callable[[Scene], str]:
    def probe(scene: Scene) -> str:
        scene.wait(says, lambda: all_seen(looks, scene), NAIVE_LIMIT)
        return filled(says, scene.facts)

    return probe


def _altered(changes: Mapping[str, str]) -> Callable[[str], str]:
    """The environment file with these texts in place of those."""

    def alter(text: str) -> str:
        for old, new in changes.items():
            if old not in text:
                raise LabError(f"the environment file has no {old!r}")
            text = text.replace(old, new)
        return text

    return alter
