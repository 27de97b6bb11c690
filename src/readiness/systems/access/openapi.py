"""Reads the routes out of an OpenAPI 3 or Swagger 2 document, in JSON or YAML: foreign text.

Nothing is fetched: a reference leads to another place of the same document. Size, depth, number of
routes and the length of chains of references are bounded, and every refusal names file and place.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from readiness.model.errors import UsageError
from readiness.model.extras import missing
from readiness.model.printable import printable
from readiness.site.text_file import bounded_text
from readiness.systems.access.routes import Parameter, Route

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_ROUTES: Final = 2000
_MAX_CHAIN: Final = 20
"""References one after the other: a longer chain is a circle, or nobody's work."""
_METHODS: Final = ("get", "head", "options", "post", "put", "patch", "delete", "trace")
_PATH: Final = re.compile(r"/[!-~]*")
_NAME: Final = re.compile(r"[^{}\x00-\x20]{1,100}")
_IN_PATH: Final = re.compile(r"\{([^{}]*)\}")
_CHOICES: Final = 20
# Merging lists of anchors multiplies what they hold, again and again.
_MERGE: Final = re.compile(r"^[ \t-]*<<[ \t]*:", re.MULTILINE)

At = tuple[str | int, ...]


def read_document(path: Path) -> tuple[Route, ...]:
    """The routes of a document, in its order.

    Raises:
        UsageError: there is none, or it can't be understood; says where.
        NotInstalled: it is YAML, which needs a package of the extra `run`.
    """
    return _Document(path, _parsed(path)).routes()


def _parsed(path: Path) -> Any:
    text = _text(path)
    if text.lstrip()[:1] in {"{", "["}:
        try:
            return json.loads(text)
        except RecursionError:
            raise UsageError("is nested too deeply", file=str(path)) from None
        except ValueError as error:
            line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
            raise UsageError("is not JSON", str(path), line, column) from None
    return _yaml(path, text)


