"""The stream of a thread: whatever runs on it, one run after the other, and what is written to its state by hand."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import RowMapping

from service.api import states
from service.api.access import TheCaller, TheHouse
from service.api.finding import find
from service.api.sse import wanted, with_heartbeats
from service.auth import Caller
from service.database import runs
from service.house import House
from service.runs.driving import STREAM_MODES
from service.runs.json import dumps

router = APIRouter(prefix="/threads", tags=["threads"])

ThreadStreamMode = Literal["lifecycle", "run_modes", "state_update"]

_DONE: Final = "done"
"""In place of a sequence number: the id of a run's last word."""


@router.get("/{thread_id}/stream", response_model=None)
async def stream(
    thread_id: str,
    request: Request,
    house: TheHouse,
    caller: TheCaller,
    stream_modes: Annotated[list[ThreadStreamMode] | None, Query()] = None,
    stream_mode: Annotated[list[ThreadStreamMode] | None, Query()] = None,
) -> Response:
    """Follow the thread until the client goes away; from now, after `Last-Event-ID`, or with `-` from its beginning.

    run_modes: all that its runs stream. lifecycle: only their beginning and end. state_update: what is written to the
    thread's state by hand. (stream_mode is what the SDK calls stream_modes.)
    """
    thread = await find(house, caller, thread_id)
    modes: set[str] = {*(stream_modes or ()), *(stream_mode or ())} or {"run_modes"}
    events = _events(house, caller, thread, modes, request.headers.get("last-event-id"))
    return StreamingResponse(
        with_heartbeats(events),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _event(kind: str, data: str, name: str) -> bytes:
    return f"event: {kind}\ndata: {data}\nid: {name}\n\n".encode()


async def _events(
    house: House, caller: Caller, thread: RowMapping, modes: set[str], last: str | None
) -> AsyncGenerator[bytes]:
    thread_id: str = thread["thread_id"]
    cursor, resumed, after = await _beginning(house, caller, thread_id, last)
    changed_at: datetime = thread["state_updated_at"]
    while True:
        following = resumed
        if following is None and modes & {"run_modes", "lifecycle"}:
            following = await runs.next_on_thread(house.database, thread_id, cursor)
        if following is not None:
            async for chunk in _of_run(house, following, after, whole="run_modes" in modes):
                yield chunk
            cursor, resumed, after = following, None, 0
            continue
        if "state_update" in modes:
            state, changed_at = await _by_hand(house, caller, thread_id, changed_at)
            if state is not None:
                told = dumps({"state": state, "thread_id": thread_id})
                yield _event("state_update", told, str(state["checkpoint_id"]))
        await house.feeds.next_opened()


async def _beginning(house: House, caller: Caller, thread_id: str, last: str | None) -> tuple[str, str | None, int]:
    """Where to begin: after which run; or with which run, and after which of its events."""
    if last == "-":
        return "", None, 0
    run_id, _, seq = (last or "").rpartition(":")
    if run_id and seq == _DONE:
        return run_id, None, 0
    its_own = run_id and await runs.get(house.database, caller.tenant_id, run_id, thread_id) is not None
    if its_own and seq.isdecimal() and len(seq) < 10:
        return run_id, run_id, int(seq)
    in_flight = await house.queue.on_thread(thread_id)
    newest = await runs.newest_on_thread(house.database, thread_id, before=min(in_flight, default=None))
    return newest or "", None, 0


async def _of_run(house: House, run_id: str, after: int, whole: bool) -> AsyncGenerator[bytes]:
    """A run's events to its end, with a last word. whole: not only its beginning and end."""
    kinds = {*STREAM_MODES, "messages-tuple"}
    async for event in house.feeds.follow(run_id, after):
        if event.kind == "metadata" or (whole and wanted(event.kind, kinds)):
            yield _event(event.kind, event.data, f"{run_id}:{event.seq}")
    done = dumps({"status": "run_done", "run_id": run_id})
    yield _event("metadata", done, f"{run_id}:{_DONE}")


async def _by_hand(
    house: House, caller: Caller, thread_id: str, changed_at: datetime
) -> tuple[dict[str, Any] | None, datetime]:
    """The thread's state, if somebody has written to it since; and when it was changed last."""
    thread = await find(house, caller, thread_id)
    if thread["state_updated_at"] <= changed_at:
        return None, changed_at
    state = await states.current(house, thread)
    metadata: dict[str, Any] = state["metadata"] or {}
    by_hand = metadata.get("source") == "update"
    return (state if by_hand else None), thread["state_updated_at"]
