"""The command line: `readiness doctor | plan | gate | judge | report | recover | halt | …`."""

import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from readiness.attesting.words import Vouched
from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.clauses import clause_ids, load_clauses
from readiness.catalogue.own import load_own
from readiness.commands.attest import attest_command
from readiness.commands.checks import checks, explain
from readiness.commands.init import init
from readiness.commands.terminal import unbreakable
from readiness.commands.waive import waive_command
from readiness.evidence.record import now
from readiness.evidence.redact import Redactor
from readiness.model import interrupts
from readiness.model.errors import NotInstalled, ReadinessError, UsageError
from readiness.model.extras import missing
from readiness.model.printable import one_line
from readiness.model.words import (
    EXIT_INTERRUPTED,
    EXIT_NOT_INSTALLED,
    EXIT_NOT_PRINTED,
    EXIT_USAGE,
    EXIT_WAIVED,
    Permission,
    Tier,
)
from readiness.render.console import MOST, SafeConsole
from readiness.session.plan import make_plan
from readiness.site.documents import load_environment, load_policy, validate_policy
from readiness.site.environment import Environment
from readiness.site.policy import Policy

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Looks at a live environment, breaks it where allowed, and says GO or NO-GO.",
)
out = SafeConsole(highlight=False, soft_wrap=True)
err = SafeConsole(stderr=True, highlight=False, soft_wrap=True)

Env = Annotated[Path, typer.Option("--env", help="Environment file.", show_default=False)]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="Policy file; without one every clause is required.")
]
TierOption = Annotated[
    str, typer.Option("--tier", help="observe, touch, load or disrupt; each includes those before.")
]
ScanOption = Annotated[
    bool, typer.Option("--scan", help="Also scan the network, where the environment allows it.")
]
ConfirmOption = Annotated[str, typer.Option(help="Type a production environment's name.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="Check, clause, criterion or glob; never a GO by itself."),
]
StrictWaivers = Annotated[
    bool, typer.Option("--strict-waivers", help="Exit with 3 for a GO that waivers alone make.")
]
Run = Annotated[Path, typer.Argument(help="A run's folder or its record file.")]


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer's callbacks get a plain value
    if asked:
        out.print(f"readiness {version('readiness')}", markup=False)
        raise typer.Exit


@app.callback()
def _every_command(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Hold the options that belong to no command."""


def _tier(text: str) -> Tier:
    try:
        return Tier(text)
    except ValueError:
        raise UsageError(
            "unknown tier", key="--tier", expected=", ".join(Tier), found=text
        ) from None


def _permissions(*, scan: bool) -> tuple[Permission, ...]:
    return (Permission.SCAN,) if scan else ()


@app.command()
def gate(
    env: Env,
    policy: PolicyFile = None,
    tier: TierOption = "observe",
    scan: ScanOption = False,
    only: Only = None,
    reports: Annotated[Path, typer.Option(help="Where runs are kept.")] = Path("reports"),
    confirm: ConfirmOption = "",
    *,
    strict_waivers: StrictWaivers = False,
) -> None:
    """Look at the environment, judge, report, and exit with the verdict's code."""
    from readiness.render import print_document  # noqa: PLC0415
    from readiness.running.gate import run_gate  # noqa: PLC0415 - only this needs the extra `run`
    from readiness.running.progress import Console as ProgressConsole  # noqa: PLC0415
    from readiness.session.run import RunRequest  # noqa: PLC0415

    interrupts.listen()
    request = RunRequest(
        environment_file=env,
        policy_file=policy,
        tier=_tier(tier),
        only=tuple(only or ()),
        reports=reports,
        confirmed=confirm,
        permissions=_permissions(scan=scan),
    )
    finished = run_gate(request, ProgressConsole(out))
    interrupts.stop_listening()
    if strict_waivers and finished.verdict.only_by_waivers and not finished.exit_code:
        finished = replace(finished, exit_code=EXIT_WAIVED)
    print_document(finished.shown, out)
    out.print(finished.last_line, markup=False)
    raise typer.Exit(finished.exit_code)


@app.command()
def judge(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Runs' folders or record files.")
    ],
    policy: PolicyFile = None,
    into: Annotated[
        Path | None, typer.Option("--out", help="Write the reports of this verdict there.")
    ] = None,
    *,
    strict_waivers: StrictWaivers = False,
) -> None:
    """Judge a run again, or several together, under another policy if one is given."""
    from readiness.render import print_verdict, write_reports  # noqa: PLC0415
    from readiness.running.finish import against_the_log, logs_not_seen  # noqa: PLC0415

    verdict = against_the_log(_judged(runs, policy))
    if into is not None:
        _make_folder(into)
        write_reports(verdict, into)
    print_verdict(verdict, out)
    for one in logs_not_seen(verdict):
        out.print(f"Not known here: {one}.", markup=False)
    code = EXIT_WAIVED if strict_waivers and verdict.only_by_waivers else verdict.exit_code
    out.print(f"VERDICT={verdict.decision} EXIT={code} RUN={verdict.run['run']}", markup=False)
    raise typer.Exit(code)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"can't hold reports ({error.strerror})",
            file=str(folder),
            key="--out",
            expected="a folder",
        ) from error


