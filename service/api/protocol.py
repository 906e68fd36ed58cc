"""Commands of the streaming protocol: start a run, answer what one asks, look at what there is.

An answer is always an envelope, of a result or of an error; an unknown thread, and what the caller may not do, have
their HTTP status too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, cast

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from sqlalchemy import RowMapping

from service.api import states
from service.api.access import TheCaller, TheHouse
from service.api.assistants import UnknownAssistant
from service.api.finding import UnknownRun, UnknownThread, checked_uuid, find
from service.api.protocol_shapes import (
    ENVELOPES,
    Answer,
    Answers,
    Fork,
    Listing,
    RunStart,
    StateGet,
    TreeOf,
    Unanswerable,
)
from service.api.protocol_stream import of_run_so_far
from service.api.runs import accept
from service.api.shapes import CheckpointRef, HistoryRequest, RunCommand, RunCreate
from service.auth import Caller
from service.auth.caller import NotPermitted
from service.database import runs
from service.house import House
from service.runs.starting import NothingToResume, UnknownCheckpoint
from service.runs.submit import Accepted, InvalidRunInput, ThreadBusy
from tools.errors import ConsiliaError, InvalidInput

router = APIRouter(prefix="/threads", tags=["threads"])


class Refusal(ConsiliaError):
    """A command is refused. said: the protocol's code."""

    code = "command_refused"
    status = 400

    def __init__(self, said: str, message: str) -> None:
        super().__init__(message)
        self.said = said


_PARKING: Final = 5.0
"""Seconds that an answer waits for the run that asks to have parked."""

_CODES: Final[tuple[tuple[type[ConsiliaError], str], ...]] = (
    (NotPermitted, "permission_denied"),
    (UnknownAssistant, "invalid_argument"),
    (UnknownCheckpoint, "no_such_checkpoint"),
    (UnknownRun, "no_such_run"),
    (UnknownThread, "no_such_run"),
    (NothingToResume, "no_such_interrupt"),
    (InvalidRunInput, "invalid_argument"),
    (InvalidInput, "invalid_argument"),
)

Done = tuple[dict[str, Any], Accepted | None]
"""A command's result, and the run that it made."""

Command = Callable[[House, Caller, str, dict[str, Any]], Awaitable[Done]]


@router.post("/{thread_id}/commands", response_model=None, openapi_extra=ENVELOPES)
async def command(thread_id: str, request: Request, house: TheHouse, caller: TheCaller) -> Response:
    """Send one command to the thread: run.start (makes the thread where there is none), input.respond, agent.getTree,
    state.get, state.listCheckpoints, state.fork. What runs then is followed at `stream/events`."""
    try:
        envelope = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        return _refused(None, "invalid_argument", "a command is a JSON object; this is no JSON", 400)
    number, method = known(envelope)
    if number is None or method is None:
        message = "a command is a JSON object with an integer id of 0 or more and a string method"
        return _refused(number, "invalid_argument", message, 400)
    try:
        result, accepted = await answer(house, caller, thread_id, method, cast(dict[str, Any], envelope).get("params"))
    except ConsiliaError as error:
        if error.status == 429 or error.status >= 500:
            raise
        status = error.status if error.status in (403, 404) and not isinstance(error, UnknownAssistant) else 200
        return _refused(number, code_of(error), error.message, status)
    made = {"Content-Location": f"/threads/{thread_id}/runs/{accepted.row['run_id']}"} if accepted else None
    body = {"type": "success", "id": number, "result": result, "meta": {"applied_through_seq": 0}}
    return JSONResponse(body, headers=made)


def known(envelope: Any) -> tuple[int | None, str | None]:
    """A command's id and method; None where it has none that is good."""
    told = cast(dict[str, Any], envelope) if isinstance(envelope, dict) else {}
    number, method = told.get("id"), told.get("method")
    good = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**63
    return (number if good else None), (method if isinstance(method, str) else None)


