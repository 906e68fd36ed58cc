"""The admin JSON API: one run, and what happened in it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from service.admin import acting, comparing, one_run, states
from service.admin.access import TheOperator, TheVisitor
from service.admin.comparing import Comparison
from service.admin.finding import find_run
from service.admin.graph_picture import RunGraph, marked_waiting, run_graph
from service.admin.one_run import Called, Events, Question, WholeRun
from service.admin.revealing import record_reveal, revealed
from service.admin.roles import Role
from service.admin.showing import shown_text
from service.admin.states import Steps, StepState
from service.admin.steps import visits
from service.admin.timeline import Timeline, timeline
from service.api.access import TheHouse
from service.api.runs import NothingToCancel
from service.api.sse import with_heartbeats
from service.database import calls, runs, threads
from service.house import House
from service.runs.outcome import CancelAction
from tools.errors import ConsiliaError

router = APIRouter(prefix="/admin/api/runs/{run_id}", tags=["admin"])


class NoGraph(ConsiliaError):
    """The run's workflow is not among those that are served now, so its graph is not known."""

    code = "graph_not_known"
    status = 404


async def _reveal(
    request: Request,
    run_id: str,
    house: TheHouse,
    visitor: TheVisitor,
    reveal: Annotated[bool, Query(description="Without masks; needs the role admin, and is audited.")] = False,
) -> bool:
    if not reveal:
        return revealed(request, house, visitor, run_id)
    visitor.need(Role.ADMIN, "to see secrets and personal data")
    row = await find_run(house, visitor, run_id)
    await record_reveal(request, house, visitor, row)
    return True


Reveal = Annotated[bool, Depends(_reveal)]


@router.get("")
async def run(run_id: str, house: TheHouse, visitor: TheVisitor, reveal: Reveal) -> WholeRun:
    """The run: input, output, error, files, what it waits for, who decided."""
    return await one_run.whole(house.database, await find_run(house, visitor, run_id), reveal)


@router.get("/model-calls")
async def model_calls(run_id: str, house: TheHouse, visitor: TheVisitor, reveal: Reveal) -> list[Question]:
    """Every question to a model: who was asked and why, prompt and answer, attempts, tokens, cost, times."""
    row = await find_run(house, visitor, run_id)
    return await one_run.questions(house.database, row["run_id"], reveal)


@router.get("/tool-calls")
async def tool_calls(run_id: str, house: TheHouse, visitor: TheVisitor, reveal: Reveal) -> list[Called]:
    """Every tool call: arguments, result, server, permission."""
    row = await find_run(house, visitor, run_id)
    return await one_run.tool_calls(house.database, row["run_id"], reveal)


@router.get("/events")
async def events(
    run_id: str,
    house: TheHouse,
    visitor: TheVisitor,
    reveal: Reveal,
    after: Annotated[int, Query(ge=0, le=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=2000)] = 200,
    kind: Annotated[str | None, Query(max_length=100)] = None,
) -> Events:
    """The run's events in order, a page at a time."""
    row = await find_run(house, visitor, run_id)
    return await one_run.events(house.database, row["run_id"], after, limit, reveal, kind or None)


@router.get("/graph")
async def graph(run_id: str, house: TheHouse, visitor: TheVisitor) -> RunGraph:
    """The workflow's graph: each node with its state, time and count, each edge with how often it was taken."""
    return await path_taken(house, await find_run(house, visitor, run_id))


async def path_taken(house: House, row: dict[str, Any]) -> RunGraph:
    """Raises NoGraph."""
    if row["graph_id"] not in house.registry.names():
        raise NoGraph(f"the workflow {row['graph_id']!r} is no longer served here, so its graph is not known")
    visited = await visits(house.database, row["run_id"])
    async with house.registry.get(row["graph_id"]).graph({"configurable": {"thread_id": row["thread_id"]}}) as made:
        found = await asyncio.to_thread(run_graph, made, visited, row["status"])
    if row["status"] != "interrupted":
        return found
    asking = await threads.interrupts(house.database, row["thread_id"])
    return marked_waiting(found, [each.node for each in visited if each.task_id in asking])


@router.get("/timeline")
async def spans(run_id: str, house: TheHouse, visitor: TheVisitor) -> Timeline:
    """Nodes, questions and tool calls with their times, nested."""
    return await timeline_of(house, await find_run(house, visitor, run_id))


async def timeline_of(house: House, row: dict[str, Any]) -> Timeline:
    visited = await visits(house.database, row["run_id"])
    asked = await calls.model_calls(house.database, row["run_id"])
    called = await calls.tool_calls(house.database, row["run_id"])
    return timeline(row, visited, asked, called)


