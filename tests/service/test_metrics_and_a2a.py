"""/metrics, Agent2Agent and a thread's storage, through a real service over both databases."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Server
from tests.service.hosting import on_either

TEXT = [{"kind": "text", "text": "hi"}]
LOG = [{"kind": "data", "data": {"log": ["x"]}}]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def hosted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with on_either(request, tmp_path_factory, CONSILIA_LIMITS__CONCURRENT_RUNS="2") as (server, _):
        yield server


@pytest.fixture
async def http(hosted: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hosted.url, headers={"x-api-key": hosted.key}, timeout=60) as client:
        yield client


def _families(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


async def test_requests_are_counted_by_their_route(http: httpx.AsyncClient):
    path = ("POST", "/threads/{thread_id}/runs/wait", "200")
    before = _families((await http.get("/metrics")).text).get("lg_api_http_requests_total", {}).get(path, 0)
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    for _ in range(3):
        await http.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "slow", "input": {"log": []}})
    answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = _families(answer.text)
    assert families["lg_api_http_requests_total"][path] == before + 3
    assert families["lg_api_http_requests_latency_count"][path[:2]] == before + 3
    assert families["process_resident_memory_bytes"]
    assert thread not in answer.text
    counted = (await http.get("/metrics?format=json")).json()["api"]["http_requests_total"]
    assert {"method": "POST", "path": path[1], "status": 200, "count": int(before) + 3} in counted


async def test_the_queue_is_shown_as_it_is(http: httpx.AsyncClient):
    idle = (await http.get("/metrics?format=json")).json()
    assert idle["queue"] == {
        "n_pending": 0,
        "pending_runs_wait_time_max_secs": None,
        "pending_runs_wait_time_med_secs": None,
        "pending_unblocked_runs_wait_time_max_secs": None,
        "n_running": 0,
    }
    assert idle["workers"] == {"max": 2, "active": 0, "available": 2}
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    body = {"assistant_id": "slow", "input": {"log": [], "seconds": 1.5}}
    for _ in range(3):
        await http.post(f"/threads/{thread}/runs", json=body)
    await asyncio.sleep(0.8)
    busy = (await http.get("/metrics?format=json")).json()
    assert (busy["queue"]["n_pending"], busy["queue"]["n_running"]) == (2, 1)
    assert 0.3 < busy["queue"]["pending_runs_wait_time_max_secs"] < 20
    assert busy["queue"]["pending_unblocked_runs_wait_time_max_secs"] is None
    assert _families((await http.get("/metrics")).text)["lg_api_num_pending_runs"][()] == 2
    assert (await http.delete(f"/threads/{thread}")).status_code == 204


async def test_an_unknown_format_is_the_usual_one(http: httpx.AsyncClient):
    assert "lg_api_workers_max" in (await http.get("/metrics?format=zz")).text


async def _call(http: httpx.AsyncClient, assistant: str, method: str, params: Any, **over: Any) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": "7", "method": method, "params": params, **over}
    answer = await http.post(f"/a2a/{assistant}", json=body)
    assert answer.status_code == 200
    assert answer.json()["id"] in ("7", None)
    return dict(answer.json())


def _message(parts: Any, **more: Any) -> dict[str, Any]:
    return {"message": {"role": "user", "parts": parts, "messageId": "m1", **more}}


async def test_a_card_says_what_an_assistant_takes(http: httpx.AsyncClient, hosted: Server):
    card = (await http.get("/.well-known/agent-card.json?assistant_id=talking")).json()
    assert card["url"].startswith(f"{hosted.url}/a2a/")
    assert card["capabilities"]["streaming"] is True
    assert card["skills"][0]["metadata"]["inputSchema"]["supportsA2A"] is True
    assert (await http.get(card["url"])).json() == card
    slow = (await http.get("/.well-known/agent-card.json?assistant_id=slow")).json()
    assert slow["skills"][0]["metadata"]["inputSchema"] == {
        "required": [],
        "properties": ["seconds", "log"],
        "supportsA2A": False,
    }
    assert (await http.get("/.well-known/agent-card.json")).status_code == 422
    assert (await http.get("/.well-known/agent-card.json?assistant_id=nobody")).status_code == 404


async def test_a_conversation_goes_on_in_its_context(http: httpx.AsyncClient):
    task = (await _call(http, "talking", "message/send", _message(TEXT)))["result"]
    assert task["status"]["state"] == "completed"
    assert [each["role"] for each in task["history"]] == ["user", "agent"]
    assert task["history"][0]["messageId"] == "m1"
    assert task["artifacts"][0]["parts"] == [{"kind": "text", "text": "hello big world"}]
    more = _message(TEXT, contextId=task["contextId"], messageId="m2")
    second = (await _call(http, "talking", "message/send", more))["result"]
    assert second["contextId"] == task["contextId"]
    assert second["id"] != task["id"]
    assert len(second["history"]) == 4
    got = (await _call(http, "talking", "tasks/get", {"id": task["id"], "historyLength": 1}))["result"]
    assert got["status"]["state"] == "completed"
    assert [each["role"] for each in got["history"]] == ["agent"]


async def test_a_task_that_needs_an_answer_takes_the_next_message_for_it(http: httpx.AsyncClient):
    task = (await _call(http, "asking", "message/send", _message(LOG)))["result"]
    assert task["status"]["state"] == "input-required"
    assert task["artifacts"][0]["parts"][0]["data"]["value"] == {"question": "go on?"}
    answer = _message([{"kind": "text", "text": "yes"}], contextId=task["contextId"])
    done = (await _call(http, "asking", "message/send", answer))["result"]
    assert done["status"]["state"] == "completed"
    assert done["artifacts"][0]["parts"] == [{"kind": "data", "data": {"log": ["x", "first", "told yes", "last"]}}]


async def test_a_failed_run_is_a_failed_task(http: httpx.AsyncClient):
    task = (await _call(http, "failing", "message/send", _message(LOG)))["result"]
    assert task["status"]["state"] == "failed"
    assert task["status"]["message"]["parts"][0]["text"] == "a planned failure"


async def test_a_task_is_cancelled(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    body = {"assistant_id": "slow", "input": {"log": [], "seconds": 20}}
    run = (await http.post(f"/threads/{thread}/runs", json=body)).json()
    await asyncio.sleep(0.3)
    wanted = {"id": f"{thread}:{run['run_id']}", "contextId": thread}
    assert (await _call(http, "slow", "tasks/get", wanted))["result"]["status"]["state"] == "working"
    cancelled = (await _call(http, "slow", "tasks/cancel", wanted))["result"]
    assert cancelled["status"]["state"] == "canceled"
    assert (await _call(http, "slow", "tasks/cancel", wanted))["error"]["code"] == -32002


async def test_a_stream_tells_the_task_what_is_said_and_the_end(http: httpx.AsyncClient):
    body = {"jsonrpc": "2.0", "id": 1, "method": "message/stream", "params": _message(TEXT)}
    answer = await http.post("/a2a/talking", json=body, headers={"accept": "text/event-stream"})
    results = [json.loads(line[6:])["result"] for line in answer.text.splitlines() if line.startswith("data: ")]
    assert results[0]["kind"] == "task"
    assert results[0]["status"]["state"] == "submitted"
    spoken = [each["status"]["message"]["parts"][0]["text"] for each in results if each.get("final") is False]
    assert spoken[0] == "hello"
    assert spoken[-1] == "hello big world"
    assert results[-2]["artifact"]["parts"] == [{"kind": "text", "text": "hello big world"}]
    assert results[-1]["status"]["state"] == "completed"
    assert results[-1]["final"] is True
    refused = await http.post("/a2a/talking", json=body, headers={"accept": "application/json"})
    assert refused.status_code == 400


@pytest.mark.parametrize(
    ("assistant", "method", "params", "code"),
    [
        ("talking", "zz", {}, -32601),
        ("talking", "message/send", {}, -32602),
        ("talking", "message/send", _message([]), -32602),
        ("talking", "message/send", _message([{"kind": "file", "file": {}}]), -32005),
        ("talking", "message/send", _message(TEXT, contextId="zz"), -32602),
        ("slow", "message/send", _message(TEXT), -32602),
        ("nobody", "message/send", _message(TEXT), -32602),
        ("talking", "tasks/get", {"id": "zz"}, -32001),
        ("talking", "tasks/get", {"id": "zz", "historyLength": 11}, -32602),
        ("talking", "tasks/cancel", {"id": "00000000-0000-0000-0000-00000000abcd"}, -32001),
    ],
)
async def test_a_call_that_cannot_be_answered_gets_the_protocol_s_error(
    http: httpx.AsyncClient, assistant: str, method: str, params: Any, code: int
):
    assert (await _call(http, assistant, method, params))["error"]["code"] == code


async def test_what_is_no_json_rpc_is_told_so(http: httpx.AsyncClient):
    assert (await _call(http, "talking", "tasks/get", {}, jsonrpc="1.0"))["error"]["code"] == -32600
    answer = await http.post("/a2a/talking", content=b"zz", headers={"content-type": "application/json"})
    assert answer.json()["error"]["code"] == -32700
    assert (await httpx.AsyncClient(base_url=http.base_url).post("/a2a/talking", json={})).status_code == 401


async def test_a_thread_s_storage_is_added_up(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    assert (await http.get(f"/threads/{thread}/storage")).json()["total_bytes"] == 0
    body = {"assistant_id": "slow", "input": {"log": ["x" * 30_000]}}
    await http.post(f"/threads/{thread}/runs/wait", json=body)
    found = (await http.get(f"/threads/{thread}/storage")).json()
    assert found["checkpoints"]["count"] >= 4
    assert found["channel_values"]["by_channel"]["log"]["bytes"] > 30_000
    parts = (found["checkpoints"], found["channel_values"], found["pending_writes"])
    assert found["total_bytes"] == sum(part["bytes"] for part in parts)
