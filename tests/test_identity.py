"""What is pinned, from which declaration, and what changes no pin."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from engine import Engine, Site
from pki import NAME, Hierarchy, Identity, hierarchy, issue
from rich.console import Console
from servers import serve, server_context, tls
from wrong_files import LAB

from readiness.commands.doctor import _scratch_run, run_doctor
from readiness.model.errors import WrongTarget
from readiness.model.words import Outcome
from readiness.session.clients import Clients
from readiness.session.identity import Pinnable, pin, pinnable, verify
from readiness.site.documents import load_environment
from readiness.site.environment import Environment
from readiness.site.pins import NOTHING, read_pins
from readiness.site.subjects import members

SITE = """\
schema: 1
name: small
kind: staging
identity: file:identity.json
zones: [all]
looks_from: all
authorities: {own: "file:root.pem"}
machines:
  - {name: box, zone: all, role: web, addresses: [127.0.0.1]}
listeners:
  - {name: web, protocol: tls, port: PORT, machines: [box], names: [NAME], authority: own}
objectives:
  {availability: 99.9, recovery_time: 1 h, recovery_point: 1 h, database_recovery_time: 1 min}
"""


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test leaves anything in this user's state folder."""
    monkeypatch.setenv("READINESS_STATE", str(tmp_path / "state"))


@contextmanager
def looking(site: Environment, folder: Path) -> Iterator[Clients]:
    """Clients of a run that leaves nothing behind."""
    (folder / "run").mkdir(exist_ok=True)
    clients = Clients(_scratch_run(site, folder / "run"))
    try:
        yield clients
    finally:
        clients.close()


def declared(folder: Path, text: str) -> list[Pinnable]:
    """What can be pinned of an environment; nobody is asked."""
    (folder / "site.yaml").write_text(text)
    with looking(load_environment(folder / "site.yaml"), folder) as clients:
        return list(pinnable(clients))


def keys(found: list[Pinnable], part: str) -> set[str]:
    """The names of one kind of part."""
    return {one.key for one in found if one.part == part}


@contextmanager
def served(folder: Path, leaf: Identity, *roots: Hierarchy) -> Iterator[Environment]:
    """A listener that presents that leaf, on a site that declares those authorities."""
    presented = server_context(leaf.write(folder / "leaf.pem", *leaf.above))
    (folder / "root.pem").write_bytes(b"".join(one.root.pem for one in roots))
    with serve(tls(presented)) as port:
        text = SITE.replace("PORT", str(port)).replace("NAME", NAME)
        (folder / "site.yaml").write_text(text)
        yield load_environment(folder / "site.yaml")


def doctor(site: Environment, *, write: bool = False) -> tuple[int, str]:
    """What doctor says of the site, with its exit code."""
    out = Console(soft_wrap=True, width=500)
    with out.capture() as said:
        code = run_doctor(site, out, write_identity=write)
    return code, said.get()


def test_a5_a_machine_without_ssh_is_pinned_by_its_tls(tmp_path: Path) -> None:
    """It is not asked for what it has not got; the others keep what is stronger."""
    before = declared(tmp_path, LAB)
    assert "edge1" in keys(before, "ssh")
    assert keys(before, "tls") == set()
    name = "  - name: edge1\n"
    after = declared(tmp_path, LAB.replace(name, f"{name}    ssh: false\n"))
    assert keys(after, "ssh") == keys(before, "ssh") - {"edge1"}
    assert keys(after, "tls") == {"portal/edge1"}


def test_a5_without_ssh_every_part_is_pinned_by_what_else_it_has(tmp_path: Path) -> None:
    """Databases by their identifier, listeners and caches by their TLS."""
    begin = LAB.index("\nssh:")
    end = LAB.index("\nauthorities:")
    found = declared(tmp_path, LAB[:begin] + LAB[end:])
    assert keys(found, "ssh") == set()
    assert keys(found, "postgresql") == keys(found, "etcd") == {"paws360-db"}
    assert {"portal/edge1", "portal/edge2"} <= keys(found, "tls")
    assert any(one.endswith("/cache1") for one in keys(found, "tls"))
    assert not any("db1" in one or "shared" in one for one in keys(found, "tls"))


def test_a5_a_renewal_changes_no_pin(tmp_path: Path) -> None:
    """Another key, another intermediate, another declared root: the same system."""
    ours, next_ones = hierarchy("Ours"), hierarchy("Next")
    with served(tmp_path, ours.leaf(), ours) as site:
        assert "FAIL  identity: identity.json" not in doctor(site)[1]
        code, said = doctor(site, write=True)
        assert code == 0, said
        assert "ok    identity: pinned the identity of 1 kinds of parts" in said
        assert doctor(site)[0] == 0
    renewed = Hierarchy(ours.root, issue("Another", ours.root, is_authority=True))
    for leaf, roots in (
        (renewed.leaf(), (ours,)),
        (ours.leaf(NAME, "more.example.org"), (ours,)),
        (next_ones.leaf(), (ours, next_ones)),
    ):
        with served(tmp_path, leaf, *roots) as site, looking(site, tmp_path) as clients:
            (found,) = verify(clients)
            assert found["found"] == found["pinned"], found


