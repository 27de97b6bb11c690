"""Tests of environment, policy and quantities as models: what exists is consistent."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from wrong_files import ENVIRONMENTS

from readiness.model.errors import UsageError
from readiness.model.quantities import Duration, Size, in_words, seconds, size
from readiness.site.declared.machine import Machine
from readiness.site.documents import load_environment, load_policy
from readiness.site.environment import Environment
from readiness.site.kinds import KINDS
from readiness.site.policy import Policy
from readiness.site.subjects import endpoints, pages

DURATION: TypeAdapter[float] = TypeAdapter(Duration)
SIZE: TypeAdapter[int] = TypeAdapter(Size)

numbers = st.decimals(0, 800_000, places=6).map(lambda number: f"{number:f}")


@pytest.fixture
def lab() -> Environment:
    """The committed description of the lab."""
    return load_environment(ENVIRONMENTS / "lab.yaml")


@given(
    number=numbers, unit=st.sampled_from(["ms", "s", "min", "h"]), space=st.sampled_from(["", " "])
)
def test_durations_survive_being_written(number: str, unit: str, space: str) -> None:
    """What a record keeps reads back as the very same number of seconds."""
    duration = DURATION.validate_python(f"{number}{space}{unit}")
    assert DURATION.validate_python(DURATION.dump_python(duration)) == duration


@given(number=numbers, unit=st.sampled_from(["B", "kB", "MB", "KiB", "MiB", "GiB"]))
def test_sizes_survive_being_written(number: str, unit: str) -> None:
    """What a record keeps reads back as the very same number of bytes."""
    count = SIZE.validate_python(f"{number} {unit}")
    assert SIZE.validate_python(SIZE.dump_python(count)) == count


def test_units_are_those_of_the_standards() -> None:
    """Minutes are not milliseconds, and kB are not KiB."""
    assert seconds("1.5 min") == 90
    assert seconds("250ms") == 0.25
    assert seconds("2 d") == 2 * 86400
    assert size("1 kB") == 1000
    assert size("10 MiB") == 10 * 1024 * 1024


@pytest.mark.parametrize(
    "value",
    [
        *(60, 1.5, None, True, "", "60", "s", "-1 s", "1 m", "1 S", "1 s s", "1,5 s", "1e3 s"),
        *(" 1 s", "१ s", "9" * 18 + " d", "9" * 400 + " s", "1 s\n", ["1 s"], "inf s", "0x1 s"),
    ],
)
def test_what_has_no_clear_unit_is_no_duration(value: object) -> None:
    """A refusal says how a duration is written."""
    with pytest.raises(ValueError, match="a duration such as '30 s'"):
        seconds(value)
    with pytest.raises(ValueError, match="a size such as '10 MiB'"):
        size(value)


@given(st.floats(0, 1e9))
def test_durations_in_words_are_close(duration: float) -> None:
    """The words are short, and their sum is within half a percent and a second of the duration."""
    words = in_words(duration).split()
    units = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    total = sum(
        float(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True)
    )
    assert len(words) <= 4
    assert abs(total - duration) <= max(1, duration / 24)


def test_what_a_record_keeps_is_the_same_environment(lab: Environment) -> None:
    """The judge of a later day sees what the run saw."""
    kept = json.dumps(lab.model_dump(mode="json", by_alias=True))
    assert Environment.model_validate_json(kept).model_dump() == lab.model_dump()


def test_what_a_record_keeps_is_the_same_policy() -> None:
    """Severities and ages survive being written."""
    policy = load_policy(ENVIRONMENTS / "policy.yaml")
    kept = json.dumps(policy.model_dump(mode="json", by_alias=True))
    assert Policy.model_validate_json(kept).model_dump() == policy.model_dump()


def test_addresses_have_one_spelling() -> None:
    """What is observed can be compared with what was declared."""
    machine = Machine(name="a", zone="z", role="r", addresses=("2001:DB8:0:0::1",))
    assert machine.addresses == ("2001:db8::1",)


def test_lab_listeners_are_looked_at_on_each_node_and_family(lab: Environment) -> None:
    """The portal on two nodes and the shared address, the others on three, all v4 and v6."""
    """The portal on two nodes and the shared address, six services on three, all v4 and v6."""
    found = [endpoint.id for endpoint in endpoints(lab)]
    assert len(found) == len(set(found)) == 3 * 2 + 6 * 3 * 2
    assert "portal/shared/v6" in found


def test_pages_are_those_that_anybody_may_ask(lab: Environment) -> None:
    """The listener's own, the balancer's and the load's, each once; none that needs a login."""
    search = "/api/course-search/search?q=math"
    asked = pages(lab, lab.listener("portal"))
    assert {(one.path, one.expect, one.contains) for one in asked} == {
        ("/", (), ""), ("/courses", (200,), '"credits"'), (search, (200,), '"credits"'),
    }  # fmt: skip


def test_lab_has_subjects_of_every_kind(lab: Environment) -> None:
    """No check of the catalogue passes in the lab for want of anything to look at.

    What the big site does not have another site of the lab has.
    """
    others = [path for path in ENVIRONMENTS.glob("*.yaml") if not path.name.startswith("policy")]
    sites = [lab, *(load_environment(path) for path in others)]
    lacking = [kind.name for kind in KINDS.values() if not any(map(kind.of, sites))]
    assert lacking == []


def test_secret_comes_from_file_or_variable(
    lab: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the final line break is taken off; what is missing is named, not guessed."""
    (tmp_path / "password").write_text(" s3cret \n")
    monkeypatch.setenv("READINESS_TEST_SECRET", "v4lue")
    assert lab.secret(f"file:{tmp_path / 'password'}") == " s3cret "
    assert lab.secret("env:READINESS_TEST_SECRET") == "v4lue"
    for reference in (f"file:{tmp_path}", "file:/nonexistent", "env:READINESS_TEST_NOT_SET"):
        with pytest.raises(UsageError, match=reference.removeprefix("file:")):
            lab.secret(reference)


def test_home_of_nobody_is_refused(lab: Environment) -> None:
    """`~name` of a user who does not exist is a mistake in the file, not a crash."""
    with pytest.raises(UsageError, match="home folder"):
        lab.path("file:~no-such-user-here/key")
