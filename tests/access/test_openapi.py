"""Documents of routes: what is read out of them, and how those that are wrong are refused."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.model.errors import UsageError
from readiness.systems.access.openapi import MAX_BYTES, MAX_ROUTES, read_document

THREE = """\
openapi: 3.0.3
servers: [{url: "https://portal.example.edu/{base}", variables: {base: {default: api}}}]
components:
  parameters:
    id: {name: id, in: path, required: true, schema: {$ref: "#/components/schemas/uuid"}}
  schemas:
    uuid: {type: string, format: uuid}
paths:
  /records/{id}:
    parameters: [{$ref: "#/components/parameters/id"}]
    get:
      parameters:
        - {name: term, in: query, required: true, schema: {type: string, enum: [autumn, spring]}}
        - {name: page, in: query, schema: {type: integer}}
        - {name: X-Trace, in: header, required: true, schema: {type: string}}
      responses: {200: {description: fine}}
    delete: {}
  x-internal: {note: nothing}
"""
TWO: dict[str, Any] = {
    "swagger": "2.0",
    "basePath": "/v1",
    "paths": {
        "/rooms/{number}": {
            "get": {"parameters": [{"name": "number", "in": "path", "type": "integer"}]}
        }
    },
}


def written(tmp_path: Path, text: str) -> Path:
    """A file with that text."""
    path = tmp_path / "document"
    path.write_text(text)
    return path


def refusal(tmp_path: Path, text: str) -> str:
    """How a document is refused."""
    with pytest.raises(UsageError) as raised:
        read_document(written(tmp_path, text))
    return str(raised.value).removeprefix(str(tmp_path / "document"))


def test_an_openapi_3_document_in_yaml(tmp_path: Path) -> None:
    """Base path, shared parameters, references and required queries are read, headers are not."""
    get, delete = read_document(written(tmp_path, THREE))
    assert (get.name, delete.name) == ("GET /api/records/{id}", "DELETE /api/records/{id}")
    assert [one.name for one in get.parameters] == ["id"]
    assert get.parameters[0].nobody == "00000000-0000-4000-8000-00000000c0de"
    assert [(one.name, one.nobody) for one in get.query] == [("term", "autumn")]
    assert not delete.asked


def test_a_swagger_2_document_in_json(tmp_path: Path) -> None:
    """Types stand beside the name there, and the base path is a key of its own."""
    (route,) = read_document(written(tmp_path, json.dumps(TWO)))
    assert route.name == "GET /v1/rooms/{number}"
    assert route.parameters[0].nobody == "2147483646"


def test_a_parameter_that_is_not_described_is_asked_all_the_same(tmp_path: Path) -> None:
    """Many documents leave out what stands in the path."""
    (route,) = read_document(written(tmp_path, "openapi: 3.1.0\npaths: {'/a/{b}': {get: {}}}"))
    assert [one.name for one in route.parameters] == ["b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no OpenAPI document"),
        ("[]", "is no OpenAPI document"),
        ("{", ":1:2: is not JSON"),
        ("a: [", "is not YAML"),
        ("a: !!python/object/apply:os.system [id]", ":1:4: is not YAML"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", ":3: has a merge key"),
        ("paths: {}", "is of an unknown version"),
        ("openapi: 4.0.0", "is of an unknown version"),
        ("openapi: 3.0.0", ": paths: is no mapping"),
        ("openapi: 3.0.0\npaths: {}", ": paths: has no routes"),
        ("openapi: 3.0.0\npaths: {records: {get: {}}}", ": paths.records: is no path"),
        ("openapi: 3.0.0\npaths: {/a: {get: []}}", ": paths./a.get: is no mapping"),
        (
            "openapi: 3.0.0\npaths: {/a: {$ref: '#/paths/~1b'}, /b: {$ref: '#/paths/~1a'}}",
            ": paths./a: refers in a circle",
        ),
        ("openapi: 3.0.0\npaths: {/a: {$ref: 'b.yaml#/a'}}", "refers to another document"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: '#/b'}}", "refers to what is not there"),
        ("openapi: 3.0.0\npaths: {/a: {get: {parameters: {a: 1}}}}", "parameters: is no list"),
        (
            "openapi: 3.0.0\npaths: {/a: {get: {parameters: [{in: path, name: 1}]}}}",
            ": paths./a.get.parameters.0: has no name",
        ),
        ("[" * 100_000, "is nested too deeply"),
        ("openapi: 3.0.0\nservers: [1]\npaths: {/a: {get: {}}}", ": servers.0: is no mapping"),
    ],
)
def test_what_is_no_document_is_refused_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    """File and place, and nothing of what the document holds."""
    assert said in refusal(tmp_path, text)


def test_a_schema_that_refers_to_itself_is_no_matter(tmp_path: Path) -> None:
    """Trees are described so, and nobody goes down them."""
    text = (
        "openapi: 3.0.0\npaths: {/a: {get: {responses: {200: {$ref: '#/components/x'}}}}}\n"
        "components: {x: {$ref: '#/components/x'}}"
    )
    assert len(read_document(written(tmp_path, text))) == 1


def test_anchors_as_generators_write_them_are_read(tmp_path: Path) -> None:
    """What is shared is read once."""
    text = "openapi: 3.0.0\npaths:\n  /a: &id001 {get: {}}\n  /b: *id001\n"
    assert [one.path for one in read_document(written(tmp_path, text))] == ["/a", "/b"]


@pytest.mark.parametrize("as_json", [True, False])
def test_as_many_routes_as_may_be_are_read_and_one_more_is_refused(
    tmp_path: Path, *, as_json: bool
) -> None:
    """2,000 are an application that nobody looks at by hand."""

    def of(number: int) -> str:
        paths: dict[str, Any] = {f"/r{one}": {"get": {"responses": {}}} for one in range(number)}
        if as_json:
            return json.dumps({"openapi": "3.0.0", "paths": paths})
        return "openapi: 3.0.0\npaths:\n" + "".join(f"  {one}:\n    get: {{}}\n" for one in paths)

    assert len(read_document(written(tmp_path, of(MAX_ROUTES)))) == MAX_ROUTES
    assert "has too many routes" in refusal(tmp_path, of(MAX_ROUTES + 1))


def test_files_that_can_not_be_read_are_refused(tmp_path: Path) -> None:
    """Missing, a folder, too big, and no text."""
    for path, said in ((tmp_path / "none", "does not exist"), (tmp_path, "is not a file")):
        with pytest.raises(UsageError, match=said):
            read_document(path)
    big = tmp_path / "big"
    big.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(UsageError, match="is too big"):
        read_document(big)
    big.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not UTF-8"):
        read_document(big)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["get", "parameters", "$ref", "in", "name", "schema", "/a", "path"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(paths=JSON, servers=JSON)
def test_whatever_stands_in_a_document_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, paths: Any, servers: Any
) -> None:
    """Nothing but a refusal comes out of it."""
    folder = tmp_path_factory.mktemp("any")
    text = json.dumps({"openapi": "3.0.0", "servers": servers, "paths": paths})
    with suppress(UsageError):
        read_document(written(folder, text))
