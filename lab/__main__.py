"""``python -m lab``: the same as ``scripts/lab``."""

from lab.cli import main

main()
