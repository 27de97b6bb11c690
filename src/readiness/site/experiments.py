"""Experiments: what a drill disturbs, as files of Chaos Toolkit whose every step is ours.

An experiment is read more strictly than the toolkit reads it, so that whatever one disturbs has an
undo in our journal: its actions and probes are functions of `readiness.chaos` and nothing else, it
disturbs once, says what it waits for, takes back, and proves before and after that the cluster is
whole. The toolkit runs its steps.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from readiness.model.errors import ProbeError, UsageError
from readiness.model.shipping import place_of
from readiness.model.words import Json
from readiness.site.declared.database import Database
from readiness.site.documents import load_written
from readiness.site.environment import Environment
from readiness.site.written import Text, UnitName, Written, one_of, wrong
from readiness.site.yaml_file import read_yaml, written

MODULE: Final = "readiness.chaos"
SUFFIX: Final = ".yaml"
UNDO: Final = "undo"
WHOLE: Final = "cluster_is_whole"
# Actions that disturb; the second and third need the unit's name.
DISTURBING: Final = ("cut_off_primary", "kill_primary_server", "stop_consensus_leader")
WITH_UNIT: Final = DISTURBING[1:]
# Probes that say what is waited for while the disturbance is in force.
AWAITED: Final = ("standby_is_promoted", "primary_stays")

Function = Literal[
    "cut_off_primary",
    "kill_primary_server",
    "stop_consensus_leader",
    "undo",
    "cluster_is_whole",
    "consensus_is_whole",
    "standby_is_promoted",
    "primary_stays",
    "outlasts_the_lease",
]


class Variable(Written):
    """A value that `chaos run` takes from a variable of its environment."""

    type: Literal["env"]
    key: Text
    default: str = ""


class Configuration(Written):
    """What `chaos run` has to be told; the gate knows it already."""

    environment: Variable
    database: Variable | None = None
    confirm: Variable | None = None
    reports: Variable | None = None


class ControlProvider(Written):
    """Ours: it opens the run before the first step and closes it after the last."""

    type: Literal["python"]
    module: Literal["readiness.chaos"]


class Control(Written):
    """What frames an experiment under `chaos run`."""

    name: Text
    provider: ControlProvider


class Arguments(Written):
    """What a function is told."""

    unit: UnitName | None = None


class Provider(Written):
    """Which function of ours a step calls."""

    type: Literal["python"]
    module: Literal["readiness.chaos"]
    func: Function
    arguments: Arguments = Arguments()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        needed = self.func in WITH_UNIT
        if needed and self.arguments.unit is None:
            raise wrong("the unit that is stopped", ("arguments",), "none")
        if not needed and self.arguments.unit is not None:
            raise wrong(f"no unit for {self.func}", ("arguments", "unit"))
        return self


class Step(Written):
    """An action or a probe of the method."""

    type: Literal["action", "probe"]
    name: Text
    provider: Provider

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        acts = self.provider.func in (*DISTURBING, UNDO)
        if acts != (self.type == "action"):
            expected = f"'{'action' if acts else 'probe'}', as {self.provider.func} is one"
            raise wrong(expected, ("type",), f"'{self.type}'")
        return self


class Hypothesis(Written):
    """What holds before and after."""

    class Probe(Step):
        """A probe, and that it has to say yes."""

        tolerance: Literal[True]

    title: Text
    probes: Annotated[tuple[Probe, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if WHOLE not in _functions(self.probes):
            raise wrong(f"a probe {WHOLE} among them", ("probes",))
        return self


class Experiment(Written):
    """One experiment, as the toolkit's format has it."""

    version: Text = "1.0.0"
    title: Text
    description: Text
    tags: tuple[Text, ...] = ()
    contributions: dict[str, str] = Field(default_factory=dict)
    configuration: Configuration
    controls: Annotated[tuple[Control, ...], Field(min_length=1)]
    hypothesis: Hypothesis = Field(alias="steady-state-hypothesis")
    method: Annotated[tuple[Step, ...], Field(min_length=1)]
    rollbacks: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        method = _functions(self.method)
        if method[0] not in DISTURBING or sum(one in DISTURBING for one in method) > 1:
            expected = f"one action that disturbs, and first ({', '.join(DISTURBING)})"
            raise wrong(expected, ("method",))
        if not set(AWAITED) & set(method):
            raise wrong(f"a probe of what is waited for ({' or '.join(AWAITED)})", ("method",))
        for key, steps in (("method", method), ("rollbacks", _functions(self.rollbacks))):
            if steps[-1] != UNDO:
                raise wrong(f"the action {UNDO} as the last of them", (key,), f"'{steps[-1]}'")
        return self


