"""What the generator of a load is told: one JSON object, from what is declared."""

from pathlib import Path
from typing import Any

from readiness.model.errors import NotRun
from readiness.site.declared.load import LoadTest
from readiness.site.environment import Environment
from readiness.site.subjects import SHARED, endpoints


def addresses_of(environment: Environment, test: LoadTest) -> tuple[str, ...]:
    """Every address of the listener, shared ones first: those that users are sent to.

    Raises:
        NotRun: it has none.
    """
    places = [one for one in endpoints(environment) if one.listener.name == test.listener]
    places.sort(key=lambda one: one.node != SHARED)
    if not places:
        raise NotRun(f"{test.name}: the listener {test.listener} has no address")
    return tuple(dict.fromkeys(one.address for one in places))


def orders_of(environment: Environment, test: LoadTest) -> dict[str, Any]:
    """The load at its site, log-in with its secret included.

    Raises:
        NotRun: the listener has no address or no name.
        UsageError: the secret or the authority can't be read.
    """
    listener = environment.listener(test.listener)
    if not listener.names:
        raise NotRun(f"{test.name}: the listener {listener.name} has no name")
    login = test.login
    password = environment.secret(login.password) if login else ""
    return journey_of(test, password) | {
        "addresses": addresses_of(environment, test),
        "port": listener.port,
        "host": listener.names[0],
        "authority": environment.content(environment.authorities[listener.authority]).decode(),
    }


def journey_of(test: LoadTest, password: str) -> dict[str, Any]:
    """What is asked and when, wherever it is asked: seconds, and requests a second."""
    return {
        "rate": test.rate,
        "duration": test.duration,
        "warm_up": test.warm_up,
        "timeout": test.timeout,
        "failures": test.failures,
        "pages": [page.model_dump() for page in test.pages],
        "login": test.login and test.login.model_dump() | {"password": password},
        "seed": test.name,
    }


def offering(
    orders: dict[str, Any], files: dict[Path, dict[str, str]], output: Path
) -> dict[str, Any]:
    """The same orders with the Locust files that carry them out, and where the samples go.

    `files` has for each Locust file what it imports from beside it; nothing for a shipped one.
    """
    told = [{"file": str(file), "known": known} for file, known in files.items()]
    return orders | {"journeys": told, "output": str(output)}
