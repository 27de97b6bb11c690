"""Load, offered by processes of their own: importing their library patches sockets and threads."""

from typing import Final

REFUSED: Final = 77
"""How the generator ends when the site says that the synthetic user is none of its users."""
