"""Runs: start one, wait for it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import orjson
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from service.api import assistants, threads
from service.api.access import TheCaller, TheHouse
from service.api.shapes import Run, RunCreate, run_shape
from service.auth import Caller
from service.house import House
from service.runs.executor import Outcome
from service.runs.submit import Accepted, Order, submit
from tools.errors import ConsiliaError

router = APIRouter(tags=["runs"])

HEARTBEAT_SECONDS = 10.0
"""A waiting response sends white space this often, so that no proxy takes it for dead."""


async def accept(house: House, caller: Caller, body: RunCreate, thread_id: str | None) -> Accepted:
    """Check and accept a run."""
    if thread_id is not None:
        thread_id = (await threads.find(house, caller, thread_id))["thread_id"]
    order = Order(
        assistant=await assistants.find(house, caller, body.assistant_id),
        input=body.input,
        command=body.command,
        config=body.config,
        context=body.context,
        metadata=body.metadata,
        stream_mode=body.modes(),
        interrupt_before=body.interrupt_before,
        interrupt_after=body.interrupt_after,
        multitask_strategy=body.multitask_strategy,
        durability=body.durability,
    )
    return await submit(house, caller.tenant_id, order, thread_id)


@router.post("/threads/{thread_id}/runs")
async def create(thread_id: str, body: RunCreate, house: TheHouse, caller: TheCaller, response: Response) -> Run:
    """Start a run in the background."""
    accepted = await accept(house, caller, body, thread_id)
    response.headers.update(_headers(accepted.row))
    return run_shape(accepted.row)


@router.post("/threads/{thread_id}/runs/wait", response_model=None)
async def wait(thread_id: str, body: RunCreate, house: TheHouse, caller: TheCaller) -> Response:
    """Run on a thread and answer with the final state."""
    return await _waited(await accept(house, caller, body, thread_id))


@router.post("/runs/wait", response_model=None)
async def wait_stateless(body: RunCreate, house: TheHouse, caller: TheCaller) -> Response:
    """Run on a thread of its own and answer with the final state."""
    return await _waited(await accept(house, caller, body, None))


async def _waited(accepted: Accepted) -> Response:
    headers = _headers(accepted.row)
    done, _ = await asyncio.wait([accepted.outcome], timeout=HEARTBEAT_SECONDS)
    if not done:
        return StreamingResponse(_slowly(accepted), media_type="application/json", headers=headers)
    outcome = accepted.outcome.result()
    if outcome.error is not None and 400 <= outcome.error["status"] < 500:
        payload = {"detail": outcome.error["message"], **_answer(outcome), **_public(outcome.error)}
        return Response(orjson.dumps(payload), outcome.error["status"], headers, "application/json")
    return Response(orjson.dumps(_answer(outcome)), 200, headers, "application/json")


async def _slowly(accepted: Accepted) -> AsyncGenerator[bytes]:
    while not (await asyncio.wait([accepted.outcome], timeout=HEARTBEAT_SECONDS))[0]:
        yield b"\n"
    try:
        yield orjson.dumps(_answer(accepted.outcome.result()))
    except (asyncio.CancelledError, ConsiliaError):
        yield orjson.dumps({"__error__": {"error": "Interrupted", "message": "the service stopped; the run goes on"}})


def _answer(outcome: Outcome) -> dict[str, Any]:
    if outcome.error is not None:
        return {"__error__": {"error": outcome.error["type"], "message": outcome.error["message"]}}
    if outcome.interrupts:
        asked = [each for group in outcome.interrupts.values() for each in group]
        return {**(outcome.values or {}), "__interrupt__": asked}
    return outcome.values or {}


def _public(error: dict[str, Any]) -> dict[str, Any]:
    return {"code": error["code"], "details": error["details"]}


def _headers(row: dict[str, Any]) -> dict[str, str]:
    path = f"/threads/{row['thread_id']}/runs/{row['run_id']}"
    return {"Location": f"{path}/join", "Content-Location": path}
