"""The client of all measurements: the same for every gateway, in a process of its own."""

import asyncio
import statistics
import time
from dataclasses import dataclass

import aiohttp
import orjson
import psutil

BODY = orjson.dumps(
    {
        "model": "bench",
        "messages": [{"role": "user", "content": "Does the contract renew by itself? " * 8}],
        "max_tokens": 64,
    }
)


@dataclass(frozen=True)
class Target:
    """A server to ask. key: sent as a bearer token. pid: its process, whose children count with it."""

    name: str
    url: str
    key: str = "none"
    pid: int = 0

    def cpu_seconds(self) -> float:
        """Processor time that it has taken so far: what a request costs, however busy the machine is."""
        me = psutil.Process(self.pid)
        times = [each.cpu_times() for each in (me, *me.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    @property
    def headers(self) -> dict[str, str]:
        return {"content-type": "application/json", "authorization": f"Bearer {self.key}"}


async def latencies(target: Target, requests: int) -> list[float]:
    """Milliseconds of requests one after another, over one kept connection."""
    async with aiohttp.ClientSession() as session:
        taken: list[float] = []
        for _ in range(requests):
            started = time.perf_counter()
            await _ask(session, target)
            taken.append((time.perf_counter() - started) * 1000)
        return taken


async def rate(target: Target, clients: int, requests: int) -> float:
    """Requests a second with so many clients at a time."""
    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(connector=connector) as session:
        left = iter(range(requests))

        async def client() -> None:
            for _ in left:
                await _ask(session, target)

        started = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        return requests / (time.perf_counter() - started)


def p50(values: list[float]) -> float:
    return statistics.median(values)


async def _ask(session: aiohttp.ClientSession, target: Target) -> None:
    async with session.post(f"{target.url}/v1/chat/completions", data=BODY, headers=target.headers) as answer:
        body = await answer.read()
        if answer.status != 200 or b"Yes, it does." not in body:
            raise RuntimeError(f"{target.name} answered {answer.status}: {body[:300]!r}")
