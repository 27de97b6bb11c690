"""The command line of the lab: ``scripts/lab``."""

import importlib.util
import json
import os
import subprocess
import sys
from typing import Annotated

import typer

from lab import health
from lab.errors import LabError, WrongRole
from lab.home import SITE_VARIABLE
from lab.host import require_root
from lab.inventory import VANTAGE
from lab.site import Site, this
from readiness.model.errors import UsageError as WrongFile

USAGE = 64
INTERRUPTED = 130

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__
)
Json = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
At = Annotated[str, typer.Option("--site", help="Which site of the lab; the big one without it.")]
# typer exports only this kind of usage error by name; its parent is all of them.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
# Everything after the machine belongs to the command, options included.
VERBATIM = {"allow_interspersed_args": False, "ignore_unknown_options": True}


@app.command()
def up(*, at: At = "", as_json: Json = False) -> None:
    """Bring the lab up and wait until the site is healthy."""
    site = chosen(at)
    site.up()
    _facts(site, as_json=as_json)


@app.command()
def reset(*, at: At = "", as_json: Json = False) -> None:
    """Throw away what happened and start from the frozen state."""
    site = chosen(at)
    site.reset()
    _facts(site, as_json=as_json)


@app.command()
def down(*, at: At = "") -> None:
    """End the lab and leave nothing behind."""
    chosen(at).down()


@app.command()
def status(*, at: At = "", as_json: Json = False) -> None:
    """Which machines run, and whether their roles say they are healthy."""
    require_root()
    if not _facts(chosen(at), as_json=as_json):
        raise typer.Exit(1)


@app.command("exec", context_settings=VERBATIM)
def execute(machine: str, command: list[str], *, at: At = "") -> None:
    """Run a command inside a machine, as root."""
    require_root()
    raise typer.Exit(subprocess.call(chosen(at).lab.enter_machine(machine, _words(command))))


@app.command(context_settings=VERBATIM)
def enter(command: list[str], *, at: At = "") -> None:
    """Run a command of the host looking from mon1: in its network, with the lab's names."""
    require_root()
    raise typer.Exit(subprocess.call(chosen(at).lab.look_from(VANTAGE, _words(command))))


def main() -> None:
    """Run the command line; one line for whatever goes wrong."""
    if importlib.util.find_spec("lab.faults_cli"):
        importlib.import_module("lab.faults_cli").register(app)
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        print(f"lab: {error}; scripts/lab --help", file=sys.stderr)
        code = USAGE
    except (WrongFile, WrongRole) as error:
        print(f"lab: {error}", file=sys.stderr)
        code = USAGE
    except LabError as error:
        print(f"lab: error: {error}", file=sys.stderr)
        code = 1
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    sys.exit(code or 0)


def chosen(at: str) -> Site:
    """The lab of that site, or of the environment's where nobody says one.

    What this process starts is about the same site; another lab is another environment to the
    product, with runs of its own.

    Raises:
        typer.BadParameter: there is no such site.
    """
    try:
        site = this(at)
    except LabError as error:
        raise typer.BadParameter(str(error)) from None
    os.environ[SITE_VARIABLE] = site.home.site
    if site.home.tag:
        os.environ.setdefault("READINESS_STATE", str(site.home.path / "readiness"))
    return site


def _words(command: list[str]) -> list[str]:
    return command[1:] if command[0] == "--" else command


def _facts(site: Site, *, as_json: bool) -> bool:
    """Print what runs; whether all of it does and is healthy."""
    states = {each.machine: each for each in health.ask_all(site.lab, site.machines)}
    facts = [
        {
            "machine": machine.name,
            "zone": machine.zone.name,
            "v4": str(machine.v4),
            "v6": str(machine.v6),
            "roles": list(machine.roles),
            "init": site.lab.leader(machine.name),
            "healthy": bool(states[machine.name]),
            "reason": states[machine.name].reason,
        }
        for machine in site.machines
    ]
    if as_json:
        print(
            json.dumps(
                {
                    "schema": 1,
                    "home": str(site.home.path),
                    "site": site.home.site,
                    "machines": facts,
                },
                indent=2,
            )
        )
    else:
        for fact in facts:
            how = "healthy" if fact["healthy"] else fact["reason"]
            print(f"{fact['machine']:<9} {fact['zone']:<9} {fact['v4']:<14} {fact['v6']:<15} {how}")
    return all(states.values())
