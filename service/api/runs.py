"""Runs: start one, wait for it, follow it, end it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Annotated, Any, Literal, cast

import orjson
from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.exc import IntegrityError

from service.api import assistants, threads
from service.api.access import TheCaller, TheHouse, may_start
from service.api.lifetimes import default_ttl
from service.api.shapes import CheckpointRef, Run, RunCreate, RunsCancel, StreamMode, run_shape
from service.api.sse import sse
from service.api.turnstile import leave
from service.auth import Caller
from service.database import runs, taint
from service.database import threads as thread_rows
from service.database.audit import Act, Detail
from service.database.writer import Write
from service.house import House
from service.runs import idempotency
from service.runs.driving import PROTOCOL_MODES
from service.runs.outcome import CancelAction, Outcome
from service.runs.starting import check_start
from service.runs.submit import Accepted, Order, outcome, submit
from tools.errors import ConsiliaError, InvalidInput

router = APIRouter(tags=["runs"])

HEARTBEAT_SECONDS = 10.0
"""A waiting response sends white space this often, so that no proxy takes it for dead."""

LastEventId = Annotated[int, Query(alias="last_event_id", ge=0)]


class NothingToCancel(ConsiliaError):
    code = "nothing_to_cancel"
    status = 404


class ServiceStopping(ConsiliaError):
    code = "service_stopping"
    status = 503


class RunInFlight(ConsiliaError):
    code = "run_in_flight"
    status = 409


async def accept(
    house: House,
    caller: Caller,
    body: RunCreate,
    thread_id: str | None,
    run_id: str | None = None,
    along: tuple[Write, ...] = (),
    *,
    protocol: bool = False,
) -> Accepted:
    """Check and accept a run. run_id, along, protocol: as in Order. Raises NotPermitted."""
    assistant = await assistants.find(house, caller, body.assistant_id)
    resumes = body.command is not None and body.command.resume is not None
    may_start(caller, assistant["graph_id"], resumes=resumes)
    if thread_id is not None:
        thread_id = await _thread(house, caller, thread_id, body)
    at = body.checkpoint or (CheckpointRef(checkpoint_id=body.checkpoint_id) if body.checkpoint_id else None)
    chosen = at.configurable() if at else {}
    await check_start(house, assistant["graph_id"], thread_id, chosen, resumes)
    order = Order(
        assistant=assistant,
        input=body.input,
        command=body.command.model_dump() if body.command else None,
        config=body.config.model_dump(exclude_none=True, exclude_defaults=True),
        context=body.context,
        metadata=body.metadata,
        stream_mode=list(PROTOCOL_MODES) if protocol else body.modes(),
        interrupt_before=body.interrupt_before,
        interrupt_after=body.interrupt_after,
        multitask_strategy=body.multitask_strategy,
        durability=body.kept(),
        subgraphs=body.stream_subgraphs or protocol,
        protocol=protocol,
        checkpoint=chosen or None,
        after_seconds=body.after_seconds,
        webhook=body.webhook,
        on_completion=body.on_completion,
        priority=body.priority,
        run_id=run_id,
        along=along,
    )
    accepted = await submit(house, caller.tenant_id, order, thread_id)
    if resumes:
        await _note_answer(house, caller, accepted.row, body.command.resume if body.command else None)
    return accepted


async def _note_answer(house: House, caller: Caller, row: dict[str, Any], answer: Any) -> None:
    """Write into the audit log who answered what a run had asked; returns when it is there. Of the answer, only which
    way it went."""
    said: Any = cast(dict[str, Any], answer).get("decision") if isinstance(answer, dict) else answer
    decision = said if said in ("approve", "reject", "edit", "accept", "decline") else None
    target = f"/threads/{row['thread_id']}/runs/{row['run_id']}"
    details: dict[str, Detail] = {"decision": decision} if decision is not None else {}
    await house.audit.write(
        Act(caller.key_id, "runs.answer", target, caller.tenant_id, caller.address, 200, details=details)
    )


async def _accept_once(
    house: House, caller: Caller, request: Request, bodies: list[RunCreate], thread_id: str | None
) -> list[Accepted]:
    """Accept the request's runs, unless an earlier one with the same Idempotency-Key has: then those."""
    made: dict[str, Accepted] = {}

    async def make(number: int, run_id: str, along: tuple[Write, ...]) -> None:
        made[run_id] = await accept(house, caller, bodies[number], thread_id, run_id, along)

    key = request.headers.get("idempotency-key")
    if key is None:
        return await asyncio.gather(*(accept(house, caller, body, thread_id) for body in bodies))
    asked = idempotency.request(caller.tenant_id, key, request.method, request.url.path, await request.body())
    run_ids = await idempotency.once(house, asked, len(bodies), make)
    return [made.get(run_id) or await _made_before(house, caller, run_id) for run_id in run_ids]


