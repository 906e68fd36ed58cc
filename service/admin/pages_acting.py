"""A run's states, what is done from its pages, and comparing two."""

from typing import Annotated, Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from service.admin import acting, states, web
from service.admin.access import TheOperator, TheVisitor
from service.admin.api_run import compared_for
from service.admin.finding import find_run, sight_of
from service.admin.pages_run import about
from service.admin.revealing import revealed
from service.api.access import TheHouse
from service.api.finding import checked_uuid
from tools.errors import ConsiliaError, InvalidInput

router = APIRouter(include_in_schema=False)


@router.get("/runs/{run_id}/states")
async def run_states(
    request: Request,
    run_id: str,
    house: TheHouse,
    visitor: TheVisitor,
    at: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    return await _states(request, run_id, house, visitor, at, after)


async def _states(
    request: Request,
    run_id: str,
    house: TheHouse,
    visitor: TheVisitor,
    at: str,
    after: str = "",
    error: ConsiliaError | None = None,
    written: str = "",
) -> Response:
    known = await about(request, house, visitor, run_id, "/states")
    row = known["row"]
    found = await states.steps(house.database, row["run_id"], after or None)
    chosen = at or (found.steps[-1].checkpoint_id if found.steps else "")
    told = await states.state(house, row, chosen, known["sight"]) if chosen else None
    return web.page(
        request,
        "run_states.html",
        visitor,
        error.status if error else 200,
        **{**known, "fault": error.message if error else ""},
        steps=found,
        told_state=told,
        at=chosen,
        nodes=await acting.nodes_of(house, row) if told else [],
        written=written,
    )


@router.get("/runs/{run_id}/states/{checkpoint_id}.json")
async def whole_state(
    request: Request, run_id: str, checkpoint_id: str, house: TheHouse, visitor: TheVisitor
) -> Response:
    """The state with nothing cut, as a download."""
    row = await find_run(house, visitor, run_id)
    sight = sight_of(house, visitor, row["graph_id"], revealed(request, house, visitor, row["run_id"]))
    text = await states.whole_state(house, row, checkpoint_id, sight)
    headers = {**web.HEADERS, "Content-Disposition": f'attachment; filename="state-{row["run_id"]}.json"'}
    return Response(text, 200, headers, "application/json")


@router.post("/runs/{run_id}/retry")
async def retry(run_id: str, house: TheHouse, visitor: TheOperator) -> Response:
    return _to(await acting.retry(house, visitor, await find_run(house, visitor, run_id)))


@router.post("/runs/{run_id}/again")
async def again(
    run_id: str, house: TheHouse, visitor: TheOperator, model: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    return _to(await acting.again(house, visitor, await find_run(house, visitor, run_id), model or None))


@router.post("/runs/{run_id}/fork")
async def fork(
    run_id: str, house: TheHouse, visitor: TheOperator, checkpoint_id: Annotated[str, Form(max_length=100)]
) -> Response:
    return _to(await acting.fork(house, visitor, await find_run(house, visitor, run_id), checkpoint_id))


@router.post("/runs/{run_id}/edit")
async def edit(
    request: Request,
    run_id: str,
    house: TheHouse,
    visitor: TheOperator,
    checkpoint_id: Annotated[str, Form(max_length=100)],
    values: Annotated[str, Form(max_length=4_000_000)],
    as_node: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Write to the state at a checkpoint, and run on from there."""
    row = await find_run(house, visitor, run_id)
    try:
        told = _object(values)
        made = await acting.edit(house, visitor, row, checkpoint_id, told, as_node or None)
        return _to(await acting.fork(house, visitor, row, made))
    except ConsiliaError as error:
        if error.status == 403:
            raise
        return await _states(request, run_id, house, visitor, checkpoint_id, error=error, written=values)


def _object(text: str) -> dict[str, Any]:
    try:
        told: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the new values are not JSON: {error}") from None
    if not isinstance(told, dict):
        raise InvalidInput("the new values must be a JSON object: fields of the state and what they shall be")
    return told  # pyright: ignore[reportUnknownVariableType]


@router.get("/compare")
async def compare(
    request: Request,
    house: TheHouse,
    visitor: TheVisitor,
    run: Annotated[list[str], Query(max_length=1000)] = [],  # noqa: B006, FastAPI copies it
) -> Response:
    """Two runs side by side."""
    chosen = [each.strip() for each in run if each.strip()]
    if len(chosen) != 2:
        message = f"two runs can be compared; {len(chosen)} were chosen. Tick two in the list, or give run twice"
        raise InvalidInput(message)
    left, right = [await find_run(house, visitor, checked_uuid("run", each)) for each in chosen]
    told = await compared_for(house, visitor, left, right)
    return web.page(request, "compare.html", visitor, told=told)


def _to(run_id: str) -> Response:
    return RedirectResponse(f"/admin/runs/{quote(run_id)}", 303)
