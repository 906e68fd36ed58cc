"""The admin JSON API: the model servers, and trying a routing decision."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from agents.demand import Needs
from agents.routing import NoCapableModel, NoModelAvailable
from agents.signals import measure
from service import draining
from service.admin.access import TheAdmin
from service.admin.api_figures import ModelFigures
from service.admin.finding import sight_of
from service.admin.roles import Visitor
from service.admin.showing import shown_error
from service.api.access import TheHouse
from service.database import figures
from service.house import House

router = APIRouter(prefix="/admin/api/pool", tags=["admin"])

LATELY = timedelta(hours=24)


class FailedCall(BaseModel):
    """A question to a model that failed. run_id: in which run."""

    run_id: str
    question: str
    model: str
    endpoint: str | None
    error: Any
    started_at: datetime


class PoolNow(BaseModel):
    """status: as `GET /pool`: models, endpoints, state, load. models, errors: of the last 24 hours."""

    status: dict[str, Any]
    models: list[ModelFigures]
    errors: list[FailedCall]


class Tried(BaseModel):
    """A question to be routed, not asked."""

    model_config = ConfigDict(strict=True)

    text: str = Field(default="", max_length=20_000)
    reasoning: bool = False
    tools: bool = False
    extraction: bool = False
    low_latency: bool = False
    languages: list[str] = Field(default_factory=lambda: ["en"], max_length=20)


class Decision(BaseModel):
    """What routing would decide now, and why; or why nobody could answer."""

    model: str | None
    engine: str | None
    thinking: bool = False
    reasons: list[str]


@router.get("")
async def pool(house: TheHouse, visitor: TheAdmin) -> PoolNow:
    """Models and endpoints, and how they did in the last day. For the installation's admins."""
    return await pool_now(house, visitor)


async def pool_now(house: House, visitor: Visitor) -> PoolNow:
    visitor.caller.require_installation()
    since = datetime.now(UTC) - LATELY
    asked = await figures.models(house.database, None, since)
    failed = await figures.failed_calls(house.database, since)
    errors = await asyncio.to_thread(
        lambda: [
            {**row, "error": shown_error(row["error"], sight_of(house, visitor, row["graph_id"]))} for row in failed
        ]
    )
    return PoolNow(
        status=house.pool.status(),
        models=[ModelFigures.model_validate(dict(row)) for row in asked],
        errors=[FailedCall.model_validate(each) for each in errors],
    )


class Drained(BaseModel):
    """draining: false sends it requests again."""

    endpoint: str = Field(max_length=2000)
    draining: bool = True


@router.post("/drain")
async def drain(body: Drained, house: TheHouse, visitor: TheAdmin) -> dict[str, Any]:
    """Send an endpoint no new requests, in every process; or again. For the installation's admins."""
    await drained(house, visitor, body.endpoint, body.draining)
    return house.pool.status()


async def drained(house: House, visitor: Visitor, endpoint: str, draining_: bool) -> None:
    visitor.caller.require_installation()
    await draining.drain(house.database, house.pool, endpoint, draining_, visitor.caller.key_id)


@router.post("/route")
async def try_route(body: Tried, house: TheHouse, visitor: TheAdmin) -> Decision:
    """Which model would answer such a question now, and why; nothing is asked. For the installation's admins."""
    return await routed(house, visitor, body)


async def routed(house: House, visitor: Visitor, tried: Tried) -> Decision:
    visitor.caller.require_installation()
    needs = Needs(
        reasoning=tried.reasoning,
        languages=tuple(tried.languages),
        tools=tried.tools,
        extraction=tried.extraction,
        low_latency=tried.low_latency,
    )
    signals = await asyncio.to_thread(measure, tried.text)
    try:
        found = house.pool.route(needs, signals)
    except (NoCapableModel, NoModelAvailable) as error:
        return Decision(model=None, engine=None, reasons=[error.message])
    return Decision(model=found.model, engine=found.engine, thinking=found.thinking, reasons=list(found.reasons))
