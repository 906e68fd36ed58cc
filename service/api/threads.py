"""Threads: conversations and their state."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy.exc import IntegrityError

from service.api import states
from service.api.access import TheCaller, TheHouse
from service.api.extracting import extract, parse
from service.api.finding import UnknownRun as UnknownRun
from service.api.finding import UnknownThread as UnknownThread
from service.api.finding import checked_uuid, find, find_run
from service.api.lifetimes import default_ttl, shown_ttl
from service.api.paging import paged, shown
from service.api.shapes import (
    Run,
    RunField,
    Thread,
    ThreadCount,
    ThreadCreate,
    ThreadPatch,
    ThreadPrune,
    ThreadSearch,
    run_shape,
    thread_shape,
)
from service.database import runs, storage, taint, threads
from service.database.runs import RunStatus
from service.database.tables import new_id
from service.database.threads import ThreadStatus
from tools.errors import ConsiliaError

router = APIRouter(prefix="/threads", tags=["threads"])

Offset = Annotated[int, Query(ge=0, le=2**31)]


class ThreadExists(ConsiliaError):
    code = "thread_exists"
    status = 409


@router.post("")
async def create(body: ThreadCreate, house: TheHouse, caller: TheCaller) -> Thread:
    thread_id = checked_uuid("thread", body.thread_id) if body.thread_id is not None else new_id()
    if body.thread_id is not None:
        row = await threads.get(house.database, caller.tenant_id, thread_id)
        if row is not None and body.if_exists == "do_nothing":
            return thread_shape(row)
        if row is not None:
            raise ThreadExists(f"Thread with ID {thread_id} already exists", thread_id=thread_id)
    ttl = body.ttl.time_to_live() if body.ttl else default_ttl(house.settings.threads)
    creation, made = threads.creation(caller.tenant_id, thread_id, body.metadata, ttl=ttl)
    if body.supersteps:
        states.check_history(house, made, body.supersteps)
    try:
        await house.database.writer.write(creation)
    except IntegrityError:
        raise ThreadExists(f"Thread with ID {thread_id} already exists", thread_id=thread_id) from None
    if body.supersteps:
        await states.write_history(house, made, body.supersteps)
        return thread_shape(await find(house, caller, thread_id))
    return thread_shape(made)


@router.post("/search")
async def search(body: ThreadSearch, house: TheHouse, caller: TheCaller, response: Response) -> list[dict[str, Any]]:
    """The caller's threads, by default those changed last first. select: only these fields. extract: single values."""
    paths = {alias: parse(path) for alias, path in (body.extract or {}).items()}
    rows = await threads.search(
        house.database,
        caller.tenant_id,
        metadata=body.metadata,
        values=body.values,
        status=body.status,
        ids=body.ids,
        sort_by=body.sort_by,
        descending=body.sort_order == "desc",
        limit=body.limit + 1,
        offset=body.offset,
    )
    found: list[dict[str, Any]] = []
    for row in paged(rows, body.limit, body.offset, response):
        thread = shown(thread_shape(row), body.select)
        if paths:
            thread["extracted"] = {alias: extract(dict(row), path) for alias, path in paths.items()}
        found.append(thread)
    return found


@router.get("/{thread_id}")
async def get(
    thread_id: str, house: TheHouse, caller: TheCaller, include: Annotated[str, Query(max_length=200)] = ""
) -> dict[str, Any]:
    """The thread. include: further fields, comma-separated; there is `ttl`."""
    row = await find(house, caller, thread_id)
    thread = shown(thread_shape(row), None)
    ttl = shown_ttl(row) if "ttl" in include.split(",") else None
    return thread | ({"ttl": ttl} if ttl else {})


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
    """Merge into the thread's metadata; with `ttl`, let it live so long from now."""
    thread = await find(house, caller, thread_id)
    metadata = {**thread["metadata"], **body.metadata}
    writes = [threads.metadata_changed(thread["thread_id"], metadata)]
    if body.ttl:
        writes.append(threads.ttl_changed(thread["thread_id"], body.ttl.time_to_live()))
    await house.database.writer.write(*writes)
    return thread_shape(await find(house, caller, thread_id))


