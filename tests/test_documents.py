"""Tests that environment and policy files load, and that a wrong one is refused in one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wrong_files import (
    ENVIRONMENTS,
    LAB,
    PASSWORD,
    POLICY,
    WRONG_ENVIRONMENTS,
    WRONG_POLICIES,
    Wrong,
)

from readiness.catalogue.checks import load_catalogue
from readiness.catalogue.clauses import load_clauses
from readiness.evidence.record import now
from readiness.model.errors import UsageError
from readiness.site.documents import load_environment, load_policy, validate_policy

CLAUSES = frozenset(clause.id for one in load_clauses() for clause in one.clauses)

Load = Callable[[Path], object]


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[..., str]:
    """Writes a file, loads it, and returns the line that refuses it."""

    def refuse(content: str | bytes, load: Load = load_environment) -> str:
        path = tmp_path / "site.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UsageError) as caught:
            load(path)
        line = str(caught.value)
        assert line.startswith(str(path))
        assert "\n" not in line
        return line.removeprefix(str(path))

    return refuse


def test_lab_files_load_and_agree_with_the_catalogue() -> None:
    """Each committed pair is valid, and together they require every clause that is served."""
    environment = load_environment(ENVIRONMENTS / "lab.yaml")
    required: set[str] = set()
    for path in ENVIRONMENTS.glob("policy*.yaml"):
        policy = load_policy(path)
        validate_policy(policy, CLAUSES, at=now())
        required |= {*(policy.required or ())}
    assert environment.database("paws360-db").failover is not None
    served = {clause for check in load_catalogue().values() for clause in check.clauses}
    assert required == served


def test_relative_references_count_from_the_file(tmp_path: Path) -> None:
    """`file:x` beside the environment file is found from any working directory."""
    (tmp_path / "site.yaml").write_text(LAB.replace("file:/var/lib/readiness-lab/", "file:"))
    environment = load_environment(tmp_path / "site.yaml")
    assert environment.identity is not None
    assert environment.path(environment.identity) == tmp_path / "secrets/identity.json"


@pytest.mark.parametrize("wrong", WRONG_ENVIRONMENTS, ids=str)
def test_wrong_environment_is_refused_in_one_line(
    wrong: Wrong, refusal: Callable[..., str]
) -> None:
    """Each mistake is named with key, expectation and finding, at the line that it is in."""
    text = wrong.within(LAB)
    line = refusal(text)
    assert wrong.line in line
    assert "hunter2" not in line
    assert "271828" not in line
    if wrong.new and not wrong.elsewhere:
        changed = range(len(LAB.partition(wrong.old)[0].splitlines()), len(text.splitlines()) + 1)
        assert int(line.split(":")[1]) in changed


@pytest.mark.parametrize("wrong", WRONG_POLICIES, ids=str)
def test_wrong_policy_is_refused_in_one_line(wrong: Wrong, refusal: Callable[..., str]) -> None:
    """Each mistake is named with key and expectation."""
    assert wrong.line in refusal(wrong.within(POLICY), load_policy)


def test_place_is_line_and_column_of_the_value(refusal: Callable[..., str]) -> None:
    """The place is where the editor has to go."""
    text = LAB.replace("- name: edge2", "- name: edge1")
    row = next(
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line == "  - name: edge1" and "198.18.1.12" in text.splitlines()[number + 2]
    )
    assert refusal(text).startswith(f":{row}:11: machines[2].name: ")


def test_unknown_clause_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    """A misspelt clause would silently require nothing."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.replace("- sec.tls/chain", "- sec.tls/chian"))
    row = POLICY.partition("- sec.tls/chain")[0].count("\n") + 1
    place = rf":{row}:5: required\[\d+\]: .*did you mean 'sec.tls/chain'"
    with pytest.raises(UsageError, match=place):
        validate_policy(load_policy(path), CLAUSES, at=now())


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("default: 1 d", "default: 1 d\nmay_be_not_applicable: [sec.tls/nothing]"),
        ("default: 1 d", "clauses: {sec.tls/nothing: 1 d}"),
    ],
)
def test_unknown_clause_is_refused_wherever_it_is_named(
    tmp_path: Path, section: str, key: str
) -> None:
    """Not only the list of required clauses names clauses."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.replace(section, key))
    with pytest.raises(UsageError, match="unknown clause"):
        validate_policy(load_policy(path), CLAUSES, at=now())


def test_each_kind_of_file_in_the_place_of_the_other(refusal: Callable[..., str]) -> None:
    """A policy is not an environment, and the refusal says just that."""
    assert "expected an environment, found a policy" in refusal(POLICY)
    assert "expected a policy, found an environment" in refusal(LAB, load_policy)


@pytest.mark.parametrize(
    "secret",
    [
        *("hunter2", "'hunter2'", "!hunter2", "!hunt!hunter2", "*hunter2", "&hunter2"),
        *("{hunter2: }", "|\n          hunter2", "[[hunter2]]", "hunter2\n        x", "@hunter2"),
        *("%hunter2", "hunter2: x", "'hunter2", '"\\hunter2"', "{hunter2"),
        "postgres://me:hunter2@db1/x",
    ],
)
@pytest.mark.parametrize(
    "place", [PASSWORD, "key: file:/var/lib/readiness-lab/secrets/ssh/observer"]
)
def test_a_secret_in_the_place_of_a_reference_is_not_echoed(
    secret: str, place: str, refusal: Callable[..., str]
) -> None:
    """What stands where a reference belongs may be the secret itself."""
    key = place.partition(":")[0]
    assert "hunter2" not in refusal(LAB.replace(place, f"{key}: {secret}"))


def test_missing_space_does_not_echo_the_secret(refusal: Callable[..., str]) -> None:
    """`password:hunter2` is a text where a mapping belongs, not a key."""
    line = refusal("schema: 1\nname: a\nssh:\n  password:hunter2\n")
    assert "hunter2" not in line


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
        st.lists(st.sampled_from(["a: ", "- ", "\n", "  ", "[", "{", "}", "'", "!x ", "&a ", "?"]))
        .map("".join)
        .map(str.encode),
    )
)
def test_noise_is_refused_and_never_a_traceback(tmp_path: Path, noise: bytes) -> None:
    """Whatever the bytes, the answer is a usage error of one line."""
    path = tmp_path / "noise.yaml"
    path.write_bytes(noise)
    with pytest.raises(UsageError) as caught:
        load_environment(path)
    assert "\n" not in str(caught.value)


@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_damaged_file_loads_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Cutting out a piece anywhere never gives anything but an environment or a usage error."""
    start = data.draw(st.integers(0, len(LAB)))
    length = data.draw(st.integers(1, 40))
    path = tmp_path / "cut.yaml"
    path.write_text(LAB[:start] + LAB[start + length :])
    refused = ""
    try:
        load_environment(path)
    except UsageError as error:
        refused = str(error)
    assert not refused or refused.startswith(str(path))