def _judged(runs: list[Path], policy: Path | None = None) -> Any:
    """The verdict on records that anybody may have handed over."""
    from readiness.running.finish import judge_runs, recorded_policy  # noqa: PLC0415

    return judge_runs(runs, load_policy(policy) if policy else recorded_policy(runs))


@app.command()
def report(run: Run) -> None:
    """Write a run's reports again from its record alone."""
    from readiness.evidence.record import locate  # noqa: PLC0415
    from readiness.render import print_verdict, write_reports  # noqa: PLC0415

    verdict = _judged([run])
    folder = locate(run).parent
    write_reports(verdict, folder)
    print_verdict(verdict, out)
    out.print(f"REPORT={folder / 'index.html'}", markup=False)


@app.command("export")
def export_bundle(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Runs' folders or record files.")
    ],
    into: Annotated[Path, typer.Option("--out", help="A new folder for the bundle.")],
    key: Annotated[str, typer.Option(help="The private key that signs, file:PATH.")],
    policy: PolicyFile = None,
) -> None:
    """Write records, verdict and reports as a signed bundle that verifies offline."""
    from readiness.bundle.export import export  # noqa: PLC0415

    kind, _, path = key.partition(":")
    if kind != "file" or not path:
        raise UsageError("is no reference to a file", key="--key", expected="file:PATH")
    verdict = _judged(runs, policy)
    for name in export(verdict, into, Path(path)):
        out.print(str(into / name), markup=False)
    out.print(f"VERDICT={verdict.decision} BUNDLE={into}", markup=False)


@app.command("verify")
def verify_bundle(
    bundle: Annotated[Path, typer.Argument(metavar="DIR", help="The bundle's folder.")],
    trust: Annotated[Path, typer.Option(help="The public key that you trust.")],
) -> None:
    """Say offline what of a bundle was altered, added, missing or cut off."""
    from readiness.bundle.verify import PROVES_NOT, verify  # noqa: PLC0415

    found = verify(bundle, trust)
    for problem in (*found.problems, *found.doubts):
        out.print(problem, markup=False)
    if not found.problems:
        signed = found.statement["predicate"]
        count = len(found.statement["subject"])
        out.print(f"{count} files are as they were signed.", markup=False)
        out.print(
            f"{signed['verdict']} for {signed['environment']}, judged {signed['judgedAt']}, "
            f"{signed['clauses']['proven']} of {signed['clauses']['required']} required clauses.",
            markup=False,
        )
        out.print("This does not prove:")
        for one in PROVES_NOT:
            out.print(f"- {one}", markup=False)
    state = ("as signed", "altered", "not judged again")[found.exit_code]
    out.print(f"BUNDLE={state.upper().replace(' ', '-')} EXIT={found.exit_code}", markup=False)
    raise typer.Exit(found.exit_code)


