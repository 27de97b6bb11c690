"""Finds what comes along with the product and is no Python package of it, such as the suites."""

from importlib.resources import files
from pathlib import Path


def place_of(name: str, in_checkout: str | None = None) -> Path:
    """Where a file or folder is: inside the installed package, or in a checkout.

    A checkout has it at its top level, under the same path unless `in_checkout` tells another.
    """
    packaged = Path(str(files("readiness").joinpath(name)))
    return packaged if packaged.exists() else Path(__file__).parents[3] / (in_checkout or name)