def _functions(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(step.provider.func for step in steps)


@dataclass(frozen=True)
class Loaded:
    """An experiment that was read from a file."""

    name: str
    file: Path
    sha256: str
    experiment: Experiment
    data: Json
    """The file's values, as the toolkit takes them."""

    def play(self) -> None:
        """Have the toolkit run the steps of the method, in their order, on the stage that is set.

        Raises:
            Exception: whatever a step raised.
        """
        for step in self.data["method"]:
            _run(step)

    def prove(self) -> None:
        """Have the toolkit ask every probe of the steady state, on the stage that is set.

        Raises:
            ProbeError: one does not say yes.
        """
        for probe in self.data["steady-state-hypothesis"]["probes"]:
            if _run(probe) is not True:
                raise ProbeError(f"{self.name}: {probe['name']} is not so")


def _run(activity: Json) -> Any:
    """Run one step by the toolkit; what our function raised is not wrapped."""
    from chaoslib.activity import run_activity  # noqa: PLC0415 - of the extra `run`
    from chaoslib.exceptions import ActivityFailed  # noqa: PLC0415

    try:
        return run_activity(activity, {}, {})
    except ActivityFailed as error:
        # The toolkit makes one of every error, and leaves out that it comes from the other.
        raise (error.__context__ or error) from None


def folder() -> Path:
    """Where the experiments are."""
    # Of the default: in a checkout `readiness/chaos` has our functions and no experiment.
    return place_of(f"chaos/primary-cut-off{SUFFIX}").parent


def shipped() -> dict[str, Path]:
    """The experiments that come with the product."""
    return {one.stem: one for one in sorted(folder().glob(f"*{SUFFIX}"))}


def load(file: Path) -> Loaded:
    """Read an experiment.

    Raises:
        UsageError: it is wrong; names file, line, key, what was expected and what was found.
    """
    experiment = load_written(file, Experiment, Environment)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    data = experiment.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return Loaded(file.stem, file, digest, experiment, data)


def refuse_other(data: Json) -> None:
    """Refuse what the toolkit read and was not written by our rules; it does not tell the file.

    Raises:
        UsageError: names the key.
    """
    try:
        Experiment.model_validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        below = first.get("ctx", {}).get("at", ())
        raise UsageError(
            f"this is no experiment of ours: {first['msg']}", key=written((*first["loc"], *below))
        ) from None


def experiments_of(environment: Environment, database: Database) -> tuple[Loaded, ...]:
    """The experiments of a database's failover drill, the shipped ones first.

    Raises:
        UsageError: one is wrong.
    """
    drill, known = database.failover, shipped()
    if drill is None:
        return ()
    files = [known[one] for one in drill.experiments]
    return tuple(load(one) for one in (*files, *map(environment.path, drill.own_experiments)))


def refuse_unusable(environment: Environment, file: Path) -> None:
    """Refuse an environment, from that file, that names an experiment which can't be played.

    Raises:
        UsageError: says where it is named, or what is wrong with it.
    """
    known = shipped()
    for index, database in enumerate(environment.databases):
        names = database.failover.experiments if database.failover else ()
        for place, name in enumerate(names):
            if name not in known:
                at = ("databases", index, "failover", "experiments", place)
                there = read_yaml(file).place(at)
                raise UsageError(
                    "unknown experiment",
                    str(file),
                    there.line,
                    there.column,
                    key=written(at),
                    expected=f"one that comes with readiness{one_of(name, known)}",
                    found=f"'{name}'",
                )
        experiments_of(environment, database)
