"""The admin JSON API: one run, and what happened in it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from service.admin import acting, comparing, one_run, states
from service.admin.access import TheOperator, TheVisitor
from service.admin.comparing import Comparison
from service.admin.finding import find_run, sight_of
from service.admin.graph_picture import RunGraph, marked_waiting, run_graph
from service.admin.masking import Sight
from service.admin.one_run import Called, Events, Question, WholeRun
from service.admin.revealing import record_reveal
from service.admin.roles import Role, Visitor
from service.admin.showing import shown_events
from service.admin.states import Steps, StepState
from service.admin.steps import visits
from service.admin.timeline import Timeline, timeline
from service.api.access import TheHouse
from service.api.runs import NothingToCancel
from service.api.sse import with_heartbeats
from service.by_hand import Act
from service.database import calls, runs, threads
from service.house import House
from service.runs.outcome import CancelAction
from tools.errors import ConsiliaError

router = APIRouter(prefix="/admin/api/runs/{run_id}", tags=["admin"])


class NoGraph(ConsiliaError):
    """The run's workflow is not among those that are served now, so its graph is not known."""

    code = "graph_not_known"
    status = 404


async def _seen(
    request: Request,
    run_id: str,
    house: TheHouse,
    visitor: TheVisitor,
    reveal: Annotated[bool, Query(description="Without masks; needs the role admin, and is audited.")] = False,
) -> "Seen":
    row = await find_run(house, visitor, run_id)
    if reveal:
        visitor.need(Role.ADMIN, "to see secrets and personal data")
        await record_reveal(request, house, visitor, row)
    return Seen(row, sight_of(house, visitor, row["graph_id"], reveal))


@dataclass(frozen=True, slots=True)
class Seen:
    """A run's row, and how much of its content is shown to who asks."""

    row: dict[str, Any]
    sight: Sight


TheRun = Annotated[Seen, Depends(_seen)]


@router.get("")
async def run(house: TheHouse, seen: TheRun) -> WholeRun:
    """The run: input, output, error, files, what it waits for, who decided."""
    return await one_run.whole(house.database, seen.row, seen.sight)


@router.get("/model-calls")
async def model_calls(house: TheHouse, seen: TheRun) -> list[Question]:
    """Every question to a model: who was asked and why, prompt and answer, attempts, tokens, cost, times."""
    return await one_run.questions(house.database, seen.row["run_id"], seen.sight)


@router.get("/tool-calls")
async def tool_calls(house: TheHouse, seen: TheRun) -> list[Called]:
    """Every tool call: arguments, result, server, permission."""
    return await one_run.tool_calls(house.database, seen.row["run_id"], seen.sight)


@router.get("/events")
async def events(
    house: TheHouse,
    seen: TheRun,
    after: Annotated[int, Query(ge=0, le=2**31)] = 0,
    limit: Annotated[int, Query(ge=1, le=2000)] = 200,
    kind: Annotated[str | None, Query(max_length=100)] = None,
) -> Events:
    """The run's events in order, a page at a time."""
    return await one_run.events(house.database, seen.row["run_id"], after, limit, seen.sight, kind or None)


@router.get("/graph")
async def graph(house: TheHouse, seen: TheRun) -> RunGraph:
    """The workflow's graph: each node with its state, time and count, each edge with how often it was taken."""
    return await path_taken(house, seen.row, seen.sight)


async def path_taken(house: House, row: dict[str, Any], sight: Sight) -> RunGraph:
    """Raises NoGraph."""
    if row["graph_id"] in get_args(Act):
        raise NoGraph(f"this is consilia {row['graph_id']}, a person's command, which has no graph")
    if row["graph_id"] not in house.registry.names():
        raise NoGraph(f"the workflow {row['graph_id']!r} is no longer served here, so its graph is not known")
    visited = await visits(house.database, row["run_id"])
    async with house.registry.get(row["graph_id"]).graph({"configurable": {"thread_id": row["thread_id"]}}) as made:
        found = await asyncio.to_thread(run_graph, made, visited, row["status"], sight)
    if row["status"] != "interrupted":
        return found
    asking = await threads.interrupts(house.database, row["thread_id"])
    return marked_waiting(found, [each.node for each in visited if each.task_id in asking])


@router.get("/timeline")
async def spans(house: TheHouse, seen: TheRun) -> Timeline:
    """Nodes, questions and tool calls with their times, nested."""
    return await timeline_of(house, seen.row, seen.sight)


async def timeline_of(house: House, row: dict[str, Any], sight: Sight) -> Timeline:
    visited = await visits(house.database, row["run_id"])
    asked = await calls.model_calls(house.database, row["run_id"])
    called = await calls.tool_calls(house.database, row["run_id"])
    return await asyncio.to_thread(timeline, row, visited, asked, called, sight)


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
async def state(checkpoint_id: str, house: TheHouse, seen: TheRun) -> StepState:
    """The state at a checkpoint, and what its step changed."""
    return await states.state(house, seen.row, checkpoint_id, seen.sight)


@router.get("/states/{checkpoint_id}/whole", response_model=None)
async def whole_state(checkpoint_id: str, house: TheHouse, seen: TheRun) -> Response:
    """The state at a checkpoint as a JSON file, with nothing cut."""
    text = await states.whole_state(house, seen.row, checkpoint_id, seen.sight)
    named = f'attachment; filename="state-{seen.row["run_id"]}.json"'
    headers = {"Content-Disposition": named, "Cache-Control": "no-store"}
    return Response(text, 200, headers, "application/json")


@router.get("/compared")
async def compared(
    run_id: str, house: TheHouse, visitor: TheVisitor, other: Annotated[str, Query(description="The other run.")]
) -> Comparison:
    """Two runs side by side: what differs in input and output, and how each went."""
    left, right = await find_run(house, visitor, run_id), await find_run(house, visitor, other)
    return await compared_for(house, visitor, left, right)


async def compared_for(house: House, visitor: Visitor, left: dict[str, Any], right: dict[str, Any]) -> Comparison:
    """Hidden where one of the two is."""
    sights = {sight_of(house, visitor, each["graph_id"]) for each in (left, right)}
    sight = Sight.HIDDEN if Sight.HIDDEN in sights else Sight.MASKED
    return await comparing.compare(house.database, left, right, sight)


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
    request: Request, house: TheHouse, seen: TheRun, after: Annotated[int, Query(ge=0, le=2**31)] = 0
) -> StreamingResponse:
    """The run's events as they come (Server-Sent Events): `line` for each, `end` when it has ended."""
    return tail(request, house, seen.row["run_id"], after, lambda: seen.sight)


def tail(request: Request, house: House, run_id: str, after: int, sight: Callable[[], Sight]) -> StreamingResponse:
    """sight: how much is shown, asked anew for each event, since a permit to see ends."""
    given = request.headers.get("last-event-id", "")
    after = int(given) if given.isdecimal() and len(given) < 10 else after
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    lines = with_heartbeats(_lines(house, run_id, after, sight))
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


async def _lines(house: House, run_id: str, after: int, sight: Callable[[], Sight]) -> AsyncGenerator[bytes]:
    async for event in house.feeds.follow(run_id, after):
        [text] = await asyncio.to_thread(shown_events, [(event.kind, event.data)], sight(), 400)
        told = {"seq": event.seq, "kind": event.kind, "text": text}
        yield b"event: line\nid: %d\ndata: %s\n\n" % (event.seq, orjson.dumps(told))
    if await runs.status(house.database, run_id) not in runs.UNFINISHED:
        yield b"event: end\ndata: {}\n\n"
