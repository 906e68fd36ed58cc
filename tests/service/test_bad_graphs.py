"""Graphs that misbehave: their run ends in error with the reason, and the service goes on answering."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Server, start_server
from tests.service.hosting import RUN_GRAPHS, stop

NAMES = (
    "slow",
    "asking",
    "failing",
    "strange",
    "endless",
    "blocking",
    "spinning",
    "stubbornly",
    "spinning_thread",
    "sleeping_thread",
)
BLOCK_SECONDS = 1.0
RUN_SECONDS = 6.0


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hosted")
    shutil.copy(RUN_GRAPHS, folder / "run_graphs.py")
    graphs = {name: f"./run_graphs.py:{name}" for name in NAMES}
    (folder / "langgraph.json").write_text(json.dumps({"graphs": graphs}))
    server = start_server(
        folder / "var",
        CONSILIA_LANGGRAPH_JSON=str(folder / "langgraph.json"),
        CONSILIA_LIMITS__RECURSION="20",
        CONSILIA_LIMITS__BLOCK_SECONDS=str(BLOCK_SECONDS),
        CONSILIA_LIMITS__RUN_SECONDS=str(RUN_SECONDS),
        CONSILIA_LIMITS__NODE_THREADS="8",
        CONSILIA_LIMITS__INPUT_BYTES="20000",
        CONSILIA_LIMITS__BODY_BYTES="40000",
    )
    yield server
    stop(server)


@pytest.fixture
async def http(hosted: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hosted.url, headers={"x-api-key": hosted.key}, timeout=40) as client:
        yield client


async def _failed(http: httpx.AsyncClient, assistant: str, **input: Any) -> dict[str, Any]:
    """The error of a run that ends in one."""
    answer = await http.post("/runs/wait", json={"assistant_id": assistant, "input": {"log": [], **input}})
    run = (await http.get(answer.headers["content-location"])).json()
    assert run["status"] in ("error", "timeout")
    assert answer.json()["__error__"]["message"] == run["error"]["message"]
    return dict(run["error"])


def _line_of(text: str) -> int:
    return next(number for number, line in enumerate(RUN_GRAPHS.read_text().splitlines(), 1) if text in line)


async def test_an_error_names_the_file_the_line_and_the_node(http: httpx.AsyncClient):
    error = await _failed(http, "failing")
    assert error["type"] == "ValueError"
    assert error["message"] == "a planned failure"
    assert error["details"]["file"].endswith("run_graphs.py")
    assert error["details"]["line"] == _line_of("a planned failure")
    assert error["details"]["function"] == "fail"
    assert error["details"]["node"] == "fail"


async def test_a_graph_that_loops_for_ever_reaches_the_recursion_limit(http: httpx.AsyncClient):
    assert (await _failed(http, "endless"))["code"] == "recursion_limit"


async def test_what_cannot_be_serialised_is_named(http: httpx.AsyncClient):
    error = await _failed(http, "strange")
    assert "Lock" in error["message"]


@pytest.mark.parametrize("assistant", ["blocking", "spinning"])
async def test_a_node_that_blocks_the_event_loop_is_ended(http: httpx.AsyncClient, assistant: str):
    begun = time.monotonic()
    error = await _failed(http, assistant)
    assert time.monotonic() - begun < BLOCK_SECONDS + 3
    assert error["code"] == "event_loop_blocked"
    assert "run_graphs.py" in error["message"]
    if assistant == "blocking":
        line = _line_of('state.get("seconds", 60)')
        assert f"run_graphs.py:{line} (block)" in error["message"]
    assert (await http.get("/ok")).status_code == 200


async def test_a_node_that_catches_its_end_is_ended_again(http: httpx.AsyncClient):
    assert (await _failed(http, "stubbornly"))["code"] == "event_loop_blocked"


async def test_others_runs_end_well_while_a_node_blocks(http: httpx.AsyncClient):
    slow = {"assistant_id": "slow", "input": {"log": [], "seconds": 0.5}}
    others = [asyncio.create_task(http.post("/runs/wait", json=slow)) for _ in range(5)]
    error = await _failed(http, "blocking")
    assert error["code"] == "event_loop_blocked"
    assert [(await other).json()["log"] for other in others] == [["first", "waited", "last"]] * 5


async def test_a_short_block_is_no_reason_to_end_a_run(http: httpx.AsyncClient):
    body = {"assistant_id": "blocking", "input": {"log": [], "seconds": BLOCK_SECONDS / 3}}
    assert (await http.post("/runs/wait", json=body)).json()["log"] == ["first", "blocked"]


async def test_a_synchronous_node_that_sleeps_keeps_nobody_waiting(http: httpx.AsyncClient):
    body = {"assistant_id": "sleeping_thread", "input": {"log": [], "seconds": 2}}
    run = asyncio.create_task(http.post("/runs/wait", json=body))
    await asyncio.sleep(0.5)
    begun = time.monotonic()
    assert (await http.get("/ok")).status_code == 200
    assert time.monotonic() - begun < 0.5
    assert (await run).json()["log"] == ["slept"]


async def test_synchronous_nodes_that_never_return_give_their_threads_back(http: httpx.AsyncClient):
    """Twice as many as there are threads: each ends at the run's time limit, and its thread with it."""
    started = [asyncio.create_task(_failed(http, "spinning_thread")) for _ in range(8)]
    errors = await asyncio.gather(*started)
    assert {error["code"] for error in errors} == {"run_timeout"}
    body = {"assistant_id": "sleeping_thread", "input": {"log": [], "seconds": 0.1}}
    begun = time.monotonic()
    assert (await http.post("/runs/wait", json=body)).json()["log"] == ["slept"]
    assert time.monotonic() - begun < 4


