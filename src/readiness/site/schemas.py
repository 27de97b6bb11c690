"""JSON Schemas of the files that people write, generated from the models.

They know shapes, not how parts of a file depend on each other: editors complete and mark with
them, the models decide. `python -m readiness.site.schemas FOLDER` writes them.
"""

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from readiness.model.words import Json
from readiness.site.environment import Environment
from readiness.site.policy import Policy
from readiness.site.written import At, Written

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MODELS: Final[Mapping[str, type[Written]]] = {"environment": Environment, "policy": Policy}


@cache
def schema(model: type[Written]) -> Json:
    """The JSON Schema (draft 2020-12) of what people may write."""
    generated = model.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DIALECT, **_tidied(generated)}


def schema_text(model: type[Written]) -> str:
    """The schema as it is committed."""
    return json.dumps(schema(model), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> tuple[Path, ...]:
    """Write every schema into the folder; the paths written."""
    paths = []
    for name, model in MODELS.items():
        path = folder / f"{name}.schema.json"
        path.write_text(schema_text(model), encoding="utf-8")
        paths.append(path)
    return tuple(paths)


def keys_at(model: type[Written], path: At) -> tuple[str, ...]:
    """The keys that the model knows in the mapping at that place, none for a free mapping."""
    return tuple(node_at(model, path).get("properties", ()))


def node_at(model: type[Written], path: At) -> Json:
    """The part of the schema that is about that place; empty where the model knows nothing."""
    whole = schema(model)
    node = whole
    for part in path:
        node = _step(whole, node, part)
    return _resolved(whole, node)


def _step(whole: Json, node: Json, part: str | int) -> Json:
    node = _resolved(whole, node)
    if isinstance(part, int):
        found = node.get("items", {})
    else:
        free = [node.get("additionalProperties"), *node.get("patternProperties", {}).values()]
        found = node.get("properties", {}).get(part) or free[-1]
    return found if isinstance(found, dict) else {}


def _resolved(whole: Json, node: Json) -> Json:
    """The node behind references and `something or null`; of several kinds the keys of all."""
    if "$ref" in node:
        return _resolved(whole, whole["$defs"][node["$ref"].rpartition("/")[2]])
    choices = [one for one in node.get("anyOf", ()) if one.get("type") != "null"]
    kinds = [_resolved(whole, one) for one in node.get("oneOf", ())]
    if kinds:
        keys = {key: value for one in kinds for key, value in one.get("properties", {}).items()}
        return {**kinds[0], "properties": keys}
    return _resolved(whole, choices[0]) if choices else node


def _tidied(node: Any) -> Any:
    """Without defaults (they are seconds, people write units); keys with a pattern must match."""
    if isinstance(node, list):
        return [_tidied(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    named = node.get("properties", {})
    kept = {key: value for key, value in node.items() if key != "default"}
    cleaned = {key: _tidied(value) for key, value in kept.items()}
    if "patternProperties" in node:
        cleaned["additionalProperties"] = False
    if named:
        cleaned["properties"] = {key: _tidied(value) for key, value in named.items()}
    return cleaned


if __name__ == "__main__":
    for written_path in write_schemas(Path(sys.argv[1])):
        sys.stdout.write(f"{written_path}\n")
