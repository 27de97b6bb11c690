"""Is this the system that was pinned? Asked before anything else; another system stops the run.

The pins are a JSON file, written when the environment is set up: `postgresql` (database name to
system identifier), `etcd` (database name to cluster id), `ssh` (machine to host key fingerprint).
"""

from collections.abc import Callable, Iterator

from readiness.clients import Clients
from readiness.errors import NotRun, ProbeError, ReadinessError, WrongTarget
from readiness.model import Json
from readiness.pins import read_pins
from readiness.subjects import members, store_members


def found_identity(clients: Clients) -> Iterator[tuple[str, str, str, Callable[[], str]]]:
    """What can be pinned: part, key, where it is asked, and how; every member is asked."""
    for member in members(clients.site):
        name = member.database.name
        yield (
            "postgresql",
            name,
            member.id,
            lambda one=member: (  # type: ignore[misc]
                clients.postgres(one).reading.system_identifier
            ),
        )
    for store in store_members(clients.site):
        name = store.database.name
        yield (
            "etcd",
            name,
            store.id,
            lambda one=store: (  # type: ignore[misc]
                clients.etcd(one).reading.status.cluster_id
            ),
        )
    for machine in clients.site.machines if clients.site.ssh else ():
        yield (
            "ssh",
            machine.name,
            machine.name,
            lambda one=machine: (  # type: ignore[misc]
                clients.session(one).fingerprint
            ),
        )


def verify(clients: Clients) -> None:
    """Compare what answers with what was pinned, and put both into the record.

    What does not answer is recorded as unknown; the cases that need it will say so.

    Raises:
        WrongTarget: another system answers behind a pinned address.
    """
    pins = read_pins(clients.site)
    results: list[Json] = []
    wrong = ""
    for part, key, where, ask in found_identity(clients):
        pinned = pins.get(part, {}).get(key)
        found, problem = _asked(ask)
        results.append(
            {"part": part, "of": where, "pinned": pinned, "found": found, "problem": problem}
        )
        if problem.startswith(WRONG):
            wrong = wrong or problem.removeprefix(WRONG)
        elif pinned and found and found != pinned:
            wrong = wrong or (
                f"{where}: another system answers here: expected {part} identity {pinned}, "
                f"found {found}; nothing further was asked"
            )
    clients.run.writer.write("identity", pinned=bool(pins), members=results)
    if wrong:
        raise WrongTarget(wrong)


WRONG = "wrong target: "


def _asked(ask: Callable[[], str]) -> tuple[str | None, str]:
    """What was found, or why nothing was."""
    try:
        return ask(), ""
    except WrongTarget as error:
        return None, f"{WRONG}{error}"
    except (ProbeError, NotRun) as error:
        return None, str(error)
    except ReadinessError as error:
        return None, f"{type(error).__name__}: {error}"