@router.delete("/{thread_id}", status_code=204, response_model=None)
async def delete(thread_id: str, house: TheHouse, caller: TheCaller) -> Response:
    """Delete the thread with its runs and state; runs that are in flight are ended first."""
    thread_id = checked_uuid("thread", thread_id)
    async with house.queue.thread_lock(thread_id):  # nobody else deletes it or makes way on it
        await find(house, caller, thread_id)
        while in_flight := await house.queue.on_thread(thread_id):
            endings = [await house.queue.cancel(run_id, "interrupt") for run_id in in_flight]
            await asyncio.gather(*(asyncio.wait([each]) for each in endings if each is not None))
            await asyncio.sleep(0)
        await house.saver.adelete_thread(thread_id)
        await threads.delete(house.database, thread_id)
    return Response(status_code=204)


@router.post("/{thread_id}/copy")
async def copy(thread_id: str, house: TheHouse, caller: TheCaller) -> Thread:
    """A new thread with the same state and history."""
    thread = await find(house, caller, thread_id)
    creation, _ = threads.creation(caller.tenant_id, copy_id := new_id(), thread["metadata"])
    status: ThreadStatus = "idle" if thread["status"] == "busy" else thread["status"]
    sealed = house.database.is_sensitive(thread["metadata"].get("graph_id"))
    settled = threads.settled(copy_id, status, thread["values"], thread["interrupts"], thread["error"], sealed=sealed)
    await house.database.writer.write(creation, settled)
    await taint.keep(house.database, copy_id, house.host.trusted, source=thread["thread_id"])
    await house.saver.acopy_thread(thread["thread_id"], copy_id)
    return thread_shape(await find(house, caller, copy_id))


@router.get("/{thread_id}/storage")
async def size(thread_id: str, house: TheHouse, caller: TheCaller) -> dict[str, Any]:
    """How many bytes the thread's checkpoints take. channel_values: the large ones, which are stored once a version."""
    thread = await find(house, caller, thread_id)
    found = await storage.of_thread(house.database, thread["thread_id"])
    values = {name: {"versions": count, "bytes": size} for name, (count, size) in found.values.items()}
    in_values = sum(size for _, size in found.values.values())
    return {
        "thread_id": thread["thread_id"],
        "total_bytes": found.checkpoints[1] + in_values + found.writes[1],
        "checkpoints": {"count": found.checkpoints[0], "bytes": found.checkpoints[1]},
        "channel_values": {
            "count": sum(count for count, _ in found.values.values()),
            "bytes": in_values,
            "by_channel": values,
        },
        "pending_writes": {"count": found.writes[0], "bytes": found.writes[1]},
    }


@router.get("/{thread_id}/runs")
async def list_runs(
    thread_id: str,
    house: TheHouse,
    caller: TheCaller,
    limit: Annotated[int, Query(ge=0, le=1000)] = 10,
    offset: Offset = 0,
    status: RunStatus | None = None,
    select: Annotated[list[RunField] | None, Query()] = None,
) -> list[dict[str, Any]]:
    """The thread's runs, newest first. select: only these fields."""
    thread = await find(house, caller, thread_id)
    only: list[RunStatus] | None = None if status is None else [status]
    rows = await runs.search(
        house.database, caller.tenant_id, thread_id=thread["thread_id"], statuses=only, limit=limit, offset=offset
    )
    return [shown(run_shape(row), select) for row in rows]


@router.get("/{thread_id}/runs/{run_id}")
async def get_run(thread_id: str, run_id: str, house: TheHouse, caller: TheCaller) -> Run:
    return run_shape(await find_run(house, caller, thread_id, run_id))
