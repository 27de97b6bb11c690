"""How long the TLS of listeners may take to be scanned."""

from typing import Final

# Seconds for all listeners together, and for each besides: ten times what a quiet machine needs.
SCAN_LEAST: Final = 60.0
SCAN_FOR_EACH: Final = 10.0


def scan_limit(listeners: int) -> float:
    """Seconds within which the TLS of that many listeners is scanned."""
    return SCAN_LEAST + SCAN_FOR_EACH * listeners
