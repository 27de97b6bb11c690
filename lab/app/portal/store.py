"""Where sessions live: Redis, its master found through Sentinel at every new connection.

Only a token's digest and the user's number are kept, never who the user is. Everything is bounded:
three Sentinels that are silent and a master that is gone cost a request less than two seconds.
"""

import os
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

T = TypeVar("T")

WAIT = 0.35
# A connection that the failover cut is noticed at once; then a new one is worth the time left.
AGAIN_WITHIN = 0.2

#: What a request may meet while no master is reached or it takes no writes.
UNAVAILABLE = (RedisError, OSError)


class Store:
    """The sessions of all users. Times are seconds since the epoch."""

    def __init__(self, redis: Redis, lifetime: int, most: int) -> None:
        self._redis = redis
        self._lifetime = lifetime
        self._most = most

    def start(self, digest: str, user_id: int) -> None:
        """Keep a new session, and end the user's oldest ones beyond the allowed number."""
        self._try(lambda: self._start(digest, user_id))

    def _start(self, digest: str, user_id: int) -> None:
        now = time.time()
        mine = f"sessions-of:{user_id}"
        with self._redis.pipeline() as change:
            change.set(_key(digest), f"{user_id} {now + self._lifetime:.0f}", ex=self._lifetime)
            change.zadd(mine, {digest: now})
            change.expire(mine, self._lifetime)
            change.zrange(mine, 0, -self._most - 1)
            oldest = change.execute()[-1]
        if oldest:
            with self._redis.pipeline() as change:
                change.delete(*map(_key, oldest))
                change.zrem(mine, *oldest)
                change.execute()

    def find(self, digest: str) -> tuple[int, float] | None:
        """The user of a live session, and when it ends."""
        kept = self._try(lambda: self._redis.get(_key(digest)))
        if not kept:
            return None
        user_id, ends = kept.split()
        return int(user_id), float(ends)

    def end(self, digest: str) -> None:
        """End a session; ending one that does not exist is no error."""
        found = self.find(digest)
        if found is None:
            return
        with self._redis.pipeline() as change:
            change.delete(_key(digest))
            change.zrem(f"sessions-of:{found[0]}", digest)
            change.execute()

    def _try(self, ask: Callable[[], T]) -> T:
        """Ask; where a kept connection turned out dead at once, ask a second time."""
        started = time.monotonic()
        try:
            return ask()
        except UNAVAILABLE:
            if time.monotonic() - started > AGAIN_WITHIN:
                raise
            return ask()


@cache
def store(lifetime: int, most: int) -> Store:
    """The store that the environment names, opened once by each process."""
    login: dict[str, Any] = {
        "username": "portal",
        "password": Path(os.environ["PORTAL_SESSIONS_PASSWORD"]).read_text().strip(),
        "ssl": True,
        "ssl_ca_certs": os.environ["PORTAL_SESSIONS_CA"],
        "ssl_check_hostname": True,
        "socket_connect_timeout": WAIT,
        "socket_timeout": WAIT,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
    }
    places = [place.rsplit(":", 1) for place in os.environ["PORTAL_SENTINELS"].split()]
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        [(host, int(port)) for host, port in places], sentinel_kwargs=dict(login), **login
    )
    master: Redis = sentinel.master_for("sessions")  # type: ignore[no-untyped-call]
    return Store(master, lifetime, most)


def _key(digest: str) -> str:
    return f"session:{digest}"