def code_of(error: ConsiliaError) -> str:
    """The protocol's code of an error."""
    if isinstance(error, Refusal):
        return error.said
    return next((code for kind, code in _CODES if isinstance(error, kind)), "unknown_error")


async def answer(house: House, caller: Caller, thread_id: str, method: str, params: Any) -> Done:
    """Do what a command says. Raises Refusal, and what the doing raises."""
    doing = _COMMANDS.get(method)
    if doing is None:
        await find(house, caller, thread_id)
        if method.startswith("subscription."):
            raise Refusal("not_supported", f"{method} needs a connection; give the filter to stream/events instead")
        raise Refusal("unknown_command", f"there is no command {method[:100]!r}; there are {', '.join(_COMMANDS)}")
    thread_id = checked_uuid("thread", thread_id)
    try:
        return await doing(house, caller, thread_id, params if params is not None else {})
    except ValidationError as error:
        faults = [f"{'.'.join(['params', *map(str, fault['loc'])])}: {fault['msg']}" for fault in error.errors()]
        raise Refusal("invalid_argument", f"{method}: {'; '.join(faults)}") from None
    except Unanswerable as error:
        raise Refusal("invalid_argument", str(error)) from None


def _refused(number: int | None, code: str, message: str, status: int) -> Response:
    return JSONResponse({"type": "error", "id": number, "error": code, "message": message}, status)


async def _run_start(house: House, caller: Caller, thread_id: str, params: dict[str, Any]) -> Done:
    """On a thread that waits for a person the input is the answer, as in the reference."""
    asked = RunStart.model_validate(params)
    order = RunCreate(assistant_id=asked.assistant_id, if_not_exists="create")
    order.config, order.metadata = asked.config, asked.metadata
    if asked.input is not None and await _waits(house, caller, thread_id):
        order.command = RunCommand(resume=asked.input)
    elif asked.input is not None and not isinstance(asked.input, dict):
        raise Refusal("invalid_argument", "params.input must be an object: the thread waits for no answer")
    else:
        order.input = asked.input  # pyright: ignore[reportUnknownMemberType]
    accepted = await accept(house, caller, order, thread_id, protocol=True)
    return {"run_id": accepted.row["run_id"]}, accepted


async def _waits(house: House, caller: Caller, thread_id: str) -> bool:
    try:
        thread = await find(house, caller, thread_id)
    except UnknownThread:
        return False
    return bool(thread["interrupts"]) and not await house.queue.on_thread(thread_id)


async def _input_respond(house: House, caller: Caller, thread_id: str, params: dict[str, Any]) -> Done:
    answers = Answers.of(params)
    thread = await find(house, caller, thread_id)
    if any(each.interrupt_id not in _asked_on(thread) for each in answers.responses):
        await _ended(house, thread_id)
        thread = await find(house, caller, thread_id)
    _check_asked(thread, answers.responses)
    asker = await _newest(house, caller, thread_id)
    if asker is None:
        raise Refusal("no_such_run", f"the run that asked on thread {thread_id} was deleted")
    order = RunCreate(
        assistant_id=asker["assistant_id"],
        command=RunCommand(
            resume={each.interrupt_id: each.response for each in answers.responses},
            update=answers.update,
            goto=answers.goto,
        ),
        multitask_strategy="reject",
    )
    order.config, order.metadata = answers.config, answers.metadata
    try:
        accepted = await accept(house, caller, order, thread_id, protocol=True)
    except ThreadBusy:
        raise Refusal("no_such_interrupt", f"thread {thread_id} runs, so it waits for no answer") from None
    return {"run_id": accepted.row["run_id"]}, accepted


