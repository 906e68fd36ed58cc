"""What holds over all replicas together, on one PostgreSQL: limits of requests, and that a key is revoked."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from service.auth.leases import LeasedRates
from service.auth.rates import RateLimited
from service.database import rates
from service.database.engine import Database, open_database
from tests.conftest import Server, start_server
from tests.service.hosting import new_database, stop


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


@pytest.fixture(scope="module")
def two(shared: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two services over one database, with the same secrets."""
    folder = tmp_path_factory.mktemp("two")
    first = start_server(folder / "one", CONSILIA_DATABASE=shared)
    (folder / "other").mkdir()
    for secret in ("pepper", "sealing-keys", "webhook-secret", "first-key"):
        shutil.copy(folder / "one" / secret, folder / "other" / secret)
    second = start_server(folder / "other", CONSILIA_DATABASE=shared)
    yield first, second
    stop(first)
    stop(second)


async def test_one_limit_holds_at_both_replicas(two: tuple[Server, Server]):
    admin = {"x-api-key": two[0].key}
    async with httpx.AsyncClient(timeout=60) as http:
        asked = {"name": "slow", "scopes": ["read"], "requests_per_minute": 10}
        key = (await http.post(f"{two[0].url}/keys", json=asked, headers=admin)).json()["key"]
        statuses: list[int] = []
        begun = time.monotonic()
        for number in range(30):
            url = f"{two[number % 2].url}/threads/count"
            statuses.append((await http.post(url, json={}, headers={"x-api-key": key})).status_code)
        refilled = (time.monotonic() - begun) * 10 / 60
    assert statuses[:10] == [200] * 10
    assert 10 <= statuses.count(200) <= 10 + refilled + 1
    assert statuses.count(200) + statuses.count(429) == 30


async def test_a_key_revoked_at_one_replica_opens_nothing_at_the_other_within_a_second(two: tuple[Server, Server]):
    here, there = two
    admin = {"x-api-key": here.key}
    async with httpx.AsyncClient(timeout=60) as http:
        made = (await http.post(f"{here.url}/keys", json={"name": "k", "scopes": ["read"]}, headers=admin)).json()
        own = {"x-api-key": made["key"]}
        thread = (await http.post(f"{here.url}/threads", json={}, headers=admin)).json()["thread_id"]
        assert (await http.get(f"{there.url}/threads/{thread}", headers=own)).status_code == 200
        async with http.stream("GET", f"{there.url}/threads/{thread}/stream", headers=own) as stream:
            assert stream.status_code == 200
            revoked = await http.delete(f"{here.url}/keys/{made['key_id']}", headers=admin)
            assert revoked.status_code == 204
            at = time.monotonic()
            while (await http.get(f"{there.url}/threads/{thread}", headers=own)).status_code != 401:
                assert time.monotonic() - at < 1.0
                await asyncio.sleep(0.02)
            run = {"assistant_id": "contract_review", "input": {"file_id": "none"}}
            started = await http.post(f"{here.url}/threads/{thread}/runs", json=run, headers=admin)
            assert started.status_code == 200
            told = [line async for line in stream.aiter_lines()]
        assert [line for line in told if line and not line.startswith(":")] == [], "it ended, and said nothing"
