"""Writes the catalogue of a site's own checks from their test files; it imports them."""

import importlib.util
from pathlib import Path

from pydantic import TypeAdapter

from readiness.catalogue import checks as catalogue
from readiness.catalogue.checks import Check
from readiness.catalogue.own import CATALOGUE
from readiness.model.errors import UsageError
from readiness.site.own_files import TESTS


def write_catalogue(own_file: Path) -> tuple[Check, ...]:
    """Write the catalogue beside the file and return its checks.

    Raises:
        UsageError: a test file can't be imported, declares no check, or an id stands twice.
    """
    found: dict[str, Check] = {}
    for path in sorted(own_file.absolute().parent.glob(TESTS)):
        for entry in _declared(path):
            if entry.id in found:
                raise UsageError("is declared twice", file=str(path), key=entry.id)
            found[entry.id] = entry
    if not found:
        raise UsageError(
            "no check is declared here",
            file=str(own_file.parent),
            expected="functions with @check in files called test_*.py",
        )
    checks = tuple(found[name] for name in sorted(found))
    text = TypeAdapter(tuple[Check, ...]).dump_json(checks, indent=1).decode() + "\n"
    target = own_file.absolute().parent / CATALOGUE
    draft = target.with_name(f"{target.name}.new")
    draft.write_text(text)
    draft.replace(target)
    return checks


def _declared(path: Path) -> list[Check]:
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError("is no Python module", file=str(path))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"can't be imported: {error!r}", file=str(path)) from error
    return list(filter(None, map(catalogue.of, vars(module).values())))
