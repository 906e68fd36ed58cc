"""The admin JSON API: figures over many runs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from service.admin.access import TheVisitor
from service.admin.roles import Visitor
from service.api.access import TheHouse
from service.database import figures
from service.house import House

router = APIRouter(prefix="/admin/api", tags=["admin"])

Days = Annotated[float, Query(gt=0, le=3660, description="How far back.")]


class RunFigures(BaseModel):
    """name: of the workflow, the tenant's id, or the day (UTC). failed: ended in error or ran out of time. p50, p95:
    of the duration, ms."""

    name: str
    runs: int
    failed: int
    interrupted: int
    degraded: int
    tokens: int
    cost: float
    p50: float | None
    p95: float | None


class ModelFigures(BaseModel):
    """Of questions in runs and of chats through /v1. seconds: all durations together. ttft: mean time to the first
    token, ms."""

    name: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    tokens_thinking: int
    tokens_cached: int
    cost: float
    p50: float | None
    p95: float | None
    ttft: float | None
    seconds: float | None

    @property
    def cache_hits(self) -> float | None:
        """The share of the tokens read that a server had in its cache."""
        return self.tokens_cached / self.tokens_in if self.tokens_in else None

    @property
    def tokens_per_second(self) -> float | None:
        return self.tokens_out / self.seconds if self.seconds and self.tokens_out else None


class ToolFigures(BaseModel):
    server: str
    tool: str
    calls: int
    failed: int
    p50: float | None
    p95: float | None


class Usage(BaseModel):
    """Figures since a moment."""

    since: datetime
    workflows: list[RunFigures]
    days: list[RunFigures]
    tenants: list[RunFigures]
    models: list[ModelFigures]


@router.get("/usage")
async def usage(house: TheHouse, visitor: TheVisitor, days: Days = 30) -> Usage:
    """Runs, failures, degraded ones, tokens, cost and latency by workflow, day, tenant and model."""
    return await used(house, visitor, days)


async def used(house: House, visitor: Visitor, days: float) -> Usage:
    since, tenant = datetime.now(UTC) - timedelta(days=days), visitor.tenant
    by_workflow = await figures.runs_by(house.database, tenant, "workflow", since)
    by_day = await figures.runs_by(house.database, tenant, "day", since)
    by_tenant = await figures.runs_by(house.database, tenant, "tenant", since)
    asked = await figures.models(house.database, tenant, since)
    return Usage(
        since=since,
        workflows=[RunFigures.model_validate(dict(row)) for row in by_workflow],
        days=[RunFigures.model_validate(dict(row)) for row in by_day],
        tenants=[RunFigures.model_validate(dict(row)) for row in by_tenant],
        models=[ModelFigures.model_validate(dict(row)) for row in asked],
    )


@router.get("/tool-figures")
async def tool_figures(house: TheHouse, visitor: TheVisitor, days: Days = 30) -> list[ToolFigures]:
    """Calls, failures and latency of every tool."""
    since = datetime.now(UTC) - timedelta(days=days)
    rows = await figures.tools(house.database, visitor.tenant, since)
    return [ToolFigures.model_validate(dict(row)) for row in rows]
