"""How many requests a minute: of one key, of one tenant, and of one address that shows no good key.

Each is a bucket that fills evenly, after the generic cell rate algorithm (ITU-T I.371): a limit of 60 a minute lets 60
come at once and then one a second. These buckets are one process's own, which over SQLite is the only one; processes
over one PostgreSQL share theirs (`service.auth.leases`).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tools.errors import ConsiliaError

_MOST: Final = 100_000
MINUTE: Final = 60.0


class RateLimited(ConsiliaError):
    """Too many requests; `retry_after` says when the next may come."""

    code = "rate_limited"
    status = 429


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bucket stands after a request. limit: requests a minute. left: how many may come at once. seconds: until
    it is full again, or, where nothing is left, until one may come."""

    name: str
    limit: int
    left: int
    seconds: float

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit and RateLimit-Policy, after draft-ietf-httpapi-ratelimit-headers-10."""
        policy = f'"{self.name}";q={self.limit};w={MINUTE:.0f}'
        standing = f'"{self.name}";r={self.left};t={math.ceil(self.seconds)}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", standing.encode())]


def exceeded(name: str, limit: int, wait: float) -> RateLimited:
    """The error of a request too many. wait: seconds until one may come."""
    return RateLimited(
        f"more than {limit} requests a minute by one {name}; the next may come in {wait:.1f} s",
        limit=limit,
        by=name,
        retry_after=max(1, math.ceil(wait)),
    )


class Rates:
    """The buckets of one process. clock: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[tuple[str, str], float] = {}

    def take(self, name: str, who: str, limit: int) -> Standing:
        """Count a request. limit: a minute. Raises RateLimited."""
        moment, pause = self._clock(), MINUTE / limit
        full_at = max(self._full_at.get((name, who), moment), moment)
        wait = full_at + pause - moment - MINUTE
        if wait > 1e-9:
            raise exceeded(name, limit, wait)
        self._make_room(moment)
        full_at = self._full_at[name, who] = full_at + pause
        return self._standing(name, limit, full_at - moment)

    def _standing(self, name: str, limit: int, filling: float) -> Standing:
        return Standing(name, limit, max(0, int((MINUTE - filling) * limit / MINUTE + 1e-9)), filling)

    def _make_room(self, moment: float) -> None:
        """Forget the buckets that are full, once there are very many; all, where that is not enough."""
        if len(self._full_at) < _MOST:
            return
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > moment}
        if len(self._full_at) >= _MOST:
            self._full_at.clear()