def _yaml(path: Path, text: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - only where a document is YAML
    except ModuleNotFoundError as error:
        raise missing(error.name or "yaml") from error
    if merged := _MERGE.search(text):
        line = text.count("\n", 0, merged.start()) + 1
        raise UsageError("has a merge key (<<)", str(path), line, expected="the keys written out")
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except RecursionError:
        raise UsageError("is nested too deeply", file=str(path)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise UsageError("is not YAML", str(path), line, column) from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError):
        raise UsageError("is not YAML", file=str(path)) from None


def _text(path: Path) -> str:
    try:
        there = path.is_file()
    except OSError as error:
        raise UsageError(f"can't be read ({error.strerror})", file=str(path)) from None
    if not there:
        problem = "is not a file" if path.exists() else "does not exist"
        raise UsageError(problem, file=str(path), expected="an OpenAPI document")
    return bounded_text(path, MAX_BYTES)


class _Document:
    """One document, and the way to what its references name."""

    def __init__(self, path: Path, data: Any) -> None:
        self._path = path
        if not isinstance(data, dict):
            raise self._wrong((), "is no OpenAPI document", "a mapping with `openapi` or `swagger`")
        self._data: Mapping[Any, Any] = data

    def routes(self) -> tuple[Route, ...]:
        """Every method of every path."""
        base = self._base()
        paths = self._mapping(self._data.get("paths"), ("paths",))
        found: list[Route] = []
        for path, item in paths.items():
            at: At = ("paths", str(path))
            if str(path).startswith("x-"):
                continue
            if not isinstance(path, str) or not _PATH.fullmatch(path):
                raise self._wrong(at, "is no path", "one that begins with '/', in ASCII")
            found += self._of_path(base + path, self._mapping(self._led(item, at), at), at)
            if len(found) > MAX_ROUTES:
                raise self._wrong(at, "has too many routes", f"at most {MAX_ROUTES}")
        if not found:
            raise self._wrong(("paths",), "has no routes", "at least one path with a method")
        return tuple(found)

    def _base(self) -> str:
        """What all paths begin with: `basePath` (2.0), or the path of the first server (3.x)."""
        version = str(self._data.get("openapi", self._data.get("swagger", "")))
        if version.startswith("2."):
            base = self._data.get("basePath", "")
        elif version.startswith("3."):
            base = self._first_server()
        else:
            expected = "openapi: 3.x or swagger: 2.0"
            raise self._wrong(
                (), "is of an unknown version", expected, printable(version, 20) or "nothing"
            )
        if not isinstance(base, str) or (base and not _PATH.fullmatch(base)):
            raise self._wrong(("servers", 0), "has no path that can be asked", "a path in ASCII")
        return base.rstrip("/")

    def _first_server(self) -> str:
        servers = self._data.get("servers") or [{}]
        first = self._mapping(servers[0] if isinstance(servers, list) else None, ("servers", 0))
        url = str(first.get("url", ""))
        for name, entry in self._mapping(first.get("variables", {}), ("servers", 0)).items():
            default = entry.get("default", "") if isinstance(entry, dict) else ""
            url = url.replace(f"{{{name}}}", str(default))
        try:
            return urlsplit(url).path
        except ValueError:
            raise self._wrong(("servers", 0, "url"), "is no address", "a URL or a path") from None

    def _of_path(self, path: str, item: Mapping[Any, Any], at: At) -> Iterator[Route]:
        shared = self._parameters(item, at)
        for method in _METHODS:
            if method not in item:
                continue
            here = (*at, method)
            own = self._parameters(self._mapping(item[method], here), here)
            given = {**shared, **own}
            inside = tuple(
                given.get(("path", name), Parameter(name)) for name in _IN_PATH.findall(path)
            )
            query = tuple(one for (where, _), one in given.items() if where == "query")
            yield Route(method.upper(), path, inside, query)

    def _parameters(self, of: Mapping[Any, Any], at: At) -> dict[tuple[str, str], Parameter]:
        """Those of the path, and those of the query that have to be given."""
        listed = of.get("parameters") or []
        if not isinstance(listed, list):
            raise self._wrong((*at, "parameters"), "is no list", "a list of parameters")
        found = {}
        for index, entry in enumerate(listed):
            here = (*at, "parameters", index)
            one = self._mapping(self._led(entry, here), here)
            name, where = one.get("name"), one.get("in")
            if where == "path" or (where == "query" and one.get("required") is True):
                if not isinstance(name, str) or not _NAME.fullmatch(name):
                    raise self._wrong(here, "has no name that can be asked", "a name")
                found[str(where), name] = self._parameter(name, one, here)
        return found

    def _parameter(self, name: str, one: Mapping[Any, Any], at: At) -> Parameter:
        """Its type stands in a schema (3.x), or beside it (2.0)."""
        schema = self._led(one.get("schema", one), (*at, "schema"))
        schema = schema if isinstance(schema, dict) else {}
        kind = schema.get("type", "string")
        form = schema.get("format")
        choices = schema.get("enum")
        listed = choices[:_CHOICES] if isinstance(choices, list) else []
        told = form if form in {"uuid", "date", "date-time"} else kind
        return Parameter(name, str(told), tuple(str(one) for one in listed if str(one).isascii()))

    def _led(self, value: Any, at: At) -> Any:
        """What stands there, or where its reference leads within the document."""
        for _ in range(_MAX_CHAIN):
            if not isinstance(value, dict) or "$ref" not in value:
                return value
            value = self._at(value["$ref"], at)
        raise self._wrong(at, "refers in a circle ($ref)", f"at most {_MAX_CHAIN} steps")

    def _at(self, reference: Any, at: At) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise self._wrong(at, "refers to another document ($ref)", "#/… within this one")
        found: Any = self._data
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, dict) and key in found:
                found = found[key]
            else:
                raise self._wrong(at, "refers to what is not there ($ref)", "a place of it")
        return found

    def _mapping(self, value: Any, at: At) -> Mapping[Any, Any]:
        if not isinstance(value, dict):
            found = (
                "a list" if isinstance(value, list) else "nothing" if value is None else "a value"
            )
            raise self._wrong(at, "is no mapping", "a mapping of keys", found)
        return value

    def _wrong(self, at: At, problem: str, expected: str, found: str = "") -> UsageError:
        """The place as people write it; what the document has there is never told."""
        shown = ".".join(str(one)[:100] for one in at if str(one).isprintable())
        return UsageError(problem, str(self._path), key=shown, expected=expected, found=found)