async def _made_before(house: House, caller: Caller, run_id: str) -> Accepted:
    """A run that an earlier request has made. Raises UnknownRun where it was deleted since."""
    row = await runs.get(house.database, caller.tenant_id, run_id)
    if row is None:
        raise threads.UnknownRun(f"the run {run_id} that this Idempotency-Key made was deleted", run_id=run_id)
    return Accepted(dict(row))


async def _thread(house: House, caller: Caller, thread_id: str, body: RunCreate) -> str:
    """The id of the thread; made when there is none and the caller says so."""
    try:
        return str((await threads.find(house, caller, thread_id))["thread_id"])
    except threads.UnknownThread:
        if body.if_not_exists != "create":
            raise
    thread_id = threads.checked_uuid("thread", thread_id)
    creation, _ = thread_rows.creation(caller.tenant_id, thread_id, {}, ttl=default_ttl(house.settings.threads))
    try:
        await house.database.writer.write(creation)
    except IntegrityError:  # made at this moment by another request, or another tenant's
        await threads.find(house, caller, thread_id)
    return thread_id


@router.post("/threads/{thread_id}/runs")
async def create(
    thread_id: str, body: RunCreate, request: Request, house: TheHouse, caller: TheCaller, response: Response
) -> Run:
    """Start a run in the background."""
    [accepted] = await _accept_once(house, caller, request, [body], thread_id)
    response.headers.update(_headers(accepted.row))
    return run_shape(accepted.row)


@router.post("/runs")
async def create_stateless(
    body: RunCreate, request: Request, house: TheHouse, caller: TheCaller, response: Response
) -> Run:
    """Start a run on a thread of its own in the background."""
    [accepted] = await _accept_once(house, caller, request, [body], None)
    response.headers.update(_headers(accepted.row))
    return run_shape(accepted.row)


@router.post("/runs/batch")
async def create_batch(
    bodies: Annotated[list[RunCreate], Body(min_length=1, max_length=1000)],
    request: Request,
    house: TheHouse,
    caller: TheCaller,
) -> list[Run]:
    """Start many runs, each on a thread of its own."""
    accepted = await _accept_once(house, caller, request, bodies, None)
    return [run_shape(each.row) for each in accepted]


@router.post("/threads/{thread_id}/runs/wait", response_model=None)
async def wait(thread_id: str, body: RunCreate, request: Request, house: TheHouse, caller: TheCaller) -> Response:
    """Run on a thread and answer with the final state."""
    [accepted] = await _accept_once(house, caller, request, [body], thread_id)
    return await _waited(house, request, accepted, body.on_disconnect == "cancel")


@router.post("/runs/wait", response_model=None)
async def wait_stateless(body: RunCreate, request: Request, house: TheHouse, caller: TheCaller) -> Response:
    """Run on a thread of its own and answer with the final state."""
    [accepted] = await _accept_once(house, caller, request, [body], None)
    return await _waited(house, request, accepted, body.on_disconnect == "cancel")


