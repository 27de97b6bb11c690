"""Redis: what keeps sessions, and how it treats who asks."""
