"""Threads, runs and streams through the real langgraph-sdk, async and sync, and RemoteGraph."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.client import LangGraphClient

from tests.conftest import Server, start_server
from tests.service.hosting import declared


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hosted")
    graphs = declared(folder / "graphs")
    server = start_server(
        folder / "var",
        CONSILIA_LANGGRAPH_JSON=str(graphs),
        CONSILIA_LIMITS__RECURSION="20",
        MARKS=str(folder / "marks"),
    )
    yield server
    server.process.terminate()
    server.process.wait(20)


@pytest.fixture
async def sdk(hosted: Server) -> AsyncIterator[LangGraphClient]:
    async with get_client(url=hosted.url, api_key=hosted.key) as client:
        yield client


async def _collect(stream: AsyncIterator[Any]) -> list[tuple[str, Any]]:
    return [(part.event, part.data) async for part in stream]


async def test_a_stream_has_the_reference_s_events_in_its_order(sdk: LangGraphClient):
    events = await _collect(sdk.runs.stream(None, "slow", input={"log": []}, stream_mode=["values", "updates"]))
    assert [name for name, _ in events] == ["metadata", "values", *["updates", "values"] * 3]
    assert events[1][1] == {"log": []}
    assert events[2][1] == {"first": {"log": ["first"]}}
    assert events[-1][1] == {"log": ["first", "waited", "last"]}


async def test_every_stream_mode_streams_what_it_is_for(sdk: LangGraphClient):
    modes: list[Any] = ["values", "updates", "tasks", "checkpoints", "debug", "custom", "events"]
    found = await _collect(sdk.runs.stream(None, "nested", input={"log": []}, stream_mode=modes, stream_subgraphs=True))
    names = {name.split("|")[0] for name, _ in found}
    assert {"values", "updates", "tasks", "checkpoints", "debug", "custom", "events"} <= names
    assert [data for name, data in found if name.startswith("custom|part0:")] == [{"progress": 0.5}]
    plain = await _collect(sdk.runs.stream(None, "nested", input={"log": []}, stream_mode=["updates"]))
    assert not any("|" in name for name, _ in plain)


@pytest.mark.parametrize("mode", ["messages", "messages-tuple"])
async def test_a_model_s_tokens_are_streamed(sdk: LangGraphClient, mode: Any):
    found = await _collect(sdk.runs.stream(None, "talking", input={"messages": [("user", "hi")]}, stream_mode=mode))
    if mode == "messages-tuple":
        tokens = [data[0]["content"] for name, data in found if name == "messages"]
        assert "".join(tokens) == "hello big world"
        assert found[1][1][1]["langgraph_node"] == "speak"
    else:
        partial = [data[0]["content"] for name, data in found if name == "messages/partial"]
        assert partial[0] == "hello"
        assert partial[-1] == "hello big world"


async def test_a_stream_is_resumed_without_gap_or_duplicate_during_and_after_the_run(
    sdk: LangGraphClient, hosted: Server
):
    thread = await sdk.threads.create()
    run = await sdk.runs.create(thread["thread_id"], "slow", input={"seconds": 1.5, "log": []}, stream_mode="updates")
    url = f"/threads/{thread['thread_id']}/runs/{run['run_id']}/stream"

    async def ids(after: int) -> list[int]:
        async with httpx.AsyncClient(base_url=hosted.url, headers={"x-api-key": hosted.key}, timeout=30) as http:
            async with http.stream("GET", url, headers={"last-event-id": str(after)}) as response:
                return [int(line[4:]) async for line in response.aiter_lines() if line.startswith("id: ")]

    during = await asyncio.gather(*(ids(0) for _ in range(5)))
    assert all(each == during[0] for each in during)
    whole = during[0]
    assert whole == sorted(set(whole))
    for cut in whole:
        assert await ids(cut) == [each for each in whole if each > cut]


async def test_an_interrupt_waits_and_is_resumed(sdk: LangGraphClient):
    thread = await sdk.threads.create()
    waiting: Any = await sdk.runs.wait(thread["thread_id"], "asking", input={"log": []})
    assert waiting["__interrupt__"][0]["value"] == {"question": "go on?"}
    known = await sdk.threads.get(thread["thread_id"])
    assert known["status"] == "interrupted"
    assert [each["value"] for group in known["interrupts"].values() for each in group] == [{"question": "go on?"}]
    done: Any = await sdk.runs.wait(thread["thread_id"], "asking", command={"resume": "yes"})
    assert done["log"] == ["first", "told yes", "last"]
    history = await sdk.threads.get_history(thread["thread_id"], limit=20)
    assert history[0]["next"] == []
    early = next(each for each in history if each["next"] == ["ask"])
    at: Any = await sdk.threads.get_state(thread["thread_id"], checkpoint=early["checkpoint"])
    assert at["values"]["log"] == ["first"]


async def test_the_state_can_be_written_and_gone_on_from(sdk: LangGraphClient):
    thread = await sdk.threads.create()
    await sdk.runs.wait(thread["thread_id"], "slow", input={"log": []}, interrupt_before=["wait"])
    assert (await sdk.threads.get_state(thread["thread_id"]))["next"] == ["wait"]
    await sdk.threads.update_state(thread["thread_id"], {"log": ["by hand"]}, as_node="wait")
    done: Any = await sdk.runs.wait(thread["thread_id"], "slow", input=None)
    assert done["log"] == ["first", "by hand", "last"]
    copied = await sdk.threads.copy(thread["thread_id"])
    assert isinstance(copied, dict)
    assert (await sdk.threads.get_state(copied["thread_id"]))["values"]["log"] == done["log"]
    await sdk.threads.delete(thread["thread_id"])
    with pytest.raises(httpx.HTTPStatusError):
        await sdk.threads.get(thread["thread_id"])


async def test_cancelling_keeps_what_had_been_streamed_and_rollback_takes_it_back(sdk: LangGraphClient):
    thread = await sdk.threads.create()
    thread_id = thread["thread_id"]
    for action, log in (("interrupt", ["first"]), ("rollback", ["first"])):
        run = await sdk.runs.create(thread_id, "slow", input={"seconds": 30, "log": []}, stream_mode="updates")
        async for part in sdk.runs.join_stream(thread_id, run["run_id"], stream_mode="updates"):
            if part.event == "updates":
                break
        await sdk.runs.cancel(thread_id, run["run_id"], wait=True, action=action)  # type: ignore[arg-type]
        assert (await sdk.runs.get(thread_id, run["run_id"]))["status"] == "interrupted"
        assert (await sdk.threads.get_state(thread_id))["values"]["log"] == log


@pytest.mark.parametrize(
    ("strategy", "statuses"), [("enqueue", ["success", "success"]), ("interrupt", ["interrupted", "success"])]
)
async def test_a_second_run_on_a_busy_thread_waits_or_takes_over(
    sdk: LangGraphClient, strategy: Any, statuses: list[str]
):
    thread = await sdk.threads.create()
    one = await sdk.runs.create(thread["thread_id"], "slow", input={"seconds": 1, "log": []})
    with pytest.raises(httpx.HTTPStatusError) as refused:
        await sdk.runs.create(thread["thread_id"], "slow", input={"log": []}, multitask_strategy="reject")
    assert refused.value.response.status_code == 409
    two = await sdk.runs.create(thread["thread_id"], "slow", input={"log": []}, multitask_strategy=strategy)
    await sdk.runs.join(thread["thread_id"], two["run_id"])
    found = [(await sdk.runs.get(thread["thread_id"], each["run_id"]))["status"] for each in (one, two)]
    assert found == statuses


async def test_a_client_that_goes_away_ends_the_run_only_if_it_said_so(sdk: LangGraphClient, hosted: Server):
    for wish, status in (("cancel", "interrupted"), ("continue", "success")):
        thread = await sdk.threads.create()
        body = {"assistant_id": "slow", "input": {"seconds": 1.5, "log": []}, "on_disconnect": wish}
        async with httpx.AsyncClient(base_url=hosted.url, headers={"x-api-key": hosted.key}) as http:
            async with http.stream("POST", f"/threads/{thread['thread_id']}/runs/stream", json=body) as response:
                async for _ in response.aiter_lines():
                    break
        for _ in range(50):
            [run] = await sdk.runs.list(thread["thread_id"])
            if run["status"] not in ("pending", "running"):
                break
            await asyncio.sleep(0.1)
        assert run["status"] == status


@pytest.mark.parametrize(
    ("graph", "kind", "said"),
    [("failing", "ValueError", "a planned failure"), ("endless", "GraphRecursionError", "20"), ("strange", "", "Lock")],
)
async def test_a_graph_that_misbehaves_ends_its_run_in_error_and_the_service_goes_on(
    sdk: LangGraphClient, graph: str, kind: str, said: str
):
    thread = await sdk.threads.create()
    result: Any = await sdk.runs.wait(thread["thread_id"], graph, input={"log": []}, raise_error=False)
    assert said in result["__error__"]["message"]
    assert kind in result["__error__"]["error"]
    assert (await sdk.runs.list(thread["thread_id"]))[0]["status"] == "error"
    assert (await sdk.threads.get(thread["thread_id"]))["status"] == "error"
    done: Any = await sdk.runs.wait(None, "slow", input={"log": []})
    assert done["log"][-1] == "last"


def test_the_sync_client_and_batches_work(hosted: Server):
    with get_sync_client(url=hosted.url, api_key=hosted.key) as sdk:
        made = sdk.runs.create_batch([{"assistant_id": "slow", "input": {"log": []}}] * 3)  # type: ignore[list-item]
        for run in made:
            assert sdk.runs.join(run["thread_id"], run["run_id"])["log"][-1] == "last"  # type: ignore[call-overload,index]
        delayed = time.monotonic()
        sdk.runs.wait(None, "slow", input={"log": []}, after_seconds=1)
        assert time.monotonic() - delayed >= 1
        short: Any = sdk.runs.wait(None, "made", input={"log": []}, config={"configurable": {"short": True}})
        assert short["log"] == ["first", "last"]


async def test_a_remote_graph_is_a_graph(hosted: Server):
    remote = RemoteGraph("slow", url=hosted.url, api_key=hosted.key)
    result = await remote.ainvoke({"log": []}, {"configurable": {"thread_id": None}})
    assert result["log"] == ["first", "waited", "last"]


def test_a_killed_service_ends_its_runs_after_the_restart_and_repeats_no_finished_node(tmp_path: Path):
    graphs, marks = declared(tmp_path / "graphs"), tmp_path / "marks"
    started = {"CONSILIA_LANGGRAPH_JSON": str(graphs), "MARKS": str(marks)}
    one = start_server(tmp_path / "var", **started)
    headers = {"x-api-key": one.key}
    runs: list[dict[str, Any]] = []
    with httpx.Client(base_url=one.url, headers=headers) as http:
        for _ in range(8):
            thread = http.post("/threads", json={}).json()["thread_id"]
            body = {"assistant_id": "marking", "input": {"seconds": 2, "log": []}}
            runs.append(http.post(f"/threads/{thread}/runs", json=body).json())
        deadline = time.monotonic() + 20
        while (not marks.exists() or len(marks.read_text().splitlines()) < 8) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
    one.process.kill()
    one.process.wait(10)
    two = start_server(tmp_path / "var", **started)
    try:
        with httpx.Client(base_url=two.url, headers=headers, timeout=60) as http:
            for run in runs:
                path = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
                assert http.get(f"{path}/join").json() == {"seconds": 2, "log": ["marked", "waited", "last"]}
                seen = http.get(path).json()
                assert (seen["status"], seen["attempt"]) == ("success", 2)
                stream = http.get(f"{path}/stream").text
                ids = [int(line[4:]) for line in stream.splitlines() if line.startswith("id: ")]
                assert ids == sorted(set(ids))
                assert stream.count("event: metadata") == 2
    finally:
        two.process.terminate()
        two.process.wait(20)
    assert marks.read_text().splitlines() == ["mark"] * 8, "a node that had finished is not run again"


def test_sigterm_lets_a_step_end_and_leaves_the_rest_to_the_next_start(tmp_path: Path):
    graphs, marks = declared(tmp_path / "graphs"), tmp_path / "marks"
    started = {"CONSILIA_LANGGRAPH_JSON": str(graphs), "MARKS": str(marks)}
    one = start_server(tmp_path / "var", **started)
    with httpx.Client(base_url=one.url, headers={"x-api-key": one.key}) as http:
        body = {"assistant_id": "marking", "input": {"seconds": 2, "log": []}}
        run = http.post("/runs", json=body).json()
        time.sleep(1)
        one.process.terminate()
    assert one.process.wait(20) == 0
    with closing(sqlite3.connect(tmp_path / "var" / "consilia.db")) as database:
        assert database.execute("SELECT status, executor FROM runs").fetchall() == [("pending", None)]
    two = start_server(tmp_path / "var", **started)
    try:
        with httpx.Client(base_url=two.url, headers={"x-api-key": one.key}, timeout=30) as http:
            path = f"/threads/{run['thread_id']}/runs/{run['run_id']}"
            asked = time.monotonic()
            assert http.get(f"{path}/join").json()["log"] == ["marked", "waited", "last"]
            assert time.monotonic() - asked < 1.5, "the step that had ended is not run again"
    finally:
        two.process.terminate()
        two.process.wait(20)
    assert marks.read_text().splitlines() == ["mark"]


async def test_a_cancel_at_any_moment_ends_the_run(sdk: LangGraphClient):
    for delay in (0, 0, 0.001, 0.005, 0.02, 0.1):
        thread = await sdk.threads.create()
        run = await sdk.runs.create(thread["thread_id"], "slow", input={"seconds": 20, "log": []})
        await asyncio.sleep(delay)
        await sdk.runs.cancel(thread["thread_id"], run["run_id"], wait=True)
        assert (await sdk.runs.get(thread["thread_id"], run["run_id"]))["status"] == "interrupted"
        assert (await sdk.threads.get(thread["thread_id"]))["status"] != "busy"


@pytest.mark.parametrize("strategy", ["reject", "interrupt", "rollback", "enqueue"])
async def test_a_crowd_on_one_thread_leaves_nothing_hanging(sdk: LangGraphClient, strategy: Any):
    thread = await sdk.threads.create()

    async def one() -> bool:
        try:
            await sdk.runs.create(
                thread["thread_id"], "slow", input={"seconds": 0.3, "log": []}, multitask_strategy=strategy
            )
        except httpx.HTTPStatusError as refused:
            if refused.response.status_code != 409:
                raise
            return False
        return True

    accepted = await asyncio.wait_for(asyncio.gather(*(one() for _ in range(8))), 30)
    assert sum(accepted) == (1 if strategy == "reject" else 8)
    for run in await sdk.runs.list(thread["thread_id"], limit=20):
        await asyncio.wait_for(sdk.runs.join(thread["thread_id"], run["run_id"]), 30)
    statuses = {run["status"] for run in await sdk.runs.list(thread["thread_id"], limit=20)}
    assert statuses <= {"success", "interrupted"}
