"""`readiness attest`: somebody signs what only people can vouch for, or approves it."""

import getpass
import shlex
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from readiness.evidence.record import now
from readiness.model.errors import UsageError
from readiness.render.console import SafeConsole
from readiness.site.documents import load_environment, load_policy

out = SafeConsole(highlight=False, soft_wrap=True)


def attest_command(
    policy: Annotated[Path, typer.Option(help="The policy that names who may sign.")],
    key: Annotated[
        str, typer.Option(help="The private key that signs, file:PATH; asks for its passphrase.")
    ] = "",
    signer: Annotated[
        str, typer.Option("--as", help="Who signs it then with ssh-keygen, instead of --key.")
    ] = "",
    clause: Annotated[str, typer.Option(help="The clause that is vouched for.")] = "",
    env: Annotated[Path | None, typer.Option("--env", help="Environment file.")] = None,
    subject: Annotated[str, typer.Option("--for", help="The person that it is about.")] = "",
    says: Annotated[str, typer.Option(help="What is vouched for; else the clause's words.")] = "",
    seen: Annotated[
        list[Path] | None, typer.Option(help="A file that was seen; may be repeated.")
    ] = None,
    since: Annotated[str, typer.Option("--from", help="The first day, else today.")] = "",
    until: Annotated[str, typer.Option(help="The last day on which it counts.")] = "",
    approve_file: Annotated[
        Path | None, typer.Option("--approve", help="Add the second signature to this file.")
    ] = None,
    *,
    keep: Annotated[bool, typer.Option(help="Copy what was seen beside.")] = False,
    signers: Annotated[
        bool, typer.Option(help="Print who may sign, as `ssh-keygen -Y verify -f` reads it.")
    ] = False,
) -> None:
    """Sign what only people can vouch for, or approve what somebody else signed."""
    from readiness.attesting import making  # noqa: PLC0415 - only this needs to sign
    from readiness.attesting.body import SIGNED  # noqa: PLC0415
    from readiness.attesting.sshsig import private_key  # noqa: PLC0415

    rules = load_policy(policy)
    if signers:
        for line in making.allowed_signers(rules.attestations) if rules.attestations else ():
            out.print(line, markup=False)
        return
    private = private_key(file_of(key), typed_passphrase) if key or not signer else None
    if approve_file is not None:
        if private is None:
            raise UsageError("is missing", key="--key", expected="file:PATH, for --approve")
        written = making.approve(approve_file, rules, private)
    elif env is None:
        raise UsageError("is missing", key="--env", expected="the environment it is about")
    else:
        wish = making.Wish(
            clause=clause,
            subject=subject,
            says=says,
            seen=tuple(seen or ()),
            since=day_of("--from", since) if since else None,
            until=day_of("--until", until),
            keep=keep,
            signer=signer,
        )
        written = making.attest(wish, load_environment(env), rules, private, now())
    if private is None:
        command = f"ssh-keygen -Y sign -n {SIGNED} -f KEY {shlex.quote(str(written))}"
        out.print(f"Nobody signed it yet: {command}", markup=False)
    out.print(f"ATTESTATION={written}", markup=False)


def file_of(reference: str) -> Path:
    """The private key that `--key` refers to.

    Raises:
        UsageError: it is no reference to a file.
    """
    kind, _, path = reference.partition(":")
    if kind != "file" or not path:
        raise UsageError("is no reference to a file", key="--key", expected="file:PATH")
    return Path(path).expanduser()


def day_of(option: str, text: str) -> date:
    """The day that an option names.

    Raises:
        UsageError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        expected = "a date such as 2026-12-31"
        raise UsageError("is no day", key=option, expected=expected, found=text) from None


def typed_passphrase() -> str:
    """The key's passphrase, typed: never an argument, never echoed.

    Raises:
        UsageError: there is nobody who could type it.
    """
    if not sys.stdin.isatty():
        raise UsageError("needs a passphrase, and nobody can type it", key="--key")
    return getpass.getpass("Passphrase of the key: ")