@router.post("/threads/{thread_id}/runs/stream", response_model=None)
async def stream(thread_id: str, body: RunCreate, request: Request, house: TheHouse, caller: TheCaller) -> Response:
    """Run on a thread and answer with its events as they come (Server-Sent Events)."""
    [accepted] = await _accept_once(house, caller, request, [body], thread_id)
    return _streamed(house, accepted.row, body.modes(), cancel=body.on_disconnect == "cancel")


@router.post("/runs/stream", response_model=None)
async def stream_stateless(body: RunCreate, request: Request, house: TheHouse, caller: TheCaller) -> Response:
    """Run on a thread of its own and answer with its events as they come (Server-Sent Events)."""
    [accepted] = await _accept_once(house, caller, request, [body], None)
    return _streamed(house, accepted.row, body.modes(), cancel=body.on_disconnect == "cancel")


@router.get("/threads/{thread_id}/runs/{run_id}/stream", response_model=None)
async def join_stream(
    thread_id: str,
    run_id: str,
    request: Request,
    house: TheHouse,
    caller: TheCaller,
    stream_mode: Annotated[list[StreamMode | Literal[""]] | None, Query()] = None,
    cancel_on_disconnect: bool = False,
) -> Response:
    """Follow a run, from its start or after `Last-Event-ID`, while it runs or when it has ended."""
    row = dict(await threads.find_run(house, caller, thread_id, run_id))
    modes: list[str] = [mode for mode in stream_mode or () if mode] or row["kwargs"]["stream_mode"]
    return _streamed(house, row, modes, after=_last_event_id(request), cancel=cancel_on_disconnect)


@router.get("/threads/{thread_id}/runs/{run_id}/join", response_model=None)
async def join(
    thread_id: str,
    run_id: str,
    request: Request,
    house: TheHouse,
    caller: TheCaller,
    cancel_on_disconnect: bool = False,
) -> Response:
    """Wait for a run and answer with the final state."""
    row = dict(await threads.find_run(house, caller, thread_id, run_id))
    return await _waited(house, request, Accepted(row), cancel_on_disconnect)


@router.post("/threads/{thread_id}/runs/{run_id}/cancel", status_code=204, response_model=None)
async def cancel(
    thread_id: str,
    run_id: str,
    house: TheHouse,
    caller: TheCaller,
    wait: bool = False,
    action: CancelAction = "interrupt",
) -> Response:
    """End a run; with `rollback` its checkpoints are removed too."""
    row = await threads.find_run(house, caller, thread_id, run_id)
    ending = await house.queue.cancel(row["run_id"], action)
    if ending is None:
        raise NothingToCancel("No runs found to cancel.", run_id=run_id)
    if wait:
        await asyncio.wait([ending])
    return Response(status_code=204)


@router.post("/runs/cancel", status_code=204, response_model=None)
async def cancel_many(
    body: RunsCancel, house: TheHouse, caller: TheCaller, action: CancelAction = "interrupt"
) -> Response:
    """End many runs: these of a thread, or all of the caller's with a status."""
    wanted: list[str] = []
    if body.thread_id and body.run_ids:
        thread_id = threads.checked_uuid("thread", body.thread_id)
        ids = [threads.checked_uuid("run", each) for each in body.run_ids]
        known = [await runs.get(house.database, caller.tenant_id, each, thread_id) for each in ids]
        wanted = [row["run_id"] for row in known if row is not None]
    elif body.status:
        statuses: tuple[Literal["pending", "running"], ...] = ("pending", "running")
        chosen = statuses if body.status == "all" else (body.status,)
        wanted = await runs.ids_with_status(house.database, caller.tenant_id, chosen)
    else:
        raise InvalidInput("give either thread_id and run_ids, or status: pending, running or all")
    ended = [await house.queue.cancel(each, action) for each in wanted]
    if not any(ended):
        raise NothingToCancel("No runs found to cancel.")
    return Response(status_code=204)