@router.get("/states")
async def state_steps(
    run_id: str,
    house: TheHouse,
    visitor: TheVisitor,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Steps:
    """The run's checkpoints, oldest first."""
    row = await find_run(house, visitor, run_id)
    return await states.steps(house.database, row["run_id"], after, limit)


@router.get("/states/{checkpoint_id}")
async def state(run_id: str, checkpoint_id: str, house: TheHouse, visitor: TheVisitor, reveal: Reveal) -> StepState:
    """The state at a checkpoint, and what its step changed."""
    return await states.state(house, await find_run(house, visitor, run_id), checkpoint_id, reveal)


@router.get("/states/{checkpoint_id}/whole", response_model=None)
async def whole_state(
    run_id: str, checkpoint_id: str, house: TheHouse, visitor: TheVisitor, reveal: Reveal
) -> Response:
    """The state at a checkpoint as a JSON file, with nothing cut."""
    row = await find_run(house, visitor, run_id)
    text = await states.whole_state(house, row, checkpoint_id, reveal)
    headers = {"Content-Disposition": f'attachment; filename="state-{row["run_id"]}.json"', "Cache-Control": "no-store"}
    return Response(text, 200, headers, "application/json")


@router.get("/compared")
async def compared(
    run_id: str, house: TheHouse, visitor: TheVisitor, other: Annotated[str, Query(description="The other run.")]
) -> Comparison:
    """Two runs side by side: what differs in input and output, and how each went."""
    left, right = await find_run(house, visitor, run_id), await find_run(house, visitor, other)
    return await comparing.compare(house.database, left, right, False)


class NewRun(BaseModel):
    """The run that was started."""

    run_id: str


class Again(BaseModel):
    model: str | None = Field(default=None, max_length=200, description="The one model of the pool that may answer.")


class Edited(BaseModel):
    """values: what is written, as if `as_node` had. go_on: run on from there at once."""

    values: dict[str, Any]
    as_node: str | None = Field(default=None, max_length=200)
    go_on: bool = False


class EditedState(BaseModel):
    """checkpoint_id: the state that was made. run_id: the run that goes on from it, where that was asked for."""

    checkpoint_id: str
    run_id: str | None = None


@router.post("/cancel", status_code=204, response_model=None)
async def cancel(
    run_id: str, house: TheHouse, visitor: TheOperator, action: Annotated[CancelAction, Query()] = "interrupt"
) -> Response:
    """End the run; with `rollback` the state it wrote is taken back."""
    row = await find_run(house, visitor, run_id)
    visitor.caller.require("invoke", row["graph_id"])
    if await house.queue.cancel(row["run_id"], action) is None:
        raise NothingToCancel(f"run {run_id} has ended already", run_id=run_id)
    return Response(status_code=204)


@router.post("/retry")
async def retry(run_id: str, house: TheHouse, visitor: TheOperator) -> NewRun:
    """Go on where the run stopped: its last step is taken again."""
    return NewRun(run_id=await acting.retry(house, visitor, await find_run(house, visitor, run_id)))


@router.post("/again")
async def again(run_id: str, body: Again, house: TheHouse, visitor: TheOperator) -> NewRun:
    """The same input on a thread of its own, also with another model."""
    return NewRun(run_id=await acting.again(house, visitor, await find_run(house, visitor, run_id), body.model))


@router.post("/states/{checkpoint_id}/fork")
async def fork(run_id: str, checkpoint_id: str, house: TheHouse, visitor: TheOperator) -> NewRun:
    """Run on from a checkpoint."""
    row = await find_run(house, visitor, run_id)
    return NewRun(run_id=await acting.fork(house, visitor, row, checkpoint_id))


@router.post("/states/{checkpoint_id}/edit")
async def edit(run_id: str, checkpoint_id: str, body: Edited, house: TheHouse, visitor: TheOperator) -> EditedState:
    """Write to the state at a checkpoint. Needs the scope approve."""
    row = await find_run(house, visitor, run_id)
    made = await acting.edit(house, visitor, row, checkpoint_id, body.values, body.as_node)
    went = await acting.fork(house, visitor, row, made) if body.go_on else None
    return EditedState(checkpoint_id=made, run_id=went)


@router.get("/live", response_model=None)
async def live(
    run_id: str,
    request: Request,
    house: TheHouse,
    visitor: TheVisitor,
    reveal: Reveal,
    after: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> StreamingResponse:
    """The run's events as they come (Server-Sent Events): `line` for each, `end` when it has ended."""
    row = await find_run(house, visitor, run_id)
    given = request.headers.get("last-event-id", "")
    after = int(given) if given.isdecimal() and len(given) < 10 else after
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    lines = with_heartbeats(_lines(house, row["run_id"], after, reveal))
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


async def _lines(house: House, run_id: str, after: int, reveal: bool) -> AsyncGenerator[bytes]:
    async for event in house.feeds.follow(run_id, after):
        told = {"seq": event.seq, "kind": event.kind, "text": shown_text(event.data, reveal, 400)}
        yield b"event: line\nid: %d\ndata: %s\n\n" % (event.seq, orjson.dumps(told))
    if await runs.status(house.database, run_id) not in runs.UNFINISHED:
        yield b"event: end\ndata: {}\n\n"
