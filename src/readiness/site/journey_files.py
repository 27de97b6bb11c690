"""Where the Locust files of a declared load are, and what a site's own ones consist of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from readiness.model.errors import UsageError
from readiness.model.shipping import place_of
from readiness.site.declared.load import LoadTest
from readiness.site.environment import Environment
from readiness.site.own_files import files_from

SHIPPED: Final = {"browse": "browse.py", "sign-in": "sign_in.py"}
"""Journey, as an environment names it -> its file."""


def loadtests_folder() -> Path:
    """Where the shipped journeys are."""
    return place_of("loadtests")


def journey_files(environment: Environment, test: LoadTest) -> dict[Path, dict[str, str]]:
    """The Locust files of a load; for each of the site's own the SHA-256 of what it is made of.

    That is the file and what it imports from beside it, by its place there. Raises UsageError when
    a file can't be read.
    """
    own = [environment.path(one) for one in test.own_journeys]
    shipped = {loadtests_folder() / SHIPPED[one]: dict[str, str]() for one in test.journeys}
    return shipped | {file: files_from(file.parent, [file]) for file in own}


def own_journeys(environment: Environment) -> dict[str, dict[str, str]]:
    """Of all load tests: reference of a site's own file -> the SHA-256 of what it is made of."""
    references = {one for test in environment.load_tests for one in test.own_journeys}
    paths = {one: environment.path(one) for one in sorted(references)}
    return {one: files_from(path.parent, [path]) for one, path in paths.items()}


def refuse_changed(environment: Environment, opened_with: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse a site's own journeys that are not those with which the run was opened.

    Raises:
        UsageError: one was changed since.
    """
    for reference, made_of in own_journeys(environment).items():
        if made_of != opened_with.get(reference):
            changed = sorted({*made_of.items()} ^ {*opened_with.get(reference, {}).items()})
            raise UsageError(
                f"{changed[0][0]} was changed after the run was opened", key="own_journeys"
            )
