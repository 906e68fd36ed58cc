"""Threads: conversations and their state."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from langchain_core.runnables import RunnableConfig
from langgraph.types import StateSnapshot
from sqlalchemy import RowMapping

from service.api.access import TheCaller, TheHouse
from service.api.shapes import Run, Thread, ThreadCreate, ThreadSearch, run_shape, thread_shape
from service.auth import Caller
from service.database import runs, threads
from service.database.runs import RunStatus
from service.database.tables import new_id
from service.house import House
from service.runs.json import plain
from tools.errors import ConsiliaError, InvalidInput

router = APIRouter(prefix="/threads", tags=["threads"])


class UnknownThread(ConsiliaError):
    code = "thread_not_found"
    status = 404


class ThreadExists(ConsiliaError):
    code = "thread_exists"
    status = 409


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


@router.get("/{thread_id}/state")
async def state(thread_id: str, house: TheHouse, caller: TheCaller, subgraphs: bool = False) -> dict[str, Any]:
    """The thread's latest state, with what comes next and what it waits for."""
    thread = await find(house, caller, thread_id)
    latest = await runs.search(house.database, caller.tenant_id, thread_id=thread["thread_id"], limit=1)
    if not latest:
        return _snapshot(None, thread["thread_id"])
    config: RunnableConfig = {"configurable": {"thread_id": thread["thread_id"]}}
    async with house.registry.get(latest[0]["graph_id"]).graph(config) as made:
        graph = made.copy(update={"checkpointer": house.executor.saver})
        return _snapshot(await graph.aget_state(config, subgraphs=subgraphs), thread["thread_id"])


def _snapshot(snapshot: StateSnapshot | None, thread_id: str) -> dict[str, Any]:
    """A state in the Agent Server's shape."""
    if snapshot is None or snapshot.created_at is None:
        empty: dict[str, Any] = {
            "values": {},
            "next": [],
            "tasks": [],
            "metadata": {},
            "created_at": None,
            "interrupts": [],
        }
        checkpoint = {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": None}
        return {**empty, "checkpoint": checkpoint, "parent_checkpoint": None}
    return {
        "values": plain(snapshot.values),
        "next": list(snapshot.next),
        "tasks": [
            {
                "id": task.id,
                "name": task.name,
                "path": plain(task.path),  # pyright: ignore[reportUnknownMemberType]
                "error": repr(task.error) if task.error else None,
                "interrupts": [{"id": each.id, "value": plain(each.value)} for each in task.interrupts],
                "checkpoint": None,
                "state": _snapshot(task.state, thread_id) if isinstance(task.state, StateSnapshot) else None,
                "result": plain(task.result),
            }
            for task in snapshot.tasks
        ],
        "metadata": plain(snapshot.metadata),
        "created_at": snapshot.created_at,
        "checkpoint": _checkpoint(snapshot.config),
        "parent_checkpoint": _checkpoint(snapshot.parent_config) if snapshot.parent_config else None,
        "interrupts": [{"id": each.id, "value": plain(each.value)} for each in snapshot.interrupts],
    }


def _checkpoint(config: RunnableConfig) -> dict[str, Any]:
    configurable = config.get("configurable", {})
    return {key: configurable.get(key) for key in ("thread_id", "checkpoint_ns", "checkpoint_id")}


@router.get("/{thread_id}/runs")
async def list_runs(
    thread_id: str,
    house: TheHouse,
    caller: TheCaller,
    limit: int = 10,
    offset: int = 0,
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