async def _ended(house: House, thread_id: str) -> None:
    """Wait a little for the thread's runs to end: an interrupt is streamed a moment before its run has parked."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PARKING):
            for run_id in await house.queue.on_thread(thread_id):
                if (end := await house.queue.outcome(run_id)) is not None:
                    await asyncio.shield(end)


def _asked_on(thread: RowMapping) -> set[str]:
    waiting: dict[str, list[dict[str, Any]]] = thread["interrupts"] or {}
    return {each["id"] for task in waiting.values() for each in task}


def _check_asked(thread: RowMapping, answers: list[Answer]) -> None:
    asked = _asked_on(thread)
    for each in answers:
        if each.interrupt_id not in asked:
            raise Refusal("no_such_interrupt", f"the interrupt {each.interrupt_id!r} is unknown, or answered already")


async def _newest(house: House, caller: Caller, thread_id: str) -> RowMapping | None:
    found = await runs.search(house.database, caller.tenant_id, thread_id=thread_id, limit=1)
    return found[0] if found else None


async def _agent_get_tree(house: House, caller: Caller, thread_id: str, params: dict[str, Any]) -> Done:
    caller.require("read")
    asked = TreeOf.model_validate(params)
    await find(house, caller, thread_id)
    run = await _newest(house, caller, thread_id)
    if asked.run_id is not None:
        run = await runs.get(house.database, caller.tenant_id, checked_uuid("run", asked.run_id), thread_id)
    if run is None:
        raise Refusal("no_such_run", f"no run {asked.run_id or ''} on thread {thread_id}".replace("  ", " "))
    return {"tree": (await of_run_so_far(house, run)).tree()}, None


async def _state_get(house: House, caller: Caller, thread_id: str, params: dict[str, Any]) -> Done:
    caller.require("read")
    asked = StateGet.model_validate(params)
    thread = await find(house, caller, thread_id)
    state = await states.current(house, thread, "|".join(asked.namespace))
    if asked.namespace and state["created_at"] is None:
        raise Refusal("no_such_namespace", f"there is no state under {asked.namespace}")
    values: dict[str, Any] = state["values"]
    shown = values if asked.keys is None else {key: values[key] for key in asked.keys if key in values}
    if state["created_at"] is None:
        return {"values": shown}, None
    at = {"id": state["checkpoint"]["checkpoint_id"], "ns": state["checkpoint"]["checkpoint_ns"] or ""}
    return {"values": shown, "checkpoint": at}, None


async def _state_list_checkpoints(house: House, caller: Caller, thread_id: str, params: dict[str, Any]) -> Done:
    caller.require("read")
    asked = Listing.model_validate(params)
    thread = await find(house, caller, thread_id)
    at = CheckpointRef(checkpoint_ns="|".join(asked.namespace)) if asked.namespace else None
    found = await states.past(house, thread, HistoryRequest(limit=asked.limit, before=asked.before, checkpoint=at))
    listed = [
        {
            "id": each["checkpoint_id"],
            "timestamp": each["created_at"],
            "step": each["metadata"]["step"],
            "metadata": each["metadata"],
        }
        for each in found
    ]
    return {"checkpoints": listed}, None


async def _state_fork(house: House, caller: Caller, thread_id: str, params: dict[str, Any]) -> Done:
    asked = Fork.model_validate(params)
    await find(house, caller, thread_id)
    latest = await _newest(house, caller, thread_id)
    if latest is None:
        raise Refusal("no_such_checkpoint", f"nothing has run on thread {thread_id}")
    order = RunCreate(assistant_id=latest["assistant_id"], input=asked.input, checkpoint_id=asked.checkpoint_id)
    order.config = asked.config
    accepted = await accept(house, caller, order, thread_id, protocol=True)
    return {"run_id": accepted.row["run_id"], "thread_id": thread_id}, accepted


_COMMANDS: Final[dict[str, Command]] = {
    "run.start": _run_start,
    "input.respond": _input_respond,
    "agent.getTree": _agent_get_tree,
    "state.get": _state_get,
    "state.listCheckpoints": _state_list_checkpoints,
    "state.fork": _state_fork,
}
