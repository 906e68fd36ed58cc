"""The state of threads: as it is, as it was at a checkpoint, and writing to it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query
from langchain_core.runnables import RunnableConfig
from langgraph.errors import InvalidUpdateError
from langgraph.types import StateSnapshot
from langgraph.types import StateUpdate as NodeWrite
from sqlalchemy import RowMapping

from service.api.access import TheCaller, TheHouse
from service.api.finding import checked_uuid, find
from service.api.shapes import (
    Before,
    CheckpointRef,
    HistoryRequest,
    StateRequest,
    StateUpdate,
    Superstep,
    SuperstepUpdate,
)
from service.database import runs, threads
from service.database.writer import Write
from service.house import House
from service.runs.checkpoints import DatabaseSaver
from service.runs.driving import as_command, shown_interrupt
from service.runs.fitting import fitting
from service.runs.json import plain
from service.runs.serializing import CheckpointSerializer
from service.runs.starting import check_checkpoint
from service.runs.submit import ThreadBusy
from tools.errors import ConsiliaError
from workflows.registry import Graph

Limit = Annotated[int, Query(ge=1, le=1000)]

router = APIRouter(prefix="/threads", tags=["threads"])


class NoGraph(ConsiliaError):
    """A thread on which nothing has run has no state to write to."""

    code = "thread_has_no_graph"
    status = 400


class InvalidStateUpdate(ConsiliaError):
    code = "invalid_state_update"
    status = 400


@asynccontextmanager
async def _graph(house: House, thread: RowMapping | dict[str, Any]) -> AsyncGenerator[Graph | None]:
    """The thread's graph over our checkpoints; None where nothing has run on it yet."""
    graph_id = thread["metadata"].get("graph_id")
    if graph_id is None or graph_id not in house.registry.names():
        latest = await runs.search(house.database, thread["tenant_id"], thread_id=thread["thread_id"], limit=1)
        graph_id = latest[0]["graph_id"] if latest else None
    if graph_id is None:
        yield None
        return
    async with house.registry.get(graph_id).graph({"configurable": {"thread_id": thread["thread_id"]}}) as made:
        yield made.copy(update={"checkpointer": house.saver_of(graph_id)})


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


async def current(house: House, thread: RowMapping, checkpoint_ns: str = "") -> dict[str, Any]:
    """The thread's latest state, as it is shown. checkpoint_ns: of a subgraph whose state it is to be."""
    return await _state(house, thread, {"checkpoint_ns": checkpoint_ns} if checkpoint_ns else {}, False)


async def _state(house: House, thread: RowMapping, checkpoint: dict[str, Any], subgraphs: bool) -> dict[str, Any]:
    await check_checkpoint(house, thread["thread_id"], checkpoint)
    config: RunnableConfig = {"configurable": {**checkpoint, "thread_id": thread["thread_id"]}}
    async with _graph(house, thread) as graph:
        if graph is None:
            return _snapshot(None, config)
        with fitting():
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
        settled = await _settled(graph, thread["thread_id"], sealed=_sealed(graph))
    await house.database.writer.write(settled)
    house.feeds.look_again()  # for who follows the thread here; elsewhere they look every few seconds
    made = _checkpoint(updated)
    return {"checkpoint": made, "configurable": made, "checkpoint_id": made["checkpoint_id"]}


def _sealed(graph: Graph) -> bool:
    """Whether the graph's checkpoints are sealed, and so its state is."""
    saver = cast(object, graph.checkpointer)  # pyright: ignore[reportUnknownMemberType]
    return isinstance(saver, DatabaseSaver) and isinstance(saver.serde, CheckpointSerializer) and saver.serde.sealing


async def _settled(graph: Graph, thread_id: str, *, sealed: bool) -> Write:
    """The write that brings the thread's row to its latest checkpoint. sealed: its workflow is sensitive."""
    with fitting():
        snapshot = await graph.aget_state({"configurable": {"thread_id": thread_id}})
    interrupts = {task.id: [shown_interrupt(each) for each in task.interrupts] for task in snapshot.tasks}
    waiting = {task_id: asked for task_id, asked in interrupts.items() if asked}
    status = "interrupted" if snapshot.next else "idle"
    return threads.settled(thread_id, status, plain(snapshot.values), waiting, None, sealed=sealed)


def check_history(house: House, thread: RowMapping | dict[str, Any], supersteps: list[Superstep]) -> None:
    """Raises NoGraph, InvalidStateUpdate: what a new thread's supersteps name must be there."""
    graph_id = thread["metadata"].get("graph_id")
    if graph_id not in house.registry.names():
        raise NoGraph(f"supersteps need a graph: metadata.graph_id is {graph_id!r}", graph_id=graph_id)
    compiled = house.registry.get(graph_id).compiled
    for update in (each for superstep in supersteps for each in superstep.updates):
        if compiled is not None and update.as_node not in compiled.nodes and update.as_node != "__end__":
            raise InvalidStateUpdate(f"Node {update.as_node} does not exist", node=update.as_node)


async def write_history(house: House, thread: RowMapping | dict[str, Any], supersteps: list[Superstep]) -> None:
    """Write a new thread's history, a checkpoint for each superstep. Raises InvalidStateUpdate."""
    config: RunnableConfig = {"configurable": {"thread_id": thread["thread_id"], "checkpoint_ns": ""}}
    steps = [[_node_write(each) for each in superstep.updates] for superstep in supersteps]
    async with _graph(house, thread) as graph:
        assert graph is not None, "check_history found it"
        try:
            await graph.abulk_update_state(config, steps)
        except (InvalidUpdateError, ValueError, TypeError) as error:
            raise InvalidStateUpdate(str(error)) from None
        settled = await _settled(graph, thread["thread_id"], sealed=_sealed(graph))
    await house.database.writer.write(settled)


def _node_write(update: SuperstepUpdate) -> NodeWrite:
    command = as_command(update.command.model_dump()) if update.command else None
    return NodeWrite(command or update.values, update.as_node)  # pyright: ignore[reportArgumentType]


@router.get("/{thread_id}/history")
async def history(
    thread_id: str, house: TheHouse, caller: TheCaller, limit: Limit = 1, before: str | None = None
) -> list[dict[str, Any]]:
    """The thread's states, newest first."""
    return await past(house, await find(house, caller, thread_id), HistoryRequest(limit=limit, before=before))


@router.post("/{thread_id}/history")
async def history_filtered(
    thread_id: str, body: HistoryRequest, house: TheHouse, caller: TheCaller
) -> list[dict[str, Any]]:
    """The thread's states, newest first, filtered."""
    return await past(house, await find(house, caller, thread_id), body)


async def past(house: House, thread: RowMapping, asked: HistoryRequest) -> list[dict[str, Any]]:
    """The thread's states, newest first, as they are shown."""
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
        with fitting():
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
