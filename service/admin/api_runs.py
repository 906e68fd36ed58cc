"""The admin JSON API: lists of runs, and what is done to many."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from service.admin import export
from service.admin.access import TheOperator, TheVisitor
from service.admin.finding import find_run, sight_of
from service.admin.masking import Sight
from service.admin.roles import Role, Visitor
from service.admin.run_query import RunQuery, cursor
from service.api.access import TheHouse
from service.api.finding import UnknownRun
from service.api.forms import Id
from service.database import run_list
from service.database.run_list import RunFilter
from service.house import House
from tools.errors import InvalidInput

router = APIRouter(prefix="/admin/api", tags=["admin"])


class Me(BaseModel):
    """Who is signed in."""

    key_id: str
    role: str
    tenant_id: str
    all_tenants: bool


class ListedRun(BaseModel):
    """A run in a list. tokens, cost, duration_ms: set at its end."""

    run_id: str
    thread_id: str
    tenant_id: str
    graph_id: str
    status: str
    engine: str | None
    degraded: bool
    attempt: int
    cancelling: str | None
    models: list[str]
    tokens: int
    cost: float
    duration_ms: float | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error_code: str | None
    error_message: str | None


class ListedRuns(BaseModel):
    """older: give it as `before` for the next page; null at the end."""

    runs: list[ListedRun]
    older: str | None


class BulkCancel(BaseModel):
    run_ids: list[str] = Field(min_length=1, max_length=10_000)
    action: Literal["interrupt", "rollback"] = "interrupt"


class Cancelled(BaseModel):
    """cancelled: runs whose end was asked for. skipped: those that had ended, or are not there."""

    cancelled: list[str]
    skipped: list[str]


@router.get("/me")
async def me(visitor: TheVisitor) -> Me:
    """Who is signed in, and with what role."""
    return Me(
        key_id=visitor.caller.key_id,
        role=visitor.role.title,
        tenant_id=visitor.caller.tenant_id,
        all_tenants=visitor.tenant is None,
    )


@router.get("/runs")
async def list_runs(
    house: TheHouse,
    visitor: TheVisitor,
    query: Annotated[RunQuery, Query()],
    before: Annotated[Id | Literal[""] | None, Query(description="`older` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> ListedRuns:
    """Runs that match, newest first."""
    return await listed(house, visitor, query, before, limit)


async def listed(house: House, visitor: Visitor, query: RunQuery, before: str | None, limit: int) -> ListedRuns:
    page = await run_list.page(house.database, wanted(house, visitor, query), cursor(before), limit)
    told = await asyncio.to_thread(export.told, page.rows, partial(sight_of, house, visitor))
    return ListedRuns(runs=[ListedRun.model_validate(each) for each in told], older=page.older)


def wanted(house: House, visitor: Visitor, query: RunQuery) -> RunFilter:
    """The filter, as far as the visitor may see. Text is sought only where its content is shown too, since whoever may
    seek a name learns where it stands."""
    return query.filter(visitor, searched(house, visitor))


def searched(house: House, visitor: Visitor) -> tuple[str, ...] | None:
    """The workflows in whose runs the visitor may seek text; None: all."""
    if visitor.role is Role.ADMIN:
        return None
    return tuple(name for name in house.registry.names() if sight_of(house, visitor, name) is not Sight.HIDDEN)


@router.get("/runs/export", response_model=None)
async def export_runs(
    house: TheHouse,
    visitor: TheVisitor,
    query: Annotated[RunQuery, Query()],
    format: Annotated[Literal["csv", "jsonl"], Query()] = "csv",
) -> StreamingResponse:
    """Runs that match, newest first, as CSV or JSON Lines; admin.export_runs at most."""
    sought, most = wanted(house, visitor, query), house.settings.admin.export_runs
    sights = partial(sight_of, house, visitor)
    made, kind = (
        (export.as_csv(house.database, sought, most, sights), "text/csv; charset=utf-8")
        if format == "csv"
        else (export.as_json_lines(house.database, sought, most, sights), "application/x-ndjson")
    )
    headers = {
        "Content-Disposition": f'attachment; filename="runs.{format}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(made, media_type=kind, headers=headers)


@router.post("/runs/cancel")
async def cancel_runs(house: TheHouse, visitor: TheOperator, body: BulkCancel) -> Cancelled:
    """Ask for the end of many runs. Needs the role operator."""
    return await cancel_many(house, visitor, body)


async def cancel_many(house: House, visitor: Visitor, body: BulkCancel) -> Cancelled:
    most = house.settings.admin.bulk_runs
    if len(body.run_ids) > most:
        raise InvalidInput(f"{len(body.run_ids)} runs at once are more than the {most} of admin.bulk_runs")

    async def one(run_id: str) -> Any:
        try:
            row = await find_run(house, visitor, run_id)
        except (UnknownRun, InvalidInput):
            return None
        return await house.queue.cancel(row["run_id"], body.action)

    asked = list(dict.fromkeys(body.run_ids))
    told = await asyncio.gather(*(one(run_id) for run_id in asked))
    done = [run_id for run_id, ending in zip(asked, told, strict=True) if ending is not None]
    return Cancelled(cancelled=done, skipped=[run_id for run_id in asked if run_id not in set(done)])
