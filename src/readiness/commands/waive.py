"""`readiness waive`: somebody accepts for a while what a run saw to fail, or approves that."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from readiness.commands.attest import day_of, file_of, typed_passphrase
from readiness.model.errors import UsageError
from readiness.render.console import SafeConsole
from readiness.site.documents import load_environment, load_policy

out = SafeConsole(highlight=False, soft_wrap=True)


def waive_command(
    policy: Annotated[Path, typer.Option(help="The policy that names who may waive.")],
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="RUN...", help="The runs that saw it fail.")
    ] = None,
    env: Annotated[Path | None, typer.Option(help="The environment that it is about.")] = None,
    about: Annotated[str, typer.Option(help="The check or the clause that is red.")] = "",
    scope: Annotated[
        str, typer.Option(help="The subject that it is about; `*` in it stands for anything.")
    ] = "",
    because: Annotated[str, typer.Option(help="Why it is accepted.")] = "",
    until: Annotated[str, typer.Option(help="The last day on which it counts.")] = "",
    key: Annotated[
        str, typer.Option(help="The private key that signs, file:PATH; asks for its passphrase.")
    ] = "",
    owner: Annotated[
        str, typer.Option("--as", help="Who signs it then with ssh-keygen, instead of --key.")
    ] = "",
    approve_file: Annotated[
        Path | None, typer.Option("--approve", help="Add the second signature to this file.")
    ] = None,
) -> None:
    """Accept for a while, signed, what a run saw to fail; or approve what somebody else signed."""
    from readiness.attesting import making  # noqa: PLC0415 - only this needs to sign
    from readiness.attesting.sshsig import private_key  # noqa: PLC0415
    from readiness.attesting.waiver import Waiver  # noqa: PLC0415
    from readiness.judging import accepting  # noqa: PLC0415
    from readiness.running.finish import judge_runs  # noqa: PLC0415

    rules = load_policy(policy)
    private = private_key(file_of(key), typed_passphrase) if key or not owner else None
    if approve_file is not None:
        if private is None:
            raise UsageError("is missing", key="--key", expected="file:PATH, for --approve")
        written = making.approve(approve_file, rules, private, Waiver)
    elif env is None or not runs:
        missing = "--env" if env is None else "RUN"
        raise UsageError("is missing", key=missing, expected="what the waiver is about")
    else:
        plea = accepting.Plea(about, scope, because, day_of("--until", until), owner)
        verdict = judge_runs(runs, rules)
        written = accepting.waive(plea, verdict, load_environment(env), rules, private)
    if private is None:
        command = f"ssh-keygen -Y sign -n {Waiver.signed_as} -f KEY {shlex.quote(str(written))}"
        out.print(f"Nobody signed it yet: {command}", markup=False)
    out.print(f"WAIVER={written}", markup=False)