def several(tmp_path: Path, text: str) -> list[str]:
    """Every line that refuses a file, without the file's name."""
    path = tmp_path / "site.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_environment(path)
    return [line.removeprefix(f"{path}:") for line in caught.value.lines]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[observe, touch, load, disrupt]", "[obsrve]", "permissions.tiers[0]: wrong value"),
        ("members: [db1, db2, db3]", "members: [DB1]", "databases[0].members[0]: wrong value"),
        ("names: [portal.lab.test]\n", "names: [1]\n", "listeners[0].names[0]: wrong value"),
    ],
)
def test_first_hour_the_only_element_of_a_list_is_the_one_that_is_wrong(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    """A list of one wrong element is not said to be too short."""
    assert old in LAB
    (line,) = several(tmp_path, LAB.replace(old, new, 1))
    assert expected in line


def test_first_hour_the_only_machine_is_the_one_that_is_wrong(tmp_path: Path) -> None:
    """The key that is unknown in the first of a new site's machines is named as that."""
    (line,) = several(
        tmp_path,
        "schema: 1\nname: a\nkind: staging\nzones: [all]\nlooks_from: all\nmachines:\n"
        "  - {name: a, zone: all, role: web, addresses: [127.0.0.1], ssh_gate: 23}\n"
        "objectives: {availability: 99, recovery_time: 1 h, recovery_point: 1 h, "
        "database_recovery_time: 1 min}\n",
    )
    assert "machines[0].ssh_gate: unknown key" in line


def test_first_hour_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    """One line each, in the order of the file; a misspelt key is not missing as well."""
    text = LAB.replace("kind: rehearsal", "kind: prod").replace("looks_from:", "look_from:")
    lines = several(tmp_path, text.replace("port: 443", "port: 70000"))
    assert ["kind" in lines[0], "look_from" in lines[1], "port" in lines[2]] == [True] * 3
    assert len(lines) == 3


def test_first_hour_every_name_that_is_not_declared_is_told_at_once(tmp_path: Path) -> None:
    """Also what only the whole file shows to be wrong."""
    text = LAB.replace("looks_from: ops", "looks_from: moon").replace("zone: edge", "zone: egde")
    lines = several(tmp_path, text.replace("authority: public", "authority: publik"))
    assert "looks_from: wrong value" in lines[0]
    assert sum("found 'egde'" in line for line in lines) == text.count("zone: egde")
    assert any("listeners[0].authority" in line for line in lines)


def test_first_hour_a_file_full_of_mistakes_has_an_end(tmp_path: Path) -> None:
    """Nobody reads a thousand lines; how many more there are is said."""
    lines = several(tmp_path, LAB + "".join(f"zzz{number}: 1\n" for number in range(1000)))
    assert len(lines) == 52
    assert lines[-1].endswith("has 949 more mistakes")
