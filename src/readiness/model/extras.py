"""What the base install leaves out: the extra `run`, which looks at live systems."""

from importlib.util import find_spec
from typing import Final

from readiness.model.errors import NotInstalled

RUN: Final = (
    "pytest", "pytest_html", "pytest_metadata", "testinfra", "asyncssh", "psycopg", "requests",
    "redis", "locust", "h2", "chaostoolkit", "chaoslib", "yaml", "detect_secrets",
    "markdown_it",
)  # fmt: skip


def need_run() -> None:
    """Refuse to begin what would break off in the middle.

    Raises:
        NotInstalled: a package of the extra is missing.
    """
    for name in RUN:
        if not _found(name):
            raise missing(name)


def missing(module: str) -> NotInstalled:
    """The refusal, with the command that helps."""
    return NotInstalled(
        f"this command looks at live systems and needs {module.partition('.')[0]}, which the base "
        "install leaves out: pip install 'readiness[run]'"
    )


def _found(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ImportError:
        return False
