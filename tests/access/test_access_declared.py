"""What people write about routes, identities and pages, and how mistakes in it are refused."""

from pathlib import Path

import pytest
from application import ACCESS, Application, application
from pki import Hierarchy

from readiness.model.errors import UsageError
from readiness.site.documents import load_environment


@pytest.fixture
def served(tmp_path: Path, authority: Hierarchy) -> Application:
    """An application that nobody asks."""
    with application(tmp_path, authority) as one:
        return one


def refused(served: Application, access: str, *more: str) -> str:
    """How an environment is refused: the first line, without its file."""
    with pytest.raises(UsageError) as raised:
        served.site(access, *more)
    return raised.value.lines[0].partition("environment.yaml")[2]


def test_what_init_writes_is_accepted(served: Application) -> None:
    """A document, and what is public: no identities, no roles, no values."""
    pages = "pages: [{listener: web, path: /health/ready, expect: [200]}]\n"
    access = '    openapi: "file:openapi.json"\n    public: [/, /login]\n'
    site = served.site(access, pages, people=False)
    assert (site.access[0].rate, site.pages[0].statuses) == (1000, (200,))


@pytest.mark.parametrize(
    ("access", "said"),
    [
        ("    public: [/a]\n", "openapi: wrong value; expected a document (openapi), routes"),
        ("    routes: [{path: a}]\n", "routes[0].path: wrong value; expected a path that begins"),
        ("    routes: [{path: /a, method: MOVE}]\n", "method: wrong value; expected 'GET', 'HEAD'"),
        ("    routes: [{path: /a}, {path: /a}]\n", "routes[1].path: wrong value; expected each ro"),
        ("    routes: [{path: /a, safe: 1}]\n", "safe: wrong value; expected true or false"),
        ("    openapi: openapi.json\n", "openapi: wrong value; expected a reference file:PATH"),
        (
            ACCESS.replace("/news, POST", "news, POST"),
            "public[0]: wrong value; expected a path, or",
        ),
        (ACCESS.replace('"{amy}"', '"{ann}"'), "expected a declared identity (one of amy,"),
        (ACCESS.replace('"{amy}"', '"x{amy}"'), "expected one {NAME} and nothing beside it"),
        (ACCESS.replace('"{amy}"', "11"), "values.student: wrong value; expected a text, found 11"),
        (ACCESS + "    rate: 0\n", "appears twice"),
        (ACCESS + "    rat: 1\n", "rat: unknown key, did you mean 'rate'?"),
    ],
)
def test_a_mistake_in_access_is_refused_with_its_place(
    served: Application, access: str, said: str
) -> None:
    """Line, key, what was expected and what was found."""
    assert said in refused(served, access)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("{listener: web, path: /a}", "expected what the page contains, or the statuses to expect"),
        ("{listener: web, path: /a, status: 200, expect: [200]}", "expected either status or exp"),
        (
            "{listener: web, path: /a, expect: [500]}",
            "expect[0]: wrong value; expected at most 499",
        ),
        ("{listener: web, path: /a, expect: [200, 200]}", "expected each status once"),
        ("{listener: web, path: /a, expect: 200}", "expect: wrong value; expected a list"),
        ("{listener: web, path: /a, expect: [200], method: POST}", "'GET', 'HEAD' or 'OPTIONS'"),
        (
            "{listener: web, path: /a, expect: [200], as: []}",
            "as: wrong value; expected at least 1",
        ),
        (
            "{listener: web, path: /a, expect: [200], as: [ann]}",
            "a declared identity (one of amy, bob",
        ),
        (
            "{listener: web, path: '/{ann}', expect: [200]}",
            "path: wrong value; expected a declared",
        ),
    ],
)
def test_a_mistake_in_pages_is_refused_with_its_place(
    served: Application, page: str, said: str
) -> None:
    """Line, key, what was expected and what was found."""
    assert said in refused(served, ACCESS, f"pages: [{page}]\n")


def test_an_identity_can_not_be_called_as_who_does_not_sign_in(served: Application) -> None:
    """Anonymous is nobody's account."""
    file = served.site().path("file:environment.yaml")
    file.write_text(file.read_text().replace("name: amy", "name: anonymous"))
    with pytest.raises(UsageError, match="expected another name than that of who does not sign in"):
        load_environment(file)
