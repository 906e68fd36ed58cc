"""Threads that expire, are made with a history, are shown in part, and end with their run."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.extracting import extract, parse
from tests.conftest import Server, start_server
from tests.service.hosting import declared, on_either, stop

BODY = {"assistant_id": "slow", "input": {"log": []}}
SOON = 0.01
"""Minutes."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with on_either(
        request, tmp_path_factory, CONSILIA_THREADS__SWEEP_SECONDS="0.3", CONSILIA_THREADS__TTL_MINUTES="1000"
    ) as (server, _):
        yield server


@pytest.fixture
async def http(hosted: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hosted.url, headers={"x-api-key": hosted.key}, timeout=60) as client:
        yield client


async def _made(http: httpx.AsyncClient, **body: Any) -> str:
    answer = await http.post("/threads", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["thread_id"])


async def test_a_thread_is_gone_when_its_time_is_over(http: httpx.AsyncClient):
    thread = await _made(http, ttl={"ttl": SOON}, metadata={"kind": "short"})
    shown = (await http.get(f"/threads/{thread}?include=ttl")).json()["ttl"]
    assert shown["ttl_minutes"] == SOON
    assert shown["strategy"] == "delete"
    assert "ttl" not in (await http.get(f"/threads/{thread}")).json()
    await asyncio.sleep(1)
    assert (await http.get(f"/threads/{thread}")).status_code == 404
    assert (await http.post("/threads/search", json={"metadata": {"kind": "short"}})).json() == []


async def test_a_patch_lets_it_live_on(http: httpx.AsyncClient):
    thread = await _made(http, ttl={"ttl": SOON})
    await http.patch(f"/threads/{thread}", json={"ttl": {"ttl": 60}})
    await asyncio.sleep(1)
    assert (await http.get(f"/threads/{thread}?include=ttl")).json()["ttl"]["ttl_minutes"] == 60


async def test_without_a_word_the_settings_count(http: httpx.AsyncClient):
    thread = await _made(http)
    assert (await http.get(f"/threads/{thread}?include=ttl")).json()["ttl"]["ttl_minutes"] == 1000


async def test_keep_latest_leaves_the_newest_checkpoint(http: httpx.AsyncClient):
    thread = await _made(http)
    await http.post(f"/threads/{thread}/runs/wait", json=BODY)
    assert len((await http.get(f"/threads/{thread}/history?limit=10")).json()) > 1
    await http.patch(f"/threads/{thread}", json={"ttl": {"ttl": SOON, "strategy": "keep_latest"}})
    deadline = time.monotonic() + 10
    while len((await http.get(f"/threads/{thread}/history?limit=10")).json()) > 1:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert (await http.get(f"/threads/{thread}/state")).json()["values"] == {"log": ["first", "waited", "last"]}


@pytest.mark.parametrize("ttl", [5, {"ttl": 0}, {"ttl": -1}, {"ttl": 1, "strategy": "zz"}, {"ttl": "x"}, {}])
async def test_a_time_to_live_that_is_none_is_refused(http: httpx.AsyncClient, ttl: Any):
    assert (await http.post("/threads", json={"ttl": ttl})).status_code == 422


async def test_on_completion_delete_ends_the_thread_with_its_run(http: httpx.AsyncClient):
    answer = await http.post("/runs/wait", json={**BODY, "on_completion": "delete"})
    assert answer.json() == {"log": ["first", "waited", "last"]}
    thread = answer.headers["content-location"].split("/")[2]
    assert (await http.get(f"/threads/{thread}")).status_code == 404
    kept = await http.post("/runs/wait", json=BODY)
    assert (await http.get(f"/threads/{kept.headers['content-location'].split('/')[2]}")).status_code == 200


async def test_a_stream_of_a_run_whose_thread_ends_with_it_is_whole(http: httpx.AsyncClient):
    answer = await http.post("/runs/stream", json={**BODY, "on_completion": "delete"})
    assert answer.text.count("event: values") == 4


