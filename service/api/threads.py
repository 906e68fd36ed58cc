"""Threads: conversations and their state."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from langchain_core.runnables import RunnableConfig
from langgraph.errors import InvalidUpdateError
from langgraph.types import StateSnapshot
from sqlalchemy import RowMapping

from service.api.access import TheCaller, TheHouse
from service.api.shapes import (
    Before,
    CheckpointRef,
    HistoryRequest,
    Run,
    StateRequest,
    StateUpdate,
    Thread,
    ThreadCount,
    ThreadCreate,
    ThreadPatch,
    ThreadPrune,
    ThreadSearch,
    run_shape,
    thread_shape,
)
from service.api.sse import sse
from service.auth import Caller
from service.database import runs, threads
from service.database.runs import RunStatus
from service.database.tables import new_id
from service.database.threads import ThreadStatus
from service.house import House
from service.runs.driving import STREAM_MODES, shown_interrupt
from service.runs.json import plain
from service.runs.stream import Event
from service.runs.submit import ThreadBusy
from tools.errors import ConsiliaError, InvalidInput
from workflows.registry import Graph

router = APIRouter(prefix="/threads", tags=["threads"])

Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=2**31)]


class UnknownThread(ConsiliaError):
    code = "thread_not_found"
    status = 404


class ThreadExists(ConsiliaError):
    code = "thread_exists"
    status = 409


class NoGraph(ConsiliaError):
    """A thread on which nothing has run has no state to write to."""

    code = "thread_has_no_graph"
    status = 400


class InvalidStateUpdate(ConsiliaError):
    code = "invalid_state_update"
    status = 400


class UnknownRun(ConsiliaError):
    code = "run_not_found"
    status = 404


def checked_uuid(kind: str, text: str) -> str:
    """The id in its usual form. Raises InvalidInput when it is no UUID."""
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidInput(f"Invalid {kind} ID: {text!r} must be a UUID", value=text) from None


async def find(house: House, caller: Caller, thread_id: str) -> RowMapping:
    """The caller's thread. Raises UnknownThread, also for another tenant's."""
    row = await threads.get(house.database, caller.tenant_id, checked_uuid("thread", thread_id))
    if row is None:
        raise UnknownThread(f"Thread with ID {thread_id} not found", thread_id=thread_id)
    return row


async def find_run(house: House, caller: Caller, thread_id: str, run_id: str) -> RowMapping:
    """The run of the caller's thread. Raises UnknownRun."""
    thread_id = checked_uuid("thread", thread_id)
    row = await runs.get(house.database, caller.tenant_id, checked_uuid("run", run_id), thread_id)
    if row is None:
        raise UnknownRun(f"Run with ID {run_id} not found in thread {thread_id}", run_id=run_id)
    return row


@router.post("")
async def create(body: ThreadCreate, house: TheHouse, caller: TheCaller) -> Thread:
    thread_id = checked_uuid("thread", body.thread_id) if body.thread_id else new_id()
    if body.thread_id:
        row = await threads.get(house.database, caller.tenant_id, thread_id)
        if row is not None and body.if_exists == "do_nothing":
            return thread_shape(row)
        if row is not None:
            raise ThreadExists(f"Thread with ID {thread_id} already exists", thread_id=thread_id)
    creation, made = threads.creation(caller.tenant_id, thread_id, body.metadata)
    await house.database.writer.write(creation)
    return thread_shape(made)


@router.post("/search")
async def search(body: ThreadSearch, house: TheHouse, caller: TheCaller, response: Response) -> list[Thread]:
    rows = await threads.search(
        house.database,
        caller.tenant_id,
        metadata=body.metadata,
        values=body.values,
        status=body.status,
        ids=body.ids,
        sort_by=body.sort_by,
        descending=body.sort_order == "desc",
        limit=body.limit,
        offset=body.offset,
    )
    if len(rows) == body.limit:
        response.headers["X-Pagination-Next"] = str(body.offset + body.limit)
    return [thread_shape(row) for row in rows]


