"""`readiness init`: the pair of files that a site starts from, an example or what is there."""

from pathlib import Path
from typing import Annotated

import typer

from readiness.model.errors import UsageError
from readiness.render.console import SafeConsole

out = SafeConsole(highlight=False, soft_wrap=True)


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write the pair of files.")] = Path(),
    *,
    url: Annotated[
        str, typer.Option(help="Look at the site at this address first, and write what is there.")
    ] = "",
    ssh: Annotated[
        list[str] | None, typer.Option(help="USER@HOST[:PORT]: look at this machine, too.")
    ] = None,
    postgres: Annotated[
        list[str] | None,
        typer.Option(help="postgresql://USER@HOST[:PORT]/DATABASE: look at this database, too."),
    ] = None,
    postgres_password: Annotated[
        str, typer.Option(help="Where its password is: env:NAME or file:PATH.")
    ] = "env:PGPASSWORD",  # noqa: S107 - it says where one is
    connect_to: Annotated[
        list[str] | None, typer.Option(help="Ask this address instead of those behind the name.")
    ] = None,
    authority: Annotated[
        Path | None, typer.Option(help="Trust this file of PEM certificates, not this system's.")
    ] = None,
    inventory: Annotated[
        Path | None, typer.Option(help="An Ansible inventory (INI or YAML): its machines, too.")
    ] = None,
    policy: Annotated[
        str, typer.Option(help="Policy to start from: go-live, small-site, ha-site, audit-trail.")
    ] = "",
) -> None:
    """Write environment.yaml and policy.yaml: a commented example, or what --url shows."""
    from readiness.site.documents import write_examples  # noqa: PLC0415

    if not url:
        for option, given in (
            ("--ssh", ssh),
            ("--postgres", postgres),
            ("--authority", authority),
            ("--inventory", inventory),
        ):
            if given:
                raise UsageError(
                    "is looked at beside an address only", key=option, expected="--url"
                )
        for path in write_examples(folder, policy or "go-live"):
            out.print(f"wrote {path}", markup=False)
        return
    from readiness.drafting.looking import draft_site, wanted  # noqa: PLC0415 - dear

    asked = wanted(
        url,
        connect_to=connect_to or (),
        ssh=ssh or (),
        postgres=postgres or (),
        password=postgres_password,
        authority=authority,
        inventory=inventory,
    )
    draft_site(asked, folder, policy or "small-site", lambda line: out.print(line, markup=False))