async def test_an_input_beyond_the_limit_is_refused_with_both_sizes(http: httpx.AsyncClient):
    body = {"assistant_id": "slow", "input": {"log": ["x" * 20_000]}}
    answer = await http.post("/runs/wait", json=body)
    assert answer.status_code == 413
    assert answer.json()["code"] == "input_too_large"
    assert "20012 bytes" in answer.json()["detail"]
    assert "20000 bytes" in answer.json()["detail"]
    whole = await http.post("/runs/wait", json={**body, "input": {"log": ["x" * 50_000]}})
    assert (whole.status_code, whole.json()["code"]) == (413, "body_too_large")
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    command = {"assistant_id": "slow", "command": {"update": {"log": ["x" * 20_000]}}}
    assert (await http.post(f"/threads/{thread}/runs", json=command)).status_code == 413


@pytest.mark.parametrize(
    "schedule", ["zz", "61 * * * *", "* * * *", "", "* * * * * * * *", "0 0 31 2 *", "@never", "*/0 * * * *"]
)
async def test_a_malformed_schedule_is_refused_with_the_reason(http: httpx.AsyncClient, schedule: str):
    answer = await http.post("/runs/crons", json={"assistant_id": "slow", "schedule": schedule})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("invalid_schedule", "invalid_request")


async def test_a_resume_of_a_thread_that_waits_for_nothing_is_refused(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    resume = {"assistant_id": "asking", "command": {"resume": "yes"}}
    for path in (f"/threads/{thread}/runs/wait", "/runs/wait", f"/threads/{thread}/runs"):
        answer = await http.post(path, json=resume)
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_resume")
    await http.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "asking", "input": {"log": []}})
    answer = await http.post(f"/threads/{thread}/runs/wait", json=resume)
    assert answer.json()["log"] == ["first", "told yes", "last"]
    again = await http.post(f"/threads/{thread}/runs/wait", json=resume)
    assert again.json()["code"] == "nothing_to_resume"


