"""Whether there is a runbook, whose it is, and whether what it says is where it says."""

from collections.abc import Callable, Iterable, Mapping

from readiness import Ask, Environment, Found, NotRun, Severity, check, derive, holds
from readiness.model.errors import NotUnderstood
from readiness.site.declared.machine import Machine
from readiness.systems.runbooks.declared import PARTS, RUNBOOK, Runbook, pages
from readiness.systems.runbooks.reading import COMMANDS, PAGE, PATHS, Block, There, Written
from readiness.systems.token import Source

READS = ("the page: its file, or GET of its address",)
RIGHTS = "read access to the page"
DAY = 86400.0
# What stands where a name should.
NOBODY = {"", "-", "?", "n/a", "nobody", "none", "owner", "tba", "tbd", "todo", "unknown", "xxx"}
# A section with fewer words says nothing: "to be written".
WORDS = 5


@check(
    "RUN-001",
    "Every runbook has the parts that are declared, and the site has all of them",
    clauses=("ops.runbook/present",),
    each=RUNBOOK,
    severity=Severity.HIGH,
    risk="Whoever is called at night finds an empty page, or none.",
    reads=READS,
    rights=RIGHTS,
    remedy="write the section, and declare under which heading it stands",
)
def test_parts_are_there(runbook: Runbook, ask: Ask, site: Environment) -> None:
    """Each declared part has its heading and a text; of all pages together none is missing."""
    found = ask(PAGE, runbook)
    for part, heading in runbook.page.parts.items():
        words = [one.words for one in found.reading.passages if one.heading == heading]
        fact = found.fact(f"words under '{heading}', its {part}", max(words, default=0))
        assert holds(fact, ">=", WORDS)
    declared = {part for one in pages(site) for part in one.page.parts}
    lacking = [one for one in PARTS if one not in declared]
    assert holds(derive("parts that no page has", runbook.id, lacking, found), "==", [])


@check(
    "RUN-002",
    "Every runbook names its owner",
    clauses=("ops.runbook/owned",),
    each=RUNBOOK,
    severity=Severity.MEDIUM,
    risk="Nobody mends what is wrong in it, and nobody can be asked.",
    reads=READS,
    rights=RIGHTS,
    remedy="write `owner: NAME` between two lines of dashes at the beginning of the page",
)
def test_somebody_owns_it(runbook: Runbook, ask: Ask) -> None:
    """It says `owner`, and that is somebody: of those who are declared, where any are."""
    found = ask(PAGE, runbook)
    owner = found.reading.owner
    fact = found.fact(f"its owner '{owner}' is nobody's name", owner.strip().lower() in NOBODY)
    assert holds(fact, "==", False)
    if runbook.page.owners:
        known = found.fact(
            f"its owner {owner} is one of those declared", owner in runbook.page.owners
        )
        assert holds(known, "==", True)


@check(
    "RUN-003",
    "Every runbook was reviewed within the declared time",
    clauses=("ops.runbook/recent",),
    each=RUNBOOK,
    severity=Severity.MEDIUM,
    risk="It tells of a site that is not there any more.",
    reads=READS,
    rights=RIGHTS,
    remedy="go through it, and write the day as `reviewed: 2026-01-31` at its beginning",
)
def test_it_was_reviewed(runbook: Runbook, ask: Ask) -> None:
    """It says `reviewed` with a day that is neither too old nor still to come."""
    found = ask(PAGE, runbook)
    said = found.fact("it says when it was reviewed", bool(found.reading.reviewed))
    assert holds(said, "==", True)
    age = found.fact("days since it was reviewed", found.reading.age)
    # A day begins earlier in the east.
    assert holds(age, ">=", -1)
    assert holds(age, "<=", runbook.runbooks.reviewed_within / DAY)


@check(
    "RUN-004",
    "Every command of a runbook exists on the machines where it is typed",
    clauses=("ops.runbook/commands-exist",),
    each=RUNBOOK,
    severity=Severity.HIGH,
    risk="The command was renamed or is not installed there: the way back is not there at night.",
    reads=(*READS, "command -v NAME, test -x /usr/sbin/NAME; nothing of the page is run"),
    rights="read access to the page, an SSH login without privileges",
    remedy="correct the command, install it, or say behind the block's language where it is typed "
    "(`sh at=MACHINE,ROLE`)",
)
def test_commands_exist(runbook: Runbook, ask: Ask, site: Environment) -> None:
    """Each program that a block of shell commands names is found on each of its machines."""
    exist(runbook, ask, site, "commands", COMMANDS.of, lambda one: one.commands)