@app.command()
def accept(
    run: Run,
    by: Annotated[str, typer.Option(help="Who accepts it.")],
    because: Annotated[str, typer.Option(help="Why it may be the baseline.")],
) -> None:
    """Accept a run as the baseline that drift is measured from."""
    from readiness.drift import accepted  # noqa: PLC0415
    from readiness.evidence.record import read_record  # noqa: PLC0415
    from readiness.evidence.state import state_directory  # noqa: PLC0415

    verdict = _judged([run])
    state = state_directory(verdict.environment.name)
    record = read_record(run)
    one = accepted.accept(state, record, str(verdict.decision), by=by, because=because)
    out.print(
        f"Run {one.number} of {verdict.environment.name} ({one.verdict}) is accepted by {one.by}: "
        f"{one.because}",
        markup=False,
    )


@app.command()
def drift(
    env: Env,
    baseline: Annotated[
        str, typer.Option(help="An accepted run's folder or record, or latest-accepted.")
    ] = "latest-accepted",
    reports: Annotated[Path, typer.Option(help="Where runs are kept.")] = Path("reports"),
    scan: ScanOption = False,
    confirm: ConfirmOption = "",
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing when nothing got worse.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print facts as JSON.")] = False,
) -> None:
    """Look again at the observe tier and say what got worse since an accepted run."""
    from readiness.drift.look import look_for_drift  # noqa: PLC0415
    from readiness.drift.tell import print_drift  # noqa: PLC0415
    from readiness.running.progress import Silent  # noqa: PLC0415

    interrupts.listen()
    found = look_for_drift(
        env,
        baseline,
        reports,
        Silent(),
        permissions=_permissions(scan=scan),
        confirmed=confirm,
    )
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), indent=2) + "\n")
    elif found.exit_code or not quiet:
        print_drift(found, out)
    raise typer.Exit(found.exit_code)


@app.command()
def plan(
    env: Env,
    policy: Annotated[
        Path | None, typer.Option(help="Also show what a GO under this policy file needs.")
    ] = None,
    tier: TierOption = "observe",
    scan: ScanOption = False,
    only: Only = None,
) -> None:
    """Show what would be asked of whom, what disturbs, and what can't become green and why."""
    from readiness.commands.explain import print_plan, print_way  # noqa: PLC0415
    from readiness.session.way import way_to_go  # noqa: PLC0415

    environment = load_environment(env)
    rules = load_policy(policy) if policy else None
    own = load_own(environment)
    if rules:
        validate_policy(rules, clause_ids() | own.clause_ids, at=now())
    catalogue = {**load_catalogue(), **own.catalogue}
    planned = make_plan(catalogue, environment, _tier(tier), only or (), _permissions(scan=scan))
    print_plan(planned, environment, out)
    if rules:
        if only:  # a selection says nothing about what the rest would show
            scanned = _permissions(scan=scan)
            planned = make_plan(catalogue, environment, _tier(tier), (), scanned)
        steps = way_to_go(planned, catalogue, environment, rules, _vouched(environment, rules))
        print_way(steps, rules, out, f"readiness attest --env {env} --policy {policy}")


def _vouched(environment: Environment, policy: Policy) -> Vouched:
    """What people signed, as a run would read it now."""
    from readiness.attesting.folder import gather, gather_waivers  # noqa: PLC0415 - with signers
    from readiness.attesting.vouching import vouched_now  # noqa: PLC0415

    told = gather(policy, Redactor())
    gather_waivers(policy, Redactor())  # a gate would refuse what is malformed
    return vouched_now(environment, policy, load_clauses(), told, now())


@app.command()
def doctor(
    env: Env,
    write_identity: Annotated[
        bool, typer.Option(help="Pin what answers now as the environment's identity.")
    ] = False,
) -> None:
    """Say for each endpoint whether it is reached, as whom, and what to do if it is not."""
    from readiness.commands.doctor import run_doctor  # noqa: PLC0415

    raise typer.Exit(run_doctor(load_environment(env), out, write_identity=write_identity))