async def test_a_resume_after_a_breakpoint_is_none_of_nothing(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    body = {"assistant_id": "slow", "input": {"log": []}, "interrupt_before": ["wait"]}
    assert (await http.post(f"/threads/{thread}/runs/wait", json=body)).json()["log"] == ["first"]
    answer = await http.post(f"/threads/{thread}/runs/wait", json={"assistant_id": "slow", "command": {"resume": 1}})
    assert answer.json()["log"] == ["first", "waited", "last"]


async def test_a_busy_thread_s_state_is_not_to_be_written(http: httpx.AsyncClient):
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    body = {"assistant_id": "slow", "input": {"log": [], "seconds": 1}}
    run = (await http.post(f"/threads/{thread}/runs", json=body)).json()
    answer = await http.post(f"/threads/{thread}/state", json={"values": {"log": ["x"]}})
    assert answer.status_code == 409
    assert run["run_id"] in answer.json()["detail"]


@pytest.mark.parametrize("mode", ["zz", ["values", "zz"], [], 5])
async def test_a_stream_mode_that_does_not_exist_is_refused(http: httpx.AsyncClient, mode: Any):
    answer = await http.post("/runs/stream", json={"assistant_id": "slow", "input": {"log": []}, "stream_mode": mode})
    assert answer.status_code == (200 if mode == [] else 422)
    if mode != []:
        assert "stream_mode" in answer.json()["detail"]


async def test_what_is_unknown_is_404(http: httpx.AsyncClient):
    nobody = "00000000-0000-0000-0000-00000000abcd"
    thread = (await http.post("/threads", json={})).json()["thread_id"]
    body: dict[str, Any] = {"assistant_id": "slow", "input": {"log": []}}
    asked = [
        ("POST", "/runs", {**body, "assistant_id": nobody}),
        ("POST", "/runs/wait", {**body, "assistant_id": "nobody"}),
        ("POST", f"/threads/{nobody}/runs", body),
        ("GET", f"/threads/{nobody}", None),
        ("GET", f"/threads/{thread}/runs/{nobody}", None),
        ("GET", f"/threads/{thread}/runs/{nobody}/join", None),
        ("GET", f"/threads/{thread}/runs/{nobody}/stream", None),
        ("POST", f"/threads/{thread}/runs/{nobody}/cancel", None),
        ("GET", f"/threads/{thread}/state/{nobody}", None),
        ("POST", f"/threads/{thread}/state/checkpoint", {"checkpoint": {"checkpoint_id": nobody}}),
        ("POST", f"/threads/{thread}/runs", {**body, "checkpoint_id": nobody}),
        ("POST", "/runs", {**body, "checkpoint_id": nobody}),
    ]
    for method, path, json_body in asked:
        answer = await http.request(method, path, json=json_body)
        assert answer.status_code == 404, (path, answer.text)
        assert isinstance(answer.json()["detail"], str)


async def test_an_input_that_does_not_fit_names_its_field(http: httpx.AsyncClient):
    answer = await http.post("/runs/wait", json={"assistant_id": "slow", "input": {"seconds": "soon"}})
    assert answer.status_code == 422
    assert "seconds" in answer.json()["detail"]


async def test_a_node_that_never_returns_does_not_keep_the_service_from_stopping(tmp_path: Path):
    shutil.copy(RUN_GRAPHS, tmp_path / "run_graphs.py")
    graphs = {"sleeping_thread": "./run_graphs.py:sleeping_thread"}
    (tmp_path / "langgraph.json").write_text(json.dumps({"graphs": graphs}))
    server = start_server(
        tmp_path / "var",
        CONSILIA_LANGGRAPH_JSON=str(tmp_path / "langgraph.json"),
        CONSILIA_LIMITS__DRAIN_SECONDS="1",
    )
    async with httpx.AsyncClient(base_url=server.url, headers={"x-api-key": server.key}) as http:
        await http.post("/runs", json={"assistant_id": "sleeping_thread", "input": {"log": [], "seconds": 600}})
        await asyncio.sleep(0.5)
    begun = time.monotonic()
    server.process.terminate()
    server.process.wait(20)
    assert time.monotonic() - begun < 15
