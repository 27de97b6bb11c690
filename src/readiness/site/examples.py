"""Writes the pair of files that a new site starts from, and knows the policies to choose from."""

import importlib.resources
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from readiness.model.errors import UsageError
from readiness.site.written import one_of

EXAMPLES: Final = ("environment.yaml", "policy.yaml")
POLICIES: Final = ("go-live", "small-site", "ha-site", "audit-trail")
"""What a site may start from; each says what it leaves out."""


def write_examples(folder: Path, policy: str = POLICIES[0]) -> tuple[Path, ...]:
    """Write environment.yaml and policy.yaml into the folder, which is made if missing.

    Raises:
        UsageError: there is no such policy, one of the files is already there, or the folder can't
            be written; nothing is overwritten.
    """
    texts = {EXAMPLES[0]: example(EXAMPLES[0]), EXAMPLES[1]: policy_text(policy)}
    return write_files(folder, {name: text.encode() for name, text in texts.items()})


def write_files(folder: Path, files: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write files that are not there yet into a folder, which is made if missing.

    Raises:
        UsageError: one of them is already there, or the folder can't be written; nothing is
            overwritten.
    """
    require_new(folder, files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            with (folder / name).open("xb") as stream:
                stream.write(content)
    except OSError as error:
        raise UsageError(f"can't be written ({error.strerror})", file=str(folder)) from None
    return tuple(folder / name for name in files)


def require_new(folder: Path, names: Mapping[str, object] | tuple[str, ...]) -> None:
    """Refuse a folder that has one of the files.

    Raises:
        UsageError: it has; nothing was written.
    """
    for name in names:
        path = folder / name
        if path.exists() or path.is_symlink():
            raise UsageError("is already there; nothing was written", file=str(path))


def policy_text(name: str) -> str:
    """The text of a policy to start from.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in POLICIES:
        expected = f"a policy{one_of(name, POLICIES)}"
        raise UsageError("is unknown", key="--policy", expected=expected, found=f"'{name}'")
    return example(EXAMPLES[1] if name == POLICIES[0] else f"policy-{name}.yaml")


def example(name: str) -> str:
    """The text of one of the examples."""
    return (importlib.resources.files("readiness") / "examples" / name).read_text("utf-8")
