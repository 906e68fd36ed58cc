"""The stream of a thread: live, resumed at any event, and told of what is written by hand; over both databases."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

from tests.conftest import Server
from tests.service.hosting import on_either

BODY: dict[str, Any] = {"assistant_id": "slow", "input": {"log": []}, "stream_mode": ["values", "updates"]}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with on_either(request, tmp_path_factory) as (server, _):
        yield server


@pytest.fixture
async def http(hosted: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hosted.url, headers={"x-api-key": hosted.key}, timeout=60) as client:
        yield client


async def _follow(
    http: httpx.AsyncClient, thread: str, runs: int, last: str | None = None, query: str = ""
) -> list[Any]:
    """(event, data, id) until so many runs have ended."""
    found: list[Any] = []
    headers = {"Last-Event-ID": last} if last else {}
    async with http.stream("GET", f"/threads/{thread}/stream{query}", headers=headers, timeout=30) as stream:
        event: dict[str, str] = {}
        async for line in stream.aiter_lines():
            if not line and event:
                found.append((event["event"], json.loads(event["data"]), event["id"]))
                event = {}
                if sum(data == "run_done" for _, told, _ in found if (data := told.get("status"))) == runs:
                    return found
            elif line and not line.startswith(":"):
                key, _, value = line.partition(": ")
                event[key] = value
    return found


async def test_it_follows_one_run_after_the_other_from_now_on(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    await http.post(f"/threads/{thread}/runs/wait", json={**BODY, "input": {"log": ["before"]}})
    following = asyncio.create_task(_follow(http, thread, 2))
    await asyncio.sleep(0.5)
    for number in range(2):
        await http.post(f"/threads/{thread}/runs", json={**BODY, "input": {"log": [str(number)]}})
    found = await following
    kinds = [kind for kind, _, _ in found]
    one = ["metadata", "values", *["updates", "values"] * 3, "metadata"]
    assert kinds == one * 2
    assert found[1][1]["log"][-1] == "0"
    assert len({name for _, _, name in found}) == len(found)


async def test_it_is_resumed_after_any_event(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    for number in range(2):
        await http.post(f"/threads/{thread}/runs/wait", json={**BODY, "input": {"log": [str(number)]}})
    whole = await _follow(http, thread, 2, last="-")
    for cut in (0, 3, 8, 9, len(whole) - 2):
        left = sum(1 for _, data, _ in whole[cut + 1 :] if data.get("status") == "run_done")
        assert await _follow(http, thread, left, last=whole[cut][2]) == whole[cut + 1 :]


async def test_lifecycle_tells_only_of_beginnings_and_ends(http: httpx.AsyncClient, hosted: Server):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    run = (await http.post(f"/threads/{thread}/runs", json=BODY)).json()
    found = await _follow(http, thread, 1, last="-", query="?stream_modes=lifecycle")
    assert [data for _, data, _ in found] == [
        {"run_id": run["run_id"], "attempt": 1},
        {"status": "run_done", "run_id": run["run_id"]},
    ]
    async with get_client(url=hosted.url, api_key=hosted.key) as client:
        parts: list[Any] = []
        async for part in await client.threads.join_stream(thread, last_event_id="-", stream_mode="lifecycle"):
            parts.append(part)
            if len(parts) == 2:
                break
        assert [part.data for part in parts] == [data for _, data, _ in found]
    assert (await http.get(f"/threads/{thread}/stream?stream_modes=zz")).status_code == 422


async def test_a_write_by_hand_is_told(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    await http.post(f"/threads/{thread}/runs/wait", json=BODY)

    async def first() -> dict[str, Any]:
        async with http.stream("GET", f"/threads/{thread}/stream?stream_modes=state_update", timeout=30) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    return dict(json.loads(line[6:]))
        raise AssertionError("nothing came")

    waiting = asyncio.create_task(first())
    await asyncio.sleep(0.5)
    await http.post(f"/threads/{thread}/state", json={"values": {"log": ["by hand"]}, "as_node": "first"})
    told = await waiting
    assert told["thread_id"] == thread
    assert told["state"]["values"]["log"][-1] == "by hand"
    assert told["state"]["next"] == ["wait"]
