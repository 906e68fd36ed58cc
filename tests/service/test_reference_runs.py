"""The same threads, runs and streams through langgraph-sdk (async and sync) and RemoteGraph, on LangGraph's own server
and on ours: the same events in the same order, the same states, the same errors.

What may differ is left out of the comparison by name: ids, times, and what each server adds to a run's metadata.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

from tests.conftest import Server
from tests.service.conftest import Peers
from tests.service.reference import needs_reference

pytestmark = needs_reference

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(\+00:00|Z)")
INTERRUPT = re.compile(r"\b[0-9a-f]{32}\b")
Found = TypeVar("Found")
OWN = {"metadata", "config", "parent_config", "kwargs", "description", "langgraph_version"}
"""Keys under which each server keeps what is its own."""

LOG: dict[str, Any] = {"log": []}


def alike(value: Any) -> Any:
    """The value without what differs from run to run and from server to server."""
    match value:
        case dict():
            return {alike(key): alike(each) for key, each in sorted(value.items()) if key not in OWN}
        case list() | tuple():
            return [alike(each) for each in value]
        case str():
            return INTERRUPT.sub("<interrupt>", TIME.sub("<time>", UUID.sub("<id>", value)))
        case _:
            return value


@pytest.fixture(scope="module")
def reference(peers_with_run_graphs: Peers) -> str:
    return peers_with_run_graphs[0]


@pytest.fixture(scope="module")
def ours(peers_with_run_graphs: Peers) -> Server:
    return peers_with_run_graphs[1]


async def both(reference: str, ours: Server, ask: Callable[[LangGraphClient], Awaitable[Found]]) -> tuple[Found, Found]:
    """What the reference and we answer."""
    async with get_client(url=reference) as theirs, get_client(url=ours.url, api_key=ours.key) as mine:
        there, here = await asyncio.gather(ask(theirs), ask(mine))
        return there, here


async def _events(stream: AsyncIterator[Any]) -> list[tuple[str, Any]]:
    return [(alike(part.event), alike(part.data)) async for part in stream]


def _of_langgraph(data: Any) -> Any:
    """A message with its metadata: of the metadata only what LangGraph itself puts there."""
    if isinstance(data, list) and len(data) == 2 and isinstance(data[1], dict) and "langgraph_node" in data[1]:
        names = ("langgraph_step", "langgraph_node", "langgraph_triggers", "langgraph_path", "langgraph_checkpoint_ns")
        return [data[0], {name: data[1][name] for name in names}]
    return data


@pytest.mark.parametrize(
    "mode",
    [
        "values",
        "updates",
        "messages",
        "messages-tuple",
        "tasks",
        "checkpoints",
        "custom",
        ["values", "updates", "custom"],
    ],
    ids=str,
)
@pytest.mark.parametrize("graph", ["nested", "talking"])
async def test_a_stream_has_the_same_events(reference: str, ours: Server, graph: str, mode: Any):
    input: Any = LOG if graph == "nested" else {"messages": [{"role": "user", "content": "hi", "id": "m1"}]}

    async def ask(client: LangGraphClient) -> list[tuple[str, Any]]:
        thread = await client.threads.create()
        found = await _events(client.runs.stream(thread["thread_id"], graph, input=input, stream_mode=mode))
        return [(name, _of_langgraph(data)) for name, data in found]

    there, here = await both(reference, ours, ask)
    if graph == "talking":
        there, here = (
            json.loads(re.sub(r"lc_run--<id>(-\d)?", "<message>", json.dumps(each))) for each in (there, here)
        )
    assert here == there


async def test_subgraphs_stream_the_same_under_their_names(reference: str, ours: Server):
    async def ask(client: LangGraphClient) -> list[tuple[str, Any]]:
        modes: Any = ["updates", "custom"]
        return await _events(client.runs.stream(None, "nested", input=LOG, stream_mode=modes, stream_subgraphs=True))

    there, here = await both(reference, ours, ask)
    assert any(name.startswith("custom|") for name, _ in there)
    assert here == there


@pytest.mark.parametrize("mode", ["debug", "events"])
async def test_debugging_streams_tell_of_the_same_steps(reference: str, ours: Server, mode: Any):
    async def ask(client: LangGraphClient) -> list[Any]:
        thread = (await client.threads.create())["thread_id"]
        found = await _events(client.runs.stream(thread, "slow", input=LOG, stream_mode=mode))
        return [(name, data.get("event") or data.get("type"), data.get("name")) for name, data in found]

    there, here = await both(reference, ours, ask)
    assert here == there


@pytest.mark.parametrize("graph", ["failing", "endless"])
async def test_an_error_is_told_the_same(reference: str, ours: Server, graph: str):
    async def ask(client: LangGraphClient) -> Any:
        thread = (await client.threads.create())["thread_id"]
        config: Any = {"recursion_limit": 5}
        events = await _events(client.runs.stream(thread, graph, input=LOG, stream_mode="updates", config=config))
        waited = await client.runs.wait(thread, graph, input=LOG, config=config, raise_error=False)
        shown = await client.threads.get(thread)
        [run, _] = await client.runs.list(thread)
        return {
            "events": [name for name, _ in events],
            "error": {key: events[-1][1][key] for key in ("error", "message")},
            "waited": waited,
            "thread": shown["status"],
            "run": run["status"],
            "next": (await client.threads.get_state(thread))["next"],
        }

    there, here = await both(reference, ours, ask)
    assert here == there


async def test_an_approval_goes_the_same_way(reference: str, ours: Server):
    async def ask(client: LangGraphClient) -> Any:
        thread = (await client.threads.create())["thread_id"]
        first = await client.runs.wait(thread, "asking", input=LOG)
        waiting = await client.threads.get(thread)
        state = await client.threads.get_state(thread)
        [run] = await client.runs.list(thread)
        events = await _events(
            client.runs.stream(thread, "asking", command={"resume": "yes"}, stream_mode=["values", "updates"])
        )
        assert run["status"] in (
            "success",
            "interrupted",
        )  # ours tells one that waits for a person
        return alike([first, waiting, state, events, await client.threads.get(thread)])

    there, here = await both(reference, ours, ask)
    assert here == there


async def test_breakpoints_and_what_follows_are_the_same(reference: str, ours: Server):
    async def ask(client: LangGraphClient) -> Any:
        thread = (await client.threads.create())["thread_id"]
        first = await client.runs.wait(thread, "slow", input=LOG, interrupt_before=["wait"])
        [run] = await client.runs.list(thread)
        stopped = await client.threads.get(thread)
        rest = await client.runs.wait(thread, "slow", input=None)
        after = await client.runs.wait(thread, "slow", input=LOG, interrupt_after=["first"])
        return [first, run["status"], stopped["status"], rest, after, (await client.threads.get_state(thread))["next"]]

    there, here = await both(reference, ours, ask)
    assert here == there


async def test_state_history_and_time_travel_are_the_same(reference: str, ours: Server):
    async def ask(client: LangGraphClient) -> Any:
        thread = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread, "slow", input=LOG)
        history = await client.threads.get_history(thread, limit=10)
        past = next(each for each in history if each["next"] == ["last"])
        at: Any = past["checkpoint"]
        seen = await client.threads.get_state(thread, checkpoint=at)
        again = await client.runs.wait(thread, "slow", input=None, checkpoint=at)
        await client.threads.update_state(thread, {"log": ["by hand"]}, as_node="first")
        updated = await client.threads.get_state(thread)
        copied = await client.threads.copy(thread)
        copy: Any = copied if copied else {"thread_id": thread}
        return alike(
            [
                [(each["values"], each["next"], [task["name"] for task in each["tasks"]]) for each in history],
                seen,
                again,
                updated,
                (await client.threads.get_state(copy["thread_id"]))["values"],
            ]
        )

    there, here = await both(reference, ours, ask)
    assert here == there


@pytest.mark.parametrize("strategy", ["reject", "interrupt", "rollback", "enqueue"])
async def test_a_second_run_on_a_busy_thread_is_dealt_with_the_same(reference: str, ours: Server, strategy: Any):
    async def ask(client: LangGraphClient) -> Any:
        thread = (await client.threads.create())["thread_id"]
        first = await client.runs.create(thread, "slow", input={**LOG, "seconds": 4})
        while (await client.runs.get(thread, first["run_id"]))["status"] == "pending":
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        try:
            told: Any = await client.runs.wait(thread, "slow", input={"log": ["second"]}, multitask_strategy=strategy)
        except httpx.HTTPStatusError as error:
            told = error.response.status_code
        if strategy == "reject":
            await client.runs.cancel(thread, first["run_id"], wait=True)
        statuses = [run["status"] for run in await client.runs.list(thread)]
        if strategy == "rollback":  # the reference forgets the run that was rolled back; we keep what has happened
            statuses = statuses[:1]
        return alike([told, statuses, (await client.threads.get(thread))["status"]])

    there, here = await both(reference, ours, ask)
    assert here == there


@pytest.mark.parametrize("action", ["interrupt", "rollback"])
async def test_a_cancelled_run_leaves_the_same(reference: str, ours: Server, action: Any):
    async def ask(client: LangGraphClient) -> Any:
        thread = (await client.threads.create())["thread_id"]
        await client.runs.wait(thread, "slow", input={"log": ["before"]})
        run = await client.runs.create(thread, "slow", input={"log": ["cut"], "seconds": 20})
        while (await client.runs.get(thread, run["run_id"]))["status"] == "pending":
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        await client.runs.cancel(thread, run["run_id"], wait=True, action=action)
        state = await client.threads.get_state(thread)
        return [state["values"], state["next"]]

    there, here = await both(reference, ours, ask)
    assert here == there


async def test_a_client_that_goes_away_cancels_only_when_it_asked_for_it(reference: str, ours: Server):
    async def ask(client: LangGraphClient) -> Any:
        statuses: list[str] = []
        for wish in ("cancel", "continue"):
            thread = (await client.threads.create())["thread_id"]
            seconds = 15 if wish == "cancel" else 2
            stream = client.runs.stream(
                thread,
                "slow",
                input={**LOG, "seconds": seconds},
                stream_mode="updates",
                on_disconnect=wish,  # pyright: ignore[reportArgumentType]
            )
            async for part in stream:
                if part.event == "updates":
                    break
            await stream.aclose()  # pyright: ignore[reportAttributeAccessIssue]
            [run] = await client.runs.list(thread)
            for _ in range(100):
                run = await client.runs.get(thread, run["run_id"])
                if run["status"] not in ("pending", "running"):
                    break
                await asyncio.sleep(0.1)
            statuses.append(run["status"])
        return statuses

    there, here = await both(reference, ours, ask)
    assert here == ["interrupted", "success"]
    assert there[1] == here[1]


async def test_a_resumed_stream_has_what_was_missed(reference: str, ours: Server):
    async def ask(client: LangGraphClient) -> Any:
        thread = (await client.threads.create())["thread_id"]
        run = await client.runs.create(
            thread, "slow", input={**LOG, "seconds": 2}, stream_mode=["values"], stream_resumable=True
        )
        path = f"/threads/{thread}/runs/{run['run_id']}/stream"
        parts: list[Any] = []
        async for part in client.runs.join_stream(thread, run["run_id"], last_event_id="-1"):
            parts.append(part)
            if len(parts) == 3:
                break
        assert path
        rest = [part async for part in client.runs.join_stream(thread, run["run_id"], last_event_id=parts[-1].id)]
        ended = [part async for part in client.runs.join_stream(thread, run["run_id"], last_event_id="-1")]
        assert [(part.event, alike(part.data)) for part in parts + rest] == [
            (part.event, alike(part.data)) for part in ended
        ]
        return [(part.event, alike(part.data)) for part in ended]

    there, here = await both(reference, ours, ask)
    assert here == there


def test_the_sync_client_sees_the_same(reference: str, ours: Server):
    def ask(client: SyncLangGraphClient) -> Any:
        thread = client.threads.create(metadata={"kind": "sync"})["thread_id"]
        events = [
            (part.event, alike(part.data))
            for part in client.runs.stream(thread, "slow", input=LOG, stream_mode=["updates", "values"])
        ]
        found = client.threads.search(metadata={"kind": "sync"})
        return alike([events, found, client.threads.get_state(thread), client.runs.list(thread)[0]["status"]])

    there = ask(get_sync_client(url=reference))
    here = ask(get_sync_client(url=ours.url, api_key=ours.key))
    assert here == there


async def test_a_remote_graph_sees_the_same(reference: str, ours: Server):
    async def ask(url: str, key: str | None) -> Any:
        graph = RemoteGraph("asking", url=url, api_key=key)
        client = get_client(url=url, api_key=key)
        thread = (await client.threads.create())["thread_id"]
        config: Any = {"configurable": {"thread_id": thread}}
        first = [each async for each in graph.astream(LOG, config, stream_mode="updates")]
        state = await graph.aget_state(config)
        drawn = (await graph.aget_graph()).draw_mermaid()
        history = [each.values async for each in graph.aget_state_history(config)]
        await graph.aupdate_state(config, {"log": ["by hand"]}, as_node="ask")
        return alike([first, state.values, state.next, drawn, history, await graph.ainvoke(None, config)])

    there, here = await asyncio.gather(ask(reference, None), ask(ours.url, ours.key))
    assert here == there


async def test_batches_and_joins_give_the_same(reference: str, ours: Server):
    async def ask(client: LangGraphClient) -> Any:
        kept = {"assistant_id": "slow", "on_completion": "keep"}
        payloads: Any = [{**kept, "input": {"log": [str(number)]}} for number in range(3)]
        runs = await client.runs.create_batch(payloads)
        joined = [await client.runs.join(run["thread_id"], run["run_id"]) for run in runs]
        return [joined, sorted(set(runs[0]) - OWN)]

    there, here = await both(reference, ours, ask)
    assert here[0] == there[0]
    assert set(there[1]) - {"langsmith_session_name"} <= set(here[1])


async def test_after_seconds_and_durability_end_the_same(reference: str, ours: Server):
    async def ask(client: LangGraphClient) -> Any:
        told: list[Any] = []
        for more in (
            {"after_seconds": 1},
            {"durability": "exit"},
            {"durability": "sync"},
            {"checkpoint_during": False},
        ):
            thread = (await client.threads.create())["thread_id"]
            values = await client.runs.wait(thread, "slow", input=LOG, **more)  # pyright: ignore[reportArgumentType, reportCallIssue]
            told.append([values, len(await client.threads.get_history(thread, limit=20))])
        return told

    there, here = await both(reference, ours, ask)
    assert here == there
