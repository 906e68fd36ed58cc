"""How many requests a minute, over all processes of an installation: each leases a few from buckets in PostgreSQL.

A lease is one statement and serves the requests of a second, so a busy key costs each process a statement a second and
not one a request. It begins with one request and doubles with use, up to a second's worth of the limit; what was leased
and not used is given back with the next. So together the processes never let more than the limit through, and at the
limit a process may refuse for a second what another holds unused.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.auth.rates import MINUTE, Standing, exceeded
from service.database import rates
from service.database.engine import Database

LEASED_SECONDS: Final = 1.0
"""How long a lease is good."""

_MOST: Final = 100_000


@dataclass(slots=True)
class _Bucket:
    """What this process holds of a bucket. left: requests in hand, good until `until`. used: of the last lease.
    waiting: requests that have none. filling: seconds until the bucket is full, as of the lease. closed: nothing is to
    be had before. Times are the clock's."""

    left: int = 0
    until: float = 0.0
    used: int = 0
    waiting: int = 0
    filling: float = 0.0
    closed: float = 0.0
    leasing: "asyncio.Task[None] | None" = None


class LeasedRates:
    """Use one a process, over PostgreSQL. clock: monotonic seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    async def take(self, name: str, who: str, limit: int) -> Standing:
        """Count a request, as `Rates.take`. Raises RateLimited, SQLAlchemyError."""
        bucket = self._buckets.get((name, who))
        if bucket is None:
            self._make_room()
            bucket = self._buckets[name, who] = _Bucket()
        while True:
            moment = self._clock()
            if bucket.left and moment < bucket.until:
                bucket.left -= 1
                bucket.used += 1
                free = bucket.left + max(0, int((MINUTE - bucket.filling) * limit / MINUTE + 1e-6))
                return Standing(name, limit, free, bucket.filling)
            if moment < bucket.closed:
                raise exceeded(name, limit, bucket.closed - moment)
            bucket.waiting += 1
            try:
                await asyncio.shield(self._lease(bucket, name, who, limit))
            finally:
                bucket.waiting -= 1

    def _lease(self, bucket: _Bucket, name: str, who: str, limit: int) -> "asyncio.Task[None]":
        """The statement under way; a crowd shares it."""
        if bucket.leasing is None:
            bucket.leasing = asyncio.create_task(self._leased(bucket, name, who, limit))
            bucket.leasing.add_done_callback(lambda done: done.cancelled() or done.exception())
        return bucket.leasing

    async def _leased(self, bucket: _Bucket, name: str, who: str, limit: int) -> None:
        await asyncio.sleep(0)  # whoever came in the same turn of the loop is counted as waiting
        most = max(1, limit // math.ceil(MINUTE / LEASED_SECONDS))
        want = max(min(most, 2 * bucket.used), bucket.waiting, 1)
        back, bucket.left = bucket.left, 0
        try:
            got, filling = await rates.lease(self._database, name, who, limit, want, back)
        finally:
            bucket.leasing = None
        moment = self._clock()
        bucket.left, bucket.used, bucket.until, bucket.filling = got, 0, moment + LEASED_SECONDS, filling
        if not got:
            bucket.closed = moment + max(filling + MINUTE / limit - MINUTE, 0.01)

    def _make_room(self) -> None:
        """Forget what holds nothing, once there are very many; all, where that is not enough."""
        if len(self._buckets) < _MOST:
            return
        moment = self._clock()
        self._buckets = {
            key: each for key, each in self._buckets.items() if each.until > moment or each.closed > moment
        }
        if len(self._buckets) >= _MOST:
            self._buckets.clear()
