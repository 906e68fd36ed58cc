"""Load on one Agent Server on this machine, and its figures. Bounded in count."""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Figure:
    """per_second: finished in a second. p50, p99: milliseconds. errors: of all."""

    name: str
    per_second: float
    p50: float
    p99: float
    errors: int = 0


class Load:
    """A client of one server. assistants: by graph name. headers: for its authentication."""

    def __init__(self, url: str, headers: dict[str, str], assistants: dict[str, str]) -> None:
        limits = httpx.Limits(max_connections=4096, max_keepalive_connections=256)
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=180, limits=limits)
        self._assistants = assistants

    async def close(self) -> None:
        await self._http.aclose()

    def _body(self, graph: str = "three", **more: Any) -> dict[str, Any]:
        return {"assistant_id": self._assistants[graph], "input": {"text": "hi"}, **more}

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        response = await self._http.post(path, json=body)
        response.raise_for_status()
        return response.json()

    async def measure(self, name: str, clients: int, count: int, call: Callable[[], Awaitable[Any]]) -> Figure:
        """`count` calls by `clients` at a time."""
        places, took, errors = asyncio.Semaphore(clients), list[float](), 0

        async def one() -> None:
            nonlocal errors
            async with places:
                began = time.perf_counter()
                try:
                    await call()
                except (httpx.HTTPError, OSError):
                    errors += 1
                took.append((time.perf_counter() - began) * 1000)

        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(count)))
        whole = time.perf_counter() - began
        took.sort()
        return Figure(name, count / whole, took[len(took) // 2], took[int(len(took) * 0.99)], errors)

    async def wait(self, **more: Any) -> None:
        await self._post("/runs/wait", self._body(**more))

    async def thread_and_wait(self) -> None:
        thread = (await self._post("/threads", {}))["thread_id"]
        await self._post(f"/threads/{thread}/runs/wait", self._body())

    async def first_event(self) -> None:
        body = self._body(stream_mode=["updates"])
        async with self._http.stream("POST", "/runs/stream", json=body) as response:
            response.raise_for_status()
            async for _ in response.aiter_lines():
                return

    async def search(self) -> None:
        await self._post("/threads/search", {"limit": 10})

    async def list_runs(self, thread: str) -> None:
        (await self._http.get(f"/threads/{thread}/runs")).raise_for_status()

    async def background(self, count: int) -> Figure:
        """`count` runs started, until all have ended."""
        places, started = asyncio.Semaphore(32), list[tuple[str, str]]()

        async def start() -> None:
            async with places:
                thread = (await self._post("/threads", {}))["thread_id"]
                run = await self._post(f"/threads/{thread}/runs", self._body())
                started.append((thread, run["run_id"]))

        began = time.perf_counter()
        await asyncio.gather(*(start() for _ in range(count)))
        for thread, run in started:
            path = f"/threads/{thread}/runs/{run}"
            while (await self._http.get(path)).json()["status"] in ("pending", "running"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        whole = time.perf_counter() - began
        return Figure(f"{count} background runs, all done", count / whole, whole * 1000, whole * 1000)

    async def pick_up(self, count: int) -> Figure:
        """From a run's acceptance to its start, one run after the other, as their rows tell it."""
        took: list[float] = []
        began = time.perf_counter()
        for _ in range(count):
            thread = (await self._post("/threads", {}))["thread_id"]
            run = await self._post(f"/threads/{thread}/runs", self._body())
            (await self._http.get(f"/threads/{thread}/runs/{run['run_id']}/join")).raise_for_status()
            row = (await self._http.get(f"/threads/{thread}/runs/{run['run_id']}")).json()
            moments = [datetime.fromisoformat(row[name]) for name in ("created_at", "started_at")]
            took.append((moments[1] - moments[0]).total_seconds() * 1000)
        took.sort()
        rate = count / (time.perf_counter() - began)
        return Figure("from accepted to started", rate, took[len(took) // 2], took[int(len(took) * 0.99)])

    async def in_flight(self, count: int, seconds: float) -> tuple[Figure, list[float]]:
        """`count` runs at a time, each waiting `seconds`; meanwhile how long /ok took, milliseconds."""
        command = [sys.executable, "-m", "benchmarks.agent_server.probe", str(self._http.base_url)]
        probe = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
        body = {"assistant_id": self._assistants["slow"], "input": {"seconds": seconds}}
        figure = await self.measure(f"{count} in flight", count, count, lambda: self._post("/runs/wait", body))
        said, _ = await probe.communicate(b"\n")
        return figure, sorted(json.loads(said))