@app.command(
    epilog="Exits with 0 when nothing that was looked at is wrong, 2 when something is wrong or "
    "could not be asked, 64 for wrong input, 69 without the extra `run`."
)
def look(
    url: Annotated[str, typer.Argument(metavar="URL", help="https://HOST, or http://HOST.")],
    connect_to: Annotated[
        list[str] | None,
        typer.Option(help="Ask this address instead of those behind the name; may be repeated."),
    ] = None,
    authority: Annotated[
        Path | None, typer.Option(help="Trust the roots of this PEM file, and not the system's.")
    ] = None,
    within: Annotated[
        float, typer.Option(metavar="SECONDS", help="Give up what is not answered then: 1 to 600.")
    ] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print findings as JSON.")] = False,
) -> None:
    """Look at a site from outside, by its address alone, and say what is wrong: no verdict."""
    from readiness.model.extras import need_run  # noqa: PLC0415 - only this needs the extra `run`

    need_run()
    from readiness.outside.finding import print_look  # noqa: PLC0415
    from readiness.outside.looking import look as look_at  # noqa: PLC0415

    looked = look_at(url, connect_to or (), authority, within)
    if as_json:
        sys.stdout.write(json.dumps(looked.as_json(), indent=2) + "\n")
    else:
        print_look(looked, out)
    raise typer.Exit(looked.exit_code)


@app.command()
def recover(
    env: Annotated[Path | None, typer.Option("--env", help="Only this environment.")] = None,
) -> None:
    """Undo whatever a killed run left behind; twice does no harm."""
    from readiness.running.recovery import run_recover  # noqa: PLC0415

    raise typer.Exit(run_recover(env, out))


@app.command()
def halt(env: Env) -> None:
    """Stop a running gate from any terminal; it undoes what it did."""
    from readiness.running.halting import halt_and_wait  # noqa: PLC0415

    environment = load_environment(env)
    code = halt_and_wait(environment.name, lambda line: out.print(line, markup=False))
    raise typer.Exit(code)


app.command()(init)
app.command("attest")(attest_command)
app.command("waive")(waive_command)


app.command()(checks)
app.command()(explain)


@app.command()
def own(
    file: Annotated[Path, typer.Argument(help="The file that own_checks names.")],
) -> None:
    """Write the catalogue of a site's own checks from the test files beside that file."""
    from readiness.catalogue.own_catalogue import write_catalogue  # noqa: PLC0415

    for entry in write_catalogue(file):
        out.print(f"{entry.id}  {entry.title}", markup=False)


# typer keeps its command-line parser to itself; its own error shows the family.
_WRONG_WORDS: Any = typer.BadParameter.__mro__[1]


def _guarded(call: Callable[[], Any]) -> int:
    """Run the command line and turn what went wrong into one line and an exit code.

    Never into 1: that is a verdict.
    """
    try:
        result = call()
    except typer.Exit as ended:
        return ended.exit_code
    except (ReadinessError, ModuleNotFoundError, OSError, KeyboardInterrupt) as error:
        lines, code = _told(error)
    except Exception:  # noqa: BLE001 - Python's own exit code for it would read as a NO-GO
        err.print(Text(traceback.format_exc()), end="")
        lines, code = ("broke: this is a mistake of readiness itself, nothing was judged",), 2
    else:
        return result if isinstance(result, int) else 0
    for line in lines:
        err.print(one_line(f"readiness: {line}", MOST), markup=False)
    return code


def _told(error: BaseException) -> tuple[tuple[str, ...], int]:
    """How an error reads, and the exit code that it ends with."""
    match error:
        case UsageError():
            return error.lines, EXIT_USAGE
        case ModuleNotFoundError(name=name) if not (name or "").startswith("readiness"):
            return _told(missing(name or "a package"))
        case NotInstalled():
            return (str(error),), EXIT_NOT_INSTALLED
        case KeyboardInterrupt():
            return ("interrupted",), EXIT_INTERRUPTED
        case OSError(filename=name, strerror=reason) if reason:
            return (f"{name}: {reason}" if name else reason,), 2
    return (str(error),), 2


def main() -> None:
    """Entry point."""

    def call() -> Any:
        try:
            return app(standalone_mode=False)
        except _WRONG_WORDS as error:
            raise UsageError(f"{error.format_message()} See `readiness --help`.") from error
        except typer.Abort:
            raise KeyboardInterrupt from None

    with unbreakable() as lost:
        code = _guarded(call)
    if lost.reason:
        err.print(f"readiness: what was printed could not be written: {lost.reason}", markup=False)
        code = code or EXIT_NOT_PRINTED
    sys.exit(code)
