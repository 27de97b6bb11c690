"""The published JSON Schema of `verdict.json`, generated from its model and shipped as data.

`python -m readiness.render.schema FILE` writes it; a test proves that the shipped one agrees.
"""

import json
import sys
from pathlib import Path
from typing import Final

from readiness.model.words import Json
from readiness.render.document import VerdictDocument

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def verdict_schema() -> Json:
    """The schema (draft 2020-12); unknown fields are allowed, so that the format can grow."""
    generated = VerdictDocument.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": DIALECT, **generated, "title": "Verdict of a readiness run"}


def schema_text() -> str:
    """The schema as it is shipped."""
    return json.dumps(verdict_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