@router.get("/{thread_id}")
async def get(thread_id: str, house: TheHouse, caller: TheCaller) -> Thread:
    return thread_shape(await find(house, caller, thread_id))


@router.post("/count")
async def count(body: ThreadCount, house: TheHouse, caller: TheCaller) -> int:
    filters = body.model_dump()
    return await threads.count(house.database, caller.tenant_id, **filters)


@router.post("/prune")
async def prune(body: ThreadPrune, house: TheHouse, caller: TheCaller) -> dict[str, int]:
    """Delete threads, or all but the newest checkpoint of each. Threads with runs in flight are left out."""
    pruned = 0
    for given in body.thread_ids:
        thread_id = checked_uuid("thread", given)
        known = await threads.get(house.database, caller.tenant_id, thread_id)
        if known is None or await house.queue.on_thread(thread_id):
            continue
        await house.saver.aprune([thread_id], strategy=body.strategy)
        if body.strategy == "delete":
            await threads.delete(house.database, thread_id)
        pruned += 1
    return {"pruned_count": pruned}


@router.patch("/{thread_id}")
async def patch(thread_id: str, body: ThreadPatch, house: TheHouse, caller: TheCaller) -> Thread:
    """Merge into the thread's metadata."""
    thread = await find(house, caller, thread_id)
    metadata = {**thread["metadata"], **body.metadata}
    await house.database.writer.write(threads.metadata_changed(thread["thread_id"], metadata))
    return thread_shape(await find(house, caller, thread_id))


@router.delete("/{thread_id}", status_code=204, response_model=None)
async def delete(thread_id: str, house: TheHouse, caller: TheCaller) -> Response:
    """Delete the thread with its runs and state; runs that are in flight are ended first."""
    thread = await find(house, caller, thread_id)
    for run_id in await house.queue.on_thread(thread["thread_id"]):
        ending = await house.queue.cancel(run_id, "interrupt")
        if ending is not None:
            await asyncio.wait([ending])
    await house.saver.adelete_thread(thread["thread_id"])
    await threads.delete(house.database, thread["thread_id"])
    return Response(status_code=204)


@router.post("/{thread_id}/copy")
async def copy(thread_id: str, house: TheHouse, caller: TheCaller) -> Thread:
    """A new thread with the same state and history."""
    thread = await find(house, caller, thread_id)
    creation, _ = threads.creation(caller.tenant_id, copy_id := new_id(), thread["metadata"])
    status: ThreadStatus = "idle" if thread["status"] == "busy" else thread["status"]
    settled = threads.settled(copy_id, status, thread["values"], thread["interrupts"], thread["error"])
    await house.database.writer.write(creation, settled)
    await house.saver.acopy_thread(thread["thread_id"], copy_id)
    return thread_shape(await find(house, caller, copy_id))


@asynccontextmanager
async def _graph(house: House, thread: RowMapping) -> AsyncGenerator[Graph | None]:
    """The thread's graph over our checkpoints; None where nothing has run on it yet."""
    graph_id = thread["metadata"].get("graph_id")
    if graph_id is None or graph_id not in house.registry.names():
        latest = await runs.search(house.database, thread["tenant_id"], thread_id=thread["thread_id"], limit=1)
        graph_id = latest[0]["graph_id"] if latest else None
    if graph_id is None:
        yield None
        return
    async with house.registry.get(graph_id).graph({"configurable": {"thread_id": thread["thread_id"]}}) as made:
        yield made.copy(update={"checkpointer": house.saver})


@router.get("/{thread_id}/state")
async def state(thread_id: str, house: TheHouse, caller: TheCaller, subgraphs: bool = False) -> dict[str, Any]:
    """The thread's latest state, with what comes next and what it waits for."""
    return await _state(house, await find(house, caller, thread_id), {}, subgraphs)


@router.post("/{thread_id}/state/checkpoint")
async def state_at(thread_id: str, body: StateRequest, house: TheHouse, caller: TheCaller) -> dict[str, Any]:
    """The thread's state at a checkpoint."""
    return await _state(house, await find(house, caller, thread_id), body.checkpoint.configurable(), body.subgraphs)