async def test_a_thread_is_made_with_a_history(http: httpx.AsyncClient):
    steps = [{"updates": [{"values": {"log": [name]}, "as_node": name}]} for name in ("first", "wait")]
    thread = await _made(http, metadata={"graph_id": "slow"}, supersteps=steps)
    state = (await http.get(f"/threads/{thread}/state")).json()
    assert state["values"] == {"log": ["first", "wait"]}
    assert state["next"] == ["last"]
    answer = await http.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "slow"})
    assert answer.json() == {"log": ["first", "wait", "last"]}


@pytest.mark.parametrize("metadata", [{}, {"graph_id": "nobody"}, {"graph_id": "slow"}])
async def test_a_history_that_no_graph_has_is_refused(http: httpx.AsyncClient, metadata: Any):
    steps = [{"updates": [{"values": {"log": []}, "as_node": "nobody"}]}]
    answer = await http.post("/threads", json={"metadata": {"test": "refused", **metadata}, "supersteps": steps})
    assert answer.status_code == 400
    assert (await http.post("/threads/search", json={"metadata": {"test": "refused"}})).json() == []


async def test_a_search_shows_chosen_fields_and_single_values(http: httpx.AsyncClient):
    thread = await _made(http, metadata={"of": "the search"})
    await http.post(f"/threads/{thread}/runs/wait", json=BODY)
    body = {
        "metadata": {"of": "the search"},
        "select": ["thread_id", "status"],
        "extract": {"last": "values.log[-1]", "none": "values.log[9]", "graph": "metadata.graph_id"},
    }
    [found] = (await http.post("/threads/search", json=body)).json()
    assert found == {
        "thread_id": thread,
        "status": "idle",
        "extracted": {"last": "last", "none": None, "graph": "slow"},
    }
    [run] = (await http.get(f"/threads/{thread}/runs?select=run_id&select=status")).json()
    assert set(run) == {"run_id", "status"}
    for wrong in ({"select": ["zz"]}, {"extract": {"x": "zz.a"}}, {"extract": {"x": "values..a"}}):
        assert (await http.post("/threads/search", json=wrong)).status_code == 422


def test_a_path_leads_through_objects_and_lists():
    value = {"values": {"a": [{"b": 1}, {"b": 2}]}}
    assert extract(value, parse("values.a[-1].b")) == 2
    assert extract(value, parse("values.a[0]")) == {"b": 1}
    assert extract(value, parse("values.a.b")) is None
    assert extract(value, parse("values")) == value["values"]


async def test_parallel_deletes_of_a_busy_thread_leave_nothing_behind(http: httpx.AsyncClient, hosted: Server):
    for _ in range(5):
        thread = await _made(http)
        for _ in range(3):
            body = {**BODY, "input": {"log": [], "seconds": 2}}
            assert (await http.post(f"/threads/{thread}/runs", json=body)).status_code == 200
        await asyncio.sleep(0.1)
        answers = await asyncio.gather(*(http.delete(f"/threads/{thread}") for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404]
        assert (await http.get(f"/threads/{thread}")).status_code == 404


@pytest.mark.parametrize("value", [10**30, {"x": 10**30}, [10**30], {"x": [{"y": -(10**25)}]}])
@pytest.mark.parametrize("path", ["/threads/search", "/assistants/search", "/runs/crons/search", "/threads/count"])
async def test_a_filter_with_a_number_beyond_64_bits_is_refused(http: httpx.AsyncClient, path: str, value: Any):
    assert (await http.post(path, json={"metadata": {"n": value}})).status_code == 422


async def test_a_langgraph_json_s_time_to_live_counts(tmp_path: Path):
    path = declared(tmp_path / "graphs")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "checkpointer": {"ttl": {"default_ttl": 77, "strategy": "keep_latest"}}}))
    server = start_server(tmp_path / "var", CONSILIA_LANGGRAPH_JSON=str(path))
    try:
        async with httpx.AsyncClient(base_url=server.url, headers={"x-api-key": server.key}, timeout=60) as http:
            ttl = (await http.get(f"/threads/{await _made(http)}?include=ttl")).json()["ttl"]
            assert (ttl["ttl_minutes"], ttl["strategy"]) == (77, "keep_latest")
    finally:
        stop(server)
