"""Usage: what was run and asked, what it took, how often it failed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from service.admin import web
from service.admin.access import TheVisitor
from service.admin.api_figures import RunFigures, Usage, used
from service.api.access import TheHouse
from service.database.tables import Tenant
from service.house import House
from tools.charts.bars import Row, bars
from tools.charts.chart import Chart
from tools.charts.frame import percent
from tools.charts.lines import Series, line

router = APIRouter(include_in_schema=False)

PERIODS = (1, 7, 30, 90, 365)


@router.get("/usage")
async def usage(request: Request, house: TheHouse, visitor: TheVisitor, days: float = 30) -> Response:
    days = min(max(days, 0.01), 3660)
    told = await used(house, visitor, days)
    names = await _tenant_names(house) if visitor.tenant is None else {}
    total = {
        name: sum(getattr(each, name) for each in told.workflows)
        for name in ("runs", "failed", "degraded", "tokens", "cost")
    }
    return web.page(
        request,
        "usage.html",
        visitor,
        told=told,
        days=days,
        periods=PERIODS,
        total=total,
        charts=[(chart.title, chart.figure()) for chart in _charts(told, days, names)],
        names=names,
    )


def _charts(told: Usage, days: float, names: Mapping[str, str]) -> list[Chart]:
    """names: of tenants. Those for which there is something to draw."""
    found: list[Chart] = []
    if told.days:
        every, known = _every_day(days), {each.name: each for each in told.days}

        def over_days(name: str) -> list[float]:
            return [float(getattr(known[str(day)], name)) if str(day) in known else 0.0 for day in every]

        runs = [Series("runs", every, over_days("runs")), Series("failed", every, over_days("failed"))]
        found.append(line("Runs a day", runs))
        if any(each.cost for each in told.days):
            found.append(line("Cost a day", [Series("cost", every, over_days("cost"))], value=web.money))
        if any(each.tokens for each in told.days):
            found.append(line("Tokens a day", [Series("tokens", every, over_days("tokens"))]))
    timed = [each for each in told.workflows[:12] if each.p50 is not None]
    if timed:
        rows = [Row(each.name, [each.p50 or 0.0, each.p95 or 0.0]) for each in timed]
        found.append(bars("Duration by workflow", rows, ["half", "95 of 100"], value=web.milliseconds, name="Workflow"))
    if told.workflows:
        found.append(_rates(told.workflows[:12]))
    if told.models:
        rows = [Row(each.name, [float(each.tokens_in), float(each.tokens_out)]) for each in told.models[:12]]
        if any(sum(each.values) for each in rows):
            found.append(bars("Tokens by model", rows, ["in", "out"], name="Model"))
    asked = [each for each in told.models[:12] if each.p50 is not None]
    if asked:
        rows = [Row(each.name, [each.p50 or 0.0, each.p95 or 0.0]) for each in asked]
        found.append(bars("Duration by model", rows, ["half", "95 of 100"], value=web.milliseconds, name="Model"))
    if len(names) > 1 and told.tenants:
        rows = [Row(names.get(each.name, each.name), [float(each.runs)]) for each in told.tenants[:12]]
        found.append(bars("Runs by tenant", rows, ["runs"], name="Tenant"))
    return found


def _rates(workflows: Sequence[RunFigures]) -> Chart:
    rows = [Row(each.name, [each.failed / each.runs, each.degraded / each.runs]) for each in workflows]
    return bars("Failed and degraded", rows, ["failed", "degraded"], value=percent, highest=1.0, name="Workflow")


def _every_day(days: float) -> list[date]:
    today = datetime.now(UTC).date()
    first = (datetime.now(UTC) - timedelta(days=days)).date()
    return [first + timedelta(days=number) for number in range((today - first).days + 1)]


async def _tenant_names(house: House) -> dict[str, Any]:
    async with house.database.reading() as connection:
        rows = await connection.execute(select(Tenant.tenant_id, Tenant.name).limit(10_000))
        return {row.tenant_id: row.name for row in rows}
