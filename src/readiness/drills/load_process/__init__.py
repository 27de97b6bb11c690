"""Load, offered by processes of their own: importing their library patches sockets and threads."""

from typing import Final

MODULE: Final = "readiness.drills.load_process"
REFUSED: Final = 77
"""How the generator ends when the site says that the synthetic user is none of its users."""
