"""Reports of security scanners: what was scanned, when, whether to its end, and what it found."""
