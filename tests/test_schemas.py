"""Tests that the committed JSON Schemas are those of the models and judge as the models do."""

import json
from pathlib import Path

import jsonschema
import pytest
from wrong_files import ENVIRONMENTS, LAB, POLICY, WRONG_ENVIRONMENTS, WRONG_POLICIES, Wrong

from readiness.model.words import Json
from readiness.site.policy import Policy
from readiness.site.schemas import MODELS, keys_at, schema, schema_text, write_schemas
from readiness.site.yaml_file import read_yaml

EXAMPLES = {"environment": LAB, "policy": POLICY}
CASES = [
    *(("environment", wrong) for wrong in WRONG_ENVIRONMENTS),
    *(("policy", wrong) for wrong in WRONG_POLICIES),
]


def _valid(name: str, data: Json) -> bool:
    validator = jsonschema.Draft202012Validator(
        schema(MODELS[name]), format_checker=jsonschema.FormatChecker()
    )
    return validator.is_valid(data)


@pytest.mark.parametrize("name", MODELS)
def test_committed_schema_is_that_of_the_model(name: str) -> None:
    """After a change of the models: python -m readiness.site.schemas environments/schemas."""
    committed = ENVIRONMENTS / "schemas" / f"{name}.schema.json"
    assert committed.read_text(encoding="utf-8") == schema_text(MODELS[name])


@pytest.mark.parametrize("name", MODELS)
def test_schema_is_a_schema(name: str) -> None:
    """Valid in its own dialect, with the key `schema` as people write it, and without defaults."""
    generated = schema(MODELS[name])
    jsonschema.Draft202012Validator.check_schema(generated)
    assert generated["properties"]["schema"]["const"] == 1
    assert "schema_version" not in schema_text(MODELS[name])
    assert '"default": 5.0' not in schema_text(MODELS[name])


def test_written_schemas_are_the_committed_ones(tmp_path: Path) -> None:
    """The command that writes them writes all of them, and nothing else is committed."""
    names = sorted(path.name for path in write_schemas(tmp_path))
    assert names == sorted(path.name for path in (ENVIRONMENTS / "schemas").iterdir())


@pytest.mark.parametrize("name", MODELS)
def test_schema_accepts_what_the_model_accepts(tmp_path: Path, name: str) -> None:
    """The committed files, and what the model writes of them into a record."""
    path = tmp_path / "good.yaml"
    path.write_text(EXAMPLES[name])
    data = read_yaml(path).data
    model = MODELS[name].model_validate_json(json.dumps(data))
    assert _valid(name, data)
    assert _valid(name, model.model_dump(mode="json", by_alias=True))


@pytest.mark.parametrize(("name", "wrong"), CASES, ids=str)
def test_schema_refuses_what_the_model_refuses(tmp_path: Path, name: str, wrong: Wrong) -> None:
    """Every mistake of shape; only what depends on other parts of the file is the model's alone."""
    path = tmp_path / "wrong.yaml"
    path.write_text(wrong.within(EXAMPLES[name]))
    assert _valid(name, read_yaml(path).data) is not wrong.shape


def test_keys_at_knows_lists_optional_parts_and_free_mappings() -> None:
    """Suggestions need the keys of the very place."""
    environment = MODELS["environment"]
    assert keys_at(environment, ("databases", 0, "failover", "pooled")) == (
        "machines",
        "port",
        "clients",
    )
    assert keys_at(environment, ("authorities",)) == ()
    assert "default" in keys_at(Policy, ("evidence_age",))
    assert keys_at(environment, ("nothing", 3, "there")) == ()
