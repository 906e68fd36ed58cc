"""The list of runs."""

import hashlib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy import select

from service.admin import web
from service.admin.access import TheOperator, TheVisitor
from service.admin.api_runs import BulkCancel, ListedRuns, cancel_many, listed, searched
from service.admin.roles import Visitor
from service.admin.run_query import STATUSES, RunQuery, in_url
from service.api.access import TheHouse
from service.database import run_list
from service.database.tables import ModelCallRow, Tenant, ToolCallRow
from service.house import House
from tools.errors import ConsiliaError

router = APIRouter(include_in_schema=False)

_MORE: Final = ("model", "tool", "tenant", "until", "cost", "slower", "faster", "degraded")
_NAMES: Final = {
    "q": "text",
    "workflow": "workflow",
    "status": "status",
    "since": "since",
    "until": "until",
    "model": "model",
    "tool": "tool",
    "tenant": "tenant",
    "cost": "cost ≥",
    "slower": "longer than, s",
    "faster": "shorter than, s",
    "degraded": "degraded",
}


def _given(request: Request) -> list[tuple[str, str]]:
    return [(name, value) for name, value in request.query_params.multi_items() if name in _NAMES and value]


def _query(given: list[tuple[str, str]]) -> RunQuery:
    values: dict[str, Any] = dict(given)
    values["status"] = [value for name, value in given if name == "status"]
    return RunQuery.model_validate(values)


async def _found(request: Request, house: House, visitor: Visitor, before: str | None) -> tuple[ListedRuns, str]:
    """The page of runs, and what is wrong with the filters."""
    try:
        query = _query(_given(request))
        return await listed(house, visitor, query, before, house.settings.admin.page_runs), ""
    except ValidationError as error:
        faults = [f"{_NAMES.get(str(each['loc'][0]), '')}: {each['msg']}" for each in error.errors()]
        return ListedRuns(runs=[], older=None), "; ".join(faults)
    except ConsiliaError as error:
        return ListedRuns(runs=[], older=None), error.message


def _rows(request: Request, found: ListedRuns, before: str | None) -> dict[str, Any]:
    """What the rows' template needs. seen: changes with what they show."""
    given = _given(request)
    told = repr([(row.run_id, row.status, row.cost, row.models, row.degraded, found.older) for row in found.runs])
    return {
        "rows": found.runs,
        "before": before,
        "newest": in_url(given),
        "older": in_url(given, before=found.older) if found.older else "",
        "seen": hashlib.sha256(told.encode()).hexdigest()[:16],
        "chips": [(_NAMES[name], value, in_url(given, **{name: None})) for name, value in given],
    }


@router.get("/runs")
async def runs(request: Request, house: TheHouse, visitor: TheVisitor, before: str | None = None) -> Response:
    found, fault = await _found(request, house, visitor, before)
    given = _given(request)
    return web.page(
        request,
        "runs.html",
        visitor,
        422 if fault else 200,
        **_rows(request, found, before),
        given={name: dict(given).get(name, "") for name in _NAMES},
        more=any(name in dict(given) for name in _MORE),
        query=in_url(given),
        export=f"{in_url(given)}&" if given else "",
        fault=fault,
        unsought=_unsought(house, visitor) if dict(given).get("q") else "",
        live=not before and not fault,
        counts=await run_list.counts(house.database, visitor.tenant),
        workflows=house.registry.names(),
        statuses=STATUSES,
        models=await run_list.named(house.database, ModelCallRow.model),
        tools=await run_list.named(house.database, ToolCallRow.tool),
        tenants=await _tenants(house) if visitor.tenant is None else [],
    )


@router.get("/runs/rows")
async def rows(request: Request, house: TheHouse, visitor: TheVisitor, seen: str = "") -> Response:
    """The first page's rows, for the list that follows what happens; nothing when they are as last seen."""
    found, _ = await _found(request, house, visitor, None)
    shown = _rows(request, found, None)
    if shown["seen"] == seen:
        return Response(status_code=204, headers=web.HEADERS)
    return web.page(request, "runs_rows.html", visitor, **shown)


@router.post("/runs/cancel")
async def cancel(
    request: Request,
    house: TheHouse,
    visitor: TheOperator,
    run: Annotated[list[str], Form()] = [],  # noqa: B006, FastAPI copies it
    back: Annotated[str, Form()] = "",
) -> Response:
    """Cancel the runs that are ticked."""
    if run:
        await cancel_many(house, visitor, BulkCancel(run_ids=run))
    return RedirectResponse(f"/admin/runs?{back}", 303)


def _unsought(house: House, visitor: Visitor) -> str:
    """In which workflows' runs text was not sought, and why: a sentence, or nothing."""
    sealed = [name for name in house.registry.names() if house.database.is_sensitive(name)]
    allowed = searched(house, visitor)
    known = set(house.registry.names() if allowed is None else allowed)
    unseen = [name for name in house.registry.names() if name not in known and name not in sealed]
    told = [
        f"{', '.join(sealed)}: {'it is' if len(sealed) == 1 else 'they are'} sealed at rest" if sealed else "",
        f"{', '.join(unseen)}: their content is not shown to this key" if unseen else "",
    ]
    said = "; ".join(each for each in told if each)
    return f"Text is not sought in runs of {said}." if said else ""


async def _tenants(house: House) -> list[dict[str, Any]]:
    async with house.database.reading() as connection:
        query = select(Tenant.tenant_id, Tenant.name).order_by(Tenant.name).limit(1000)
        return [dict(row) for row in (await connection.execute(query)).mappings()]