@router.delete("/threads/{thread_id}/runs/{run_id}", status_code=204, response_model=None)
async def delete(thread_id: str, run_id: str, house: TheHouse, caller: TheCaller) -> Response:
    """Delete a run that has ended, with its events, calls and files; the thread's state stays."""
    row = await threads.find_run(house, caller, thread_id, run_id)
    if row["status"] in runs.UNFINISHED:
        raise RunInFlight(f"run {run_id} has not ended; cancel it first", run_id=run_id)
    await taint.keep(house.database, row["thread_id"], house.host.trusted)
    await runs.delete(house.database, row["run_id"])
    return Response(status_code=204)


def _streamed(
    house: House, row: dict[str, Any], modes: list[str], *, after: int = 0, cancel: bool = False
) -> StreamingResponse:
    def gone() -> None:
        if cancel:
            _cancel(house, row["run_id"])

    headers = {**_headers(row), "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    headers["Location"] = f"{headers['Content-Location']}/stream"
    events = house.feeds.follow(row["run_id"], after)
    return StreamingResponse(sse(events, modes, gone), media_type="text/event-stream", headers=headers)


def _last_event_id(request: Request) -> int:
    given = request.headers.get("last-event-id", "0")
    return int(given) if given.isdecimal() and len(given) < 10 else 0


_cancelling: set[asyncio.Task[Any]] = set()


def _cancel(house: House, run_id: str) -> None:
    """End a run whose client went away; nobody waits for it."""
    task = asyncio.create_task(house.queue.cancel(run_id, "interrupt"))
    _cancelling.add(task)
    task.add_done_callback(_cancelling.discard)


async def _waited(house: House, request: Request, accepted: Accepted, cancel_when_gone: bool) -> Response:
    run_id = accepted.row["run_id"]
    ending = await outcome(house, run_id)
    leave(request)
    patience = HEARTBEAT_SECONDS
    while patience > 0:
        step = 0.5 if cancel_when_gone else patience
        done, _ = await asyncio.wait([ending], timeout=step)
        if done:
            return _answered(accepted.row, _result(ending))
        patience -= step
        if cancel_when_gone and await request.is_disconnected():
            _cancel(house, run_id)
            cancel_when_gone = False
    gone = partial(_cancel, house, run_id) if cancel_when_gone else None
    return StreamingResponse(_slowly(ending, gone), media_type="application/json", headers=_headers(accepted.row))


async def _slowly(ending: asyncio.Future[Outcome], gone: Callable[[], None] | None) -> AsyncGenerator[bytes]:
    try:
        while not (await asyncio.wait([ending], timeout=HEARTBEAT_SECONDS))[0]:
            yield b"\n"
    except (asyncio.CancelledError, GeneratorExit):
        if gone is not None:
            gone()
        raise
    yield orjson.dumps(_answer(_result(ending)))


def _result(outcome: "asyncio.Future[Outcome]") -> Outcome:
    """How the run ended, as far as this process knows."""
    if outcome.cancelled():
        stopping = ServiceStopping("the service is stopping; the run goes on when it is back")
        return Outcome("error", None, error={**stopping.as_payload(), "type": "ServiceStopping"})
    return outcome.result()


def _answered(row: dict[str, Any], outcome: Outcome) -> Response:
    """What is the caller's fault has its own status; what a graph raised comes as in the Agent Server."""
    status = 200
    payload = _answer(outcome)
    if outcome.error is not None and (400 <= outcome.error["status"] < 500 or outcome.error["status"] == 503):
        status = outcome.error["status"]
        error = outcome.error
        payload = {"detail": error["message"], **payload, "code": error["code"], "details": error["details"]}
    return Response(orjson.dumps(payload), status, _headers(row), "application/json")


def _answer(outcome: Outcome) -> dict[str, Any]:
    if outcome.error is not None:
        return {"__error__": {"error": outcome.error["type"], "message": outcome.error["message"]}}
    if outcome.interrupts:
        asked = [each for group in outcome.interrupts.values() for each in group]
        return {**(outcome.values or {}), "__interrupt__": asked}
    return outcome.values or {}


def _headers(row: dict[str, Any]) -> dict[str, str]:
    path = f"/threads/{row['thread_id']}/runs/{row['run_id']}"
    return {"Location": f"{path}/join", "Content-Location": path}
