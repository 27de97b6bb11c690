"""Plain progress lines on standard error, with a heartbeat while something long runs."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEARTBEAT = 20.0


def say(text: str) -> None:
    """One line for whoever waits."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step, say every 20 s that it still runs, and how long it took."""
    started = time.monotonic()
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT):
            say(f"{title} … {time.monotonic() - started:.0f} s")

    say(f"{title} …")
    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()
    say(f"{title}: {time.monotonic() - started:.1f} s")
