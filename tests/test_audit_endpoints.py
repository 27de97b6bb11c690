"""`plan` and `doctor` know where an audited application is asked, and with which logins."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from readiness.catalogue.checks import load_catalogue
from readiness.commands import doctor
from readiness.commands.explain import print_plan
from readiness.model.errors import ProbeError, Unreachable
from readiness.model.words import Tier
from readiness.session.plan import make_plan
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.systems.audit.reading import TRAIL
from readiness.systems.http.reading import PAGE

LAB = Path(__file__).parent.parent / "environments" / "lab.yaml"


@pytest.fixture(scope="module")
def lab() -> Environment:
    """The lab's environment, which keeps an audit trail."""
    return load_environment(LAB)


def test_the_plan_names_addresses_paths_and_logins(lab: Environment) -> None:
    """Whoever opens firewalls and makes accounts reads there which ones."""
    said = StringIO()
    print_plan(make_plan(load_catalogue(), lab, Tier.OBSERVE), lab, Console(file=said, width=300))
    audit = lab.audit
    assert audit is not None
    people = (audit.official, audit.subject, audit.stranger)
    logins = (*(lab.account(one).login.user for one in people), audit.trail.reader.user)
    section = said.getvalue().partition(f"The audit trail {audit.name}")[2]
    for one in (*logins, audit.append_only.tester.user, audit.record.path, "POST /auth/login"):
        assert one in section
    assert f"at {lab.front(lab.balancer(audit.balancer))}" in section


def asked(lab: Environment) -> dict[str, list[tuple[Any, Callable[[Any, Any], str]]]]:
    """What doctor asks, by kind."""
    found: dict[str, list[tuple[Any, Callable[[Any, Any], str]]]] = {}
    for what, one, ask in doctor._questions(lab):
        found.setdefault(what, []).append((one, ask))
    return found


def clients(lab: Environment, source: Any, reading: object) -> Any:
    """Connections that find this reading, and are asked for nothing else."""

    def ask(asked_for: Any, _: Any) -> SimpleNamespace:
        assert asked_for == source
        return SimpleNamespace(reading=reading)

    return SimpleNamespace(site=lab, ask=ask)


def test_doctor_asks_the_application_at_the_address_of_its_users(lab: Environment) -> None:
    """Once, without an account; one that does not answer is said with its page."""
    ((endpoint, ask),) = asked(lab)["audited application"]
    assert lab.audit is not None
    assert endpoint.address == lab.front(lab.balancer(lab.audit.balancer))
    page = PAGE.of("/auth/login")
    up = SimpleNamespace(answers=True, status=405, problem="")
    said = ask(clients(lab, page, up), endpoint)
    assert said.startswith("reached, GET /auth/login answers 405")
    down = SimpleNamespace(answers=False, status=None, problem="refused")
    with pytest.raises(Unreachable, match="GET /auth/login: refused"):
        ask(clients(lab, page, down), endpoint)


def test_doctor_asks_every_member_for_the_trail(lab: Environment) -> None:
    """As the reader; a tester that can't do its work is said with the grant that it lacks."""
    questions = asked(lab)["audit trail"]
    assert [one.machine.name for one, _ in questions] == ["db1", "db2", "db3"]
    member, ask = questions[0]
    assert lab.audit is not None
    tester = lab.audit.append_only.tester.user
    rights = SimpleNamespace(kind="table", owner="keeper", members=(tester,))
    found = clients(lab, TRAIL.of(lab.audit), rights)
    assert f"whom the tester {tester} may become" in ask(found, member)
    rights.members = ()
    with pytest.raises(ProbeError, match=f"GRANT keeper TO {tester}"):
        ask(found, member)
