"""``python -m lab``: the same as ``scripts/lab``."""

import sys

from lab.errors import WrongRole
from readiness.model.words import EXIT_USAGE

# The lab's modules name machines while they are imported, so roles are read before any command is.
try:
    from lab.cli import main
except WrongRole as error:
    print(f"lab: {error}", file=sys.stderr)
    sys.exit(EXIT_USAGE)

main()