@router.get("/{thread_id}/state/{checkpoint_id}")
async def state_at_id(
    thread_id: str, checkpoint_id: str, house: TheHouse, caller: TheCaller, subgraphs: bool = False
) -> dict[str, Any]:
    """The thread's state at a checkpoint, by its id."""
    checked_uuid("checkpoint", checkpoint_id)
    return await _state(house, await find(house, caller, thread_id), {"checkpoint_id": checkpoint_id}, subgraphs)


async def _state(house: House, thread: RowMapping, checkpoint: dict[str, Any], subgraphs: bool) -> dict[str, Any]:
    config: RunnableConfig = {"configurable": {**checkpoint, "thread_id": thread["thread_id"]}}
    async with _graph(house, thread) as graph:
        if graph is None:
            return _snapshot(None, config)
        return _snapshot(await graph.aget_state(config, subgraphs=subgraphs), config)


@router.post("/{thread_id}/state")
async def update_state(thread_id: str, body: StateUpdate, house: TheHouse, caller: TheCaller) -> dict[str, Any]:
    """Write to the thread's state, as if a node had. 409 while a run is on the thread."""
    thread = await find(house, caller, thread_id)
    in_flight = await house.queue.on_thread(thread["thread_id"])
    if in_flight:
        raise ThreadBusy(f"Thread {thread_id} has in-flight runs: {', '.join(in_flight)}", thread_id=thread_id)
    at = body.checkpoint or CheckpointRef(checkpoint_id=body.checkpoint_id)
    chosen = at.configurable()
    config: RunnableConfig = {"configurable": {"checkpoint_ns": "", **chosen, "thread_id": thread["thread_id"]}}
    async with _graph(house, thread) as graph:
        if graph is None:
            raise NoGraph(f"Thread {thread_id} has no graph yet: run an assistant on it first", thread_id=thread_id)
        try:
            updated = await graph.aupdate_state(config, body.values, body.as_node)
        except (InvalidUpdateError, ValueError, TypeError) as error:  # a graph's own schema may refuse it too
            raise InvalidStateUpdate(str(error)) from None
        snapshot = await graph.aget_state({"configurable": {"thread_id": thread["thread_id"]}})
    interrupts = {task.id: [shown_interrupt(each) for each in task.interrupts] for task in snapshot.tasks}
    status: ThreadStatus = "interrupted" if snapshot.next else "idle"
    waiting = {task_id: asked for task_id, asked in interrupts.items() if asked}
    await house.database.writer.write(
        threads.settled(thread["thread_id"], status, plain(snapshot.values), waiting, None)
    )
    made = _checkpoint(updated)
    return {"checkpoint": made, "configurable": made, "checkpoint_id": made["checkpoint_id"]}


@router.get("/{thread_id}/history")
async def history(
    thread_id: str, house: TheHouse, caller: TheCaller, limit: Limit = 10, before: str | None = None
) -> list[dict[str, Any]]:
    """The thread's states, newest first."""
    return await _history(house, await find(house, caller, thread_id), HistoryRequest(limit=limit, before=before))


@router.post("/{thread_id}/history")
async def history_filtered(
    thread_id: str, body: HistoryRequest, house: TheHouse, caller: TheCaller
) -> list[dict[str, Any]]:
    """The thread's states, newest first, filtered."""
    return await _history(house, await find(house, caller, thread_id), body)


async def _history(house: House, thread: RowMapping, asked: HistoryRequest) -> list[dict[str, Any]]:
    config: RunnableConfig = {
        "configurable": {
            **(asked.checkpoint.configurable() if asked.checkpoint else {}),
            "thread_id": thread["thread_id"],
        }
    }
    before: RunnableConfig | None = None
    if asked.before is not None:
        ref = asked.before.configurable if isinstance(asked.before, Before) else asked.before
        ref = CheckpointRef(checkpoint_id=ref) if isinstance(ref, str) else ref
        before = {"configurable": ref.configurable()}
    async with _graph(house, thread) as graph:
        if graph is None:
            return []
        found = graph.aget_state_history(config, filter=asked.metadata, before=before, limit=asked.limit)
        return [_snapshot(snapshot, config) async for snapshot in found]