@check(
    "RUN-005",
    "Every path of a runbook exists on the machines where it is opened",
    clauses=("ops.runbook/paths-exist",),
    each=RUNBOOK,
    severity=Severity.MEDIUM,
    risk="The file lies elsewhere since the last release, and nobody knows where at night.",
    reads=(*READS, "test -e PATH, and its folders; no content"),
    rights="read access to the page, an SSH login that may enter the folders",
    remedy="correct the path; what begins like one and is none stands under `not_paths`",
)
def test_paths_exist(runbook: Runbook, ask: Ask, site: Environment) -> None:
    """Each absolute path among the words of a command lies on each of its machines."""
    keys = runbook.page.not_paths

    def named(block: Block) -> Iterable[str]:
        return [one for one in block.paths if not any(map(one.startswith, keys))]

    exist(runbook, ask, site, "paths", PATHS.of, named)


def exist(
    runbook: Runbook,
    ask: Ask,
    site: Environment,
    what: str,
    source: Callable[[tuple[str, ...]], Source[Machine, There]],
    named: Callable[[Block], Iterable[str]],
) -> None:
    """Claim that all of it is there; what is not for certain is told before what is not known."""
    found = ask(PAGE, runbook)
    blocks = [one for one in found.reading.blocks if any(named(one))]
    strangers = sorted({one for each in blocks for one in each.at if not machines(site, one)})
    fact = found.fact("machines and roles that it names and nobody declares", strangers)
    assert holds(fact, "==", [])
    closed = []
    for machine, names in wanted(blocks, runbook, site, named).items():
        there = ask(source(tuple(sorted(names))), site.machine(machine))
        has = there.reading.has
        lacking = sorted(one for one in names if has.get(one) is False)
        words = f"{what} of {runbook.id} that {machine} lacks"
        assert holds(derive(words, runbook.id, lacking, found, there), "==", [])
        closed += [f"{one} on {machine}" for one in names if has.get(one) is None]
    if closed:
        raise NotUnderstood(f"{runbook.id}: nobody may look for {', '.join(sorted(closed)[:5])}")
    require_known(runbook, found, blocks)
    if not blocks and not any(map(named, everything(ask, site))):
        raise NotRun(f"no runbook names any {what}: nothing shows that they exist")
    count = found.fact(f"{what} that were looked for", sum(len(list(named(one))) for one in blocks))
    assert holds(count, ">=", 0)


def everything(ask: Ask, site: Environment) -> list[Block]:
    """The blocks of every page."""
    return [block for one in pages(site) for block in ask(PAGE, one).reading.blocks]


def machines(site: Environment, name: str) -> list[str]:
    """The machines that a name stands for: one of its own, or those of a role."""
    return [one.name for one in site.machines if name in {one.name, one.role}]


def wanted(
    blocks: list[Block],
    runbook: Runbook,
    site: Environment,
    named: Callable[[Block], Iterable[str]],
) -> Mapping[str, set[str]]:
    """What has to be on which machine."""
    asked: dict[str, set[str]] = {}
    for block in blocks:
        for name in block.at or runbook.page.at:
            for machine in machines(site, name):
                asked.setdefault(machine, set()).update(named(block))
    return asked


def require_known(runbook: Runbook, found: Found[Written], blocks: list[Block]) -> None:
    """Refuse where a block does not say where it is typed, or is no shell.

    Raises:
        NotRun: no machine is said for it.
        ProbeError: a line was not understood.
    """
    nowhere = [one.line for one in blocks if not (one.at or runbook.page.at)]
    if nowhere:
        raise NotRun(
            f"{runbook.id}: where the commands of line {nowhere[0]} are typed is not said",
            declare="`at` of the page",
        )
    unread = [(one.line, text) for one in found.reading.blocks for text in one.unread]
    if unread:
        raise NotUnderstood(f"{runbook.id}: the block of line {unread[0][0]} is no shell")