def test_a5_another_anchor_is_another_system(tmp_path: Path) -> None:
    """The same name under an authority that was not declared when the system was pinned."""
    ours, theirs = hierarchy("Ours"), hierarchy("Theirs")
    with served(tmp_path, ours.leaf(), ours) as site:
        doctor(site, write=True)
    with (
        served(tmp_path, theirs.leaf(), theirs) as site,
        looking(site, tmp_path) as clients,
        pytest.raises(WrongTarget, match="another system answers here: expected tls identity"),
    ):
        verify(clients)


def test_a5_nobody_who_vouches_is_no_identity(tmp_path: Path) -> None:
    """A certificate that nobody declared signed is never taken for what was pinned."""
    ours, theirs = hierarchy("Ours"), hierarchy("Theirs")
    with served(tmp_path, ours.leaf(), ours) as site:
        doctor(site, write=True)
    with served(tmp_path, theirs.leaf(), ours) as site:
        with looking(site, tmp_path) as clients:
            (found,) = verify(clients)
        assert found["found"] is None
        code, said = doctor(site)
        assert (code, "FAIL  identity: did not answer: web/box" in said) == (2, True)


def test_a5_an_issuer_in_another_spelling_is_the_same_root(tmp_path: Path) -> None:
    """Whoever verifies a chain compares names without case and blanks: so does who pins it."""
    root = issue("Campus Root", is_authority=True)
    leaf = issue(NAME, root, names=(NAME,), calling="CAMPUS  root")
    with served(tmp_path, leaf, Hierarchy(root, root)) as site:
        code, said = doctor(site, write=True)
        assert code == 0, said
        assert doctor(site)[0] == 0


def test_a5_what_was_pinned_before_stays_readable(tmp_path: Path) -> None:
    """A file without the newest kind of part is read, and what it does not have is not pinned."""
    ours = hierarchy()
    with served(tmp_path, ours.leaf(), ours) as site:
        old = {"schema": 1, "postgresql": {"a": "1"}, "etcd": {}, "ssh": {}}
        (tmp_path / "identity.json").write_text(json.dumps(old))
        assert read_pins(site)["postgresql"] == {"a": "1"}
        code, said = doctor(site)
    assert code == 2
    assert "FAIL  identity: not pinned: tls of web/box" in said


def test_a5_a_site_without_ssh_is_no_go_until_it_is_pinned(engine: Engine, served: Site) -> None:
    """Leaving the `ssh:` block out is no way to a GO with nothing pinned."""
    (served.folder / "identity.json").unlink()
    text = served.environment.read_text()
    served.environment.write_text(text.replace("identity: file:identity.json\n", ""))
    ended = engine.gate(served)
    assert ended.code == 2
    assert "nobody pinned which system this is (tls of web/box" in " ".join(ended.text.split())


def test_a5_nothing_to_pin_is_never_a_go(engine: Engine, bare: Site) -> None:
    """A site of which nothing has an identity: no check fails, and what to declare is said."""
    ended = engine.gate(bare)
    assert ended.code == 2, ended.text
    verdict = bare.judged()
    assert verdict.notes == (NOTHING,)
    assert {one.outcome for one in verdict.cases if not one.undeclared} == {Outcome.PASSED}
    assert NOTHING in " ".join(ended.text.split())


@dataclass(frozen=True)
class _State:
    system_identifier: str
    in_recovery: bool


def database(folder: Path) -> Environment:
    """The lab's database alone."""
    (folder / "site.yaml").write_text(LAB)
    return load_environment(folder / "site.yaml").model_copy(update={"ssh": None, "listeners": ()})


def answered(clients: Clients, **states: _State) -> None:
    """Have the members of the database answered already."""
    for member in members(clients.site):
        clients.look.expect(member.id, "postgresql", states[member.machine.name])


def system(clients: Clients) -> set[str]:
    """What the members of the database are pinned as."""
    return {one.ask("") for one in pinnable(clients) if one.part == "postgresql"}


def test_a5_a_failover_changes_no_pin(tmp_path: Path) -> None:
    """Who leads is no part of who it is."""
    found = []
    for leader in ("db1", "db2"):
        with looking(database(tmp_path), tmp_path) as clients:
            roles = {name: _State("7000", name != leader) for name in ("db1", "db2", "db3")}
            answered(clients, **roles)
            found.append(system(clients))
    assert found == [{"7000"}, {"7000"}]


def test_a7_members_that_disagree_are_not_pinned(tmp_path: Path) -> None:
    """Two systems behind one name: neither of them is written down, whoever answered last."""
    with looking(database(tmp_path), tmp_path) as clients:
        answered(clients, db1=_State("1", False), db2=_State("2", False), db3=_State("1", True))
        with pytest.raises(WrongTarget, match="paws360-db/db1 and paws360-db/db2 are not one"):
            pin(clients)
