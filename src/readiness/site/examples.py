"""Writes the commented example pair that a new site starts from."""

import importlib.resources
from pathlib import Path
from typing import Final

from readiness.model.errors import UsageError

EXAMPLES: Final = ("environment.yaml", "policy.yaml")


def write_examples(folder: Path) -> tuple[Path, ...]:
    """Write environment.yaml and policy.yaml into the folder, which is made if missing.

    Raises:
        UsageError: one of them is already there, or the folder can't be written; nothing is
            overwritten.
    """
    paths = tuple(folder / name for name in EXAMPLES)
    for path in paths:
        if path.exists() or path.is_symlink():
            raise UsageError("is already there; nothing was written", file=str(path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(example(path.name))
    except OSError as error:
        raise UsageError(f"can't be written ({error.strerror})", file=str(folder)) from None
    return paths


def example(name: str) -> str:
    """The text of one of the examples."""
    return (importlib.resources.files("readiness") / "examples" / name).read_text("utf-8")
