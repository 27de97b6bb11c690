"""One run: its plan, its connections, and what it has seen so far."""