def _snapshot(snapshot: StateSnapshot | None, config: RunnableConfig) -> dict[str, Any]:
    """A state in the Agent Server's shape."""
    if snapshot is None or snapshot.created_at is None:
        empty: dict[str, Any] = {"values": {}, "next": [], "tasks": [], "metadata": None, "created_at": None}
        asked = {key: value for key, value in _checkpoint(config).items() if value is not None}
        ids = {"checkpoint_id": asked.get("checkpoint_id"), "parent_checkpoint_id": None}
        return {**empty, "checkpoint": asked, "parent_checkpoint": None, "interrupts": [], **ids}
    checkpoint = _checkpoint(snapshot.config)
    parent = _checkpoint(snapshot.parent_config) if snapshot.parent_config else None
    return {
        "values": plain(snapshot.values),
        "next": list(snapshot.next),
        "tasks": [
            {
                "id": task.id,
                "name": task.name,
                "path": plain(task.path),  # pyright: ignore[reportUnknownMemberType]
                "error": repr(task.error) if task.error else None,
                "interrupts": [shown_interrupt(each) for each in task.interrupts],
                "checkpoint": _checkpoint(task.state) if isinstance(task.state, dict) else None,
                "state": _snapshot(task.state, config) if isinstance(task.state, StateSnapshot) else None,
                "result": plain(task.result),
            }
            for task in snapshot.tasks
        ],
        "metadata": plain(snapshot.metadata),
        "created_at": snapshot.created_at,
        "checkpoint": checkpoint,
        "parent_checkpoint": parent,
        "interrupts": [shown_interrupt(each) for each in snapshot.interrupts],
        "checkpoint_id": checkpoint["checkpoint_id"],
        "parent_checkpoint_id": parent["checkpoint_id"] if parent else None,
    }


def _checkpoint(config: RunnableConfig) -> dict[str, Any]:
    configurable = config.get("configurable", {})
    return {key: configurable.get(key) for key in ("thread_id", "checkpoint_ns", "checkpoint_id")}


@router.get("/{thread_id}/stream", response_model=None)
async def stream(thread_id: str, request: Request, house: TheHouse, caller: TheCaller) -> Response:
    """Follow whatever runs on the thread, one run after the other, until the client goes away."""
    thread = await find(house, caller, thread_id)
    events = _thread_events(house, thread["thread_id"])
    modes = {*STREAM_MODES, "messages-tuple"}
    return StreamingResponse(
        sse(events, modes, lambda: None), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
    )


async def _thread_events(house: House, thread_id: str) -> AsyncGenerator[Event]:
    seen: set[str] = set()
    while True:
        fresh = [run_id for run_id in await house.queue.on_thread(thread_id) if run_id not in seen]
        for run_id in fresh:
            seen.add(run_id)
            async for event in house.feeds.follow(run_id):
                yield event
        if not fresh:
            await house.feeds.next_opened()


@router.get("/{thread_id}/runs")
async def list_runs(
    thread_id: str,
    house: TheHouse,
    caller: TheCaller,
    limit: Limit = 10,
    offset: Offset = 0,
    status: RunStatus | None = None,
) -> list[Run]:
    thread = await find(house, caller, thread_id)
    rows = await runs.search(
        house.database, caller.tenant_id, thread_id=thread["thread_id"], status=status, limit=limit, offset=offset
    )
    return [run_shape(row) for row in rows]


@router.get("/{thread_id}/runs/{run_id}")
async def get_run(thread_id: str, run_id: str, house: TheHouse, caller: TheCaller) -> Run:
    return run_shape(await find_run(house, caller, thread_id, run_id))
