"""The event stream of the streaming protocol: a thread's runs, one after the other, numbered and filtered."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from service.api.access import TheCaller, TheHouse
from service.api.finding import find
from service.api.sse import with_heartbeats
from service.database import runs, threads
from service.house import House
from service.runs.json import dumps
from service.runs.protocol import Namespace, Telling, Told
from service.runs.stream import Event

router = APIRouter(prefix="/threads", tags=["threads"])


Channel = (
    Literal["values", "updates", "messages", "tools", "custom", "lifecycle", "input", "tasks", "checkpoints"]
    | Annotated[str, Field(pattern=r"^custom:.+$", max_length=200)]
)


class EventFilter(BaseModel):
    """Which events of a thread. channels: checkpoints, which older clients name, stays silent. namespaces: an event is
    told if its namespace begins with one of these; a segment without `:` stands for every task of its node. depth: how
    far below those. since: only events with a greater seq."""

    model_config = ConfigDict(extra="allow")

    channels: list[Channel] = Field(min_length=1, max_length=100)
    namespaces: list[Annotated[list[str], Field(max_length=100)]] | None = Field(default=None, max_length=1000)
    depth: int | None = Field(default=None, ge=0, le=2**31)
    since: int = Field(default=0, ge=0, le=2**53)

    def wants(self, told: Told) -> bool:
        return told.channel in self.channels and self._is_near(told.namespace)

    def _is_near(self, namespace: Namespace) -> bool:
        """As langgraph_sdk's own filter has it: no namespaces are all, whatever the depth."""
        if not self.namespaces:
            return True
        for prefix in self.namespaces:
            below = len(namespace) - len(prefix)
            if below >= 0 and all(map(_stands_for, prefix, namespace)) and (self.depth is None or below <= self.depth):
                return True
        return False


def _stands_for(wanted: str, segment: str) -> bool:
    return segment == wanted or (":" not in wanted and segment.partition(":")[0] == wanted)


@router.post("/{thread_id}/stream/events", response_model=None)
async def events(thread_id: str, body: EventFilter, house: TheHouse, caller: TheCaller) -> Response:
    """Follow the thread's runs until the client goes away, in the streaming protocol.

    seq counts the thread's events from 1, whatever is filtered, and is the same on every replica; `since` goes on after
    one. Runs that were started otherwise are told too, as far as their stream modes go.
    """
    thread = await find(house, caller, thread_id)
    told = filtered(house, caller.tenant_id, thread["thread_id"], body)
    return StreamingResponse(
        with_heartbeats(_framed(told)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _framed(events: AsyncGenerator[dict[str, Any]]) -> AsyncGenerator[bytes]:
    async for event in events:
        yield f"id: {event['seq']}\nevent: {event['method']}\ndata: {dumps(event)}\n\n".encode()


async def filtered(house: House, tenant_id: str, thread_id: str, wanted: EventFilter) -> AsyncGenerator[dict[str, Any]]:
    """The events that are wanted, those that have been and those to come; ends when the thread is deleted."""
    seq = 0
    async for told in of_thread(house, tenant_id, thread_id):
        seq += 1
        if seq > wanted.since and wanted.wants(told):
            yield told.shape(seq)


async def of_thread(house: House, tenant_id: str, thread_id: str) -> AsyncGenerator[Told]:
    """Everything that the thread's runs tell, from the first on."""
    cursor = ""
    while True:
        opening = house.feeds.opening()
        following = await runs.next_on_thread(house.database, thread_id, cursor)
        if following is None:
            await house.feeds.next_opened(opening)
            if await threads.get(house.database, tenant_id, thread_id) is None:
                return
            continue
        async for told in of_run(house, tenant_id, following):
            yield told
        cursor = following


async def of_run_so_far(house: House, run: RowMapping) -> Telling:
    """A run of which everything has been told that has happened yet."""
    telling, seen = Telling(run["run_id"], run["graph_id"]), 0
    while rows := await runs.events(house.database, run["run_id"], seen):
        for row in rows:
            seen = row["seq"]
            telling.of(Event(seen, row["kind"], row["data"], row["created_at"]))
    if run["status"] in runs.FINISHED:
        telling.end(run["status"], None, run["finished_at"])
    return telling


async def of_run(house: House, tenant_id: str, run_id: str) -> AsyncGenerator[Told]:
    """Everything that a run tells, to its end; nothing of one that is deleted meanwhile."""
    run = await runs.get(house.database, tenant_id, run_id)
    if run is None:
        return
    telling, seen = Telling(run_id, run["graph_id"]), 0
    while True:
        async for event in house.feeds.follow(run_id, seen):
            seen = event.seq
            for told in telling.of(event):
                yield told
        run = await runs.get(house.database, tenant_id, run_id)
        if run is None:
            return
        if run["status"] not in runs.FINISHED:
            await house.feeds.next_opened()  # it was handed back, for another process to go on with
        elif await runs.last_event(house.database, run_id) == seen:
            break
    failure: dict[str, Any] = run["error"] or {}
    for told in telling.end(run["status"], failure.get("message"), run["finished_at"]):
        yield told
