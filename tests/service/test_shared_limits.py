"""What holds over all replicas together: limits of requests, on one PostgreSQL."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from service.auth.leases import LeasedRates
from service.auth.rates import RateLimited
from service.database import rates
from service.database.engine import Database, open_database
from tests.service.hosting import new_database


@pytest.fixture(scope="module")
def shared(postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with new_database(tmp_path_factory.mktemp("shared"), postgresql) as url:
        yield url


@asynccontextmanager
async def replicas(url: str, count: int) -> AsyncGenerator[list[tuple[LeasedRates, Database]]]:
    """As many processes would have them: each its own connections and memory."""
    if count == 0:
        yield []
        return
    async with open_database(url) as database, replicas(url, count - 1) as others:
        yield [(LeasedRates(database), database), *others]


async def _asked(replica: LeasedRates, who: str, limit: int) -> bool:
    try:
        await replica.take("key", who, limit)
    except RateLimited:
        return False
    return True


@pytest.mark.parametrize("limit", [1, 7, 60, 600])
@pytest.mark.parametrize("crowd", [True, False], ids=["at once", "one after the other"])
async def test_replicas_together_let_a_minute_s_worth_through_and_no_more(shared: str, limit: int, crowd: bool):
    who, asks = os.urandom(4).hex(), limit * 2 + 20
    async with replicas(shared, 3) as each:
        begun = time.monotonic()
        if crowd:
            answers = await asyncio.gather(*(_asked(each[n % 3][0], who, limit) for n in range(asks)))
        else:
            answers = [await _asked(each[n % 3][0], who, limit) for n in range(asks)]
        refilled = (time.monotonic() - begun) * limit / 60
        held = limit // 60 * 2  # leased by replicas that were asked no more
        assert limit - held <= sum(answers) <= limit + refilled + 1
        assert await _asked(each[0][0], who + "'", limit), "others have their own"


async def test_a_busy_key_costs_a_statement_a_second_and_what_is_left_over_is_given_back(shared: str):
    who, limit = os.urandom(4).hex(), 6000
    async with replicas(shared, 2) as [(one, database), (other, _)]:
        moment = 1000.0
        one = LeasedRates(database, lambda: moment)
        for _ in range(1 + 2 + 4 + 8):
            await one.take("key", who, limit)
        got, filling = await rates.lease(database, "key", who, limit, 0, 0)
        assert (got, filling) == (0, pytest.approx(15 / 100, abs=0.14)), "four leases, all used"
        for _ in range(50):
            standing = await one.take("key", who, limit)
        assert 5000 < standing.left < limit  # pyright: ignore[reportPossiblyUnboundVariable]
        moment += 5
        await one.take("key", who, limit)
        assert (await other.take("key", who, limit)).left <= limit
        await rates.forget(database)
