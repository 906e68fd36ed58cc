"""`consilia tenants`: who the rows belong to, and what each may take."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy import RowMapping

from service.auth.audit import of_command
from service.commands.keys import opened
from service.commands.terminal import ConfigOption, JsonOption, err, out, print_json, run, settings
from service.database import tenants
from service.database.engine import Database
from service.database.tables import now

_WIDE = 110
"""Columns from which tenants are listed with their ids."""

app = typer.Typer(help="Tenants: whose runs, threads, files and keys are whose.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(help="The tenant's name or id.")]
PerMinute = Annotated[
    int | None, typer.Option(min=0, help="Most requests a minute; 0: as the settings say.", show_default=False)
]
Tokens = Annotated[
    int | None, typer.Option(min=0, help="Most tokens a month; 0: as the settings say.", show_default=False)
]
Cost = Annotated[
    float | None, typer.Option(min=0, help="Most cost a month; 0: as the settings say.", show_default=False)
]
Retention = Annotated[
    list[str] | None,
    typer.Option(
        help="WORKFLOW=DAYS, or DAYS for all others: how long ended runs are kept; 0: as the settings say.",
        show_default=False,
    ),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name of its own, such as 'legal'.")],
    requests_per_minute: PerMinute = None,
    tokens_per_month: Tokens = None,
    cost_per_month: Cost = None,
    retention: Retention = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make a tenant. Give it a key: consilia keys create NAME --tenant TENANT --role admin"""
    limits = _limits(requests_per_minute, tokens_per_month, cost_per_month)
    days = _days(retention, None)

    async def work() -> RowMapping:
        async with opened(config) as (database, _):
            row = await tenants.create(database, name, {**limits, **days})
            return await _audited(config, database, "tenants.create", row)

    _show(run(work()), json)


@app.command("list")
def list_(config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the tenants by name."""

    async def work() -> list[dict[str, Any]]:
        async with opened(config) as (database, _):
            return [dict(row) for row in await tenants.search(database)]

    rows = run(work())
    if json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    narrow = out.width < _WIDE  # the id is in --json too
    for heading in ("name", "tenant", "state", "requests/min", "tokens/month", "cost/month", "retention, days"):
        if heading != "tenant" or not narrow:
            table.add_column(heading, no_wrap=heading == "tenant", overflow="fold")
    for row in rows:
        state = "[red]suspended[/]" if row["suspended_at"] else "[green]open[/]"
        limits = [_or(row[each]) for each in tenants.LIMITS[:3]]
        table.add_row(row["name"], *([] if narrow else [row["tenant_id"]]), state, *limits, _kept(row))
    out.print(table)


@app.command("set")
def set_(
    tenant: Named,
    requests_per_minute: PerMinute = None,
    tokens_per_month: Tokens = None,
    cost_per_month: Cost = None,
    retention: Retention = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Change what a tenant may take; what is not given stays."""
    limits = _limits(requests_per_minute, tokens_per_month, cost_per_month)

    async def work() -> RowMapping:
        async with opened(config) as (database, _):
            row = await tenants.find(database, tenant)
            changed = await tenants.change(database, row["tenant_id"], {**limits, **_days(retention, row)})
            return await _audited(config, database, "tenants.set", changed)

    _show(run(work()), json)


@app.command()
def suspend(tenant: Named, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Refuse every key of a tenant, within a second and until `resume`; nothing of it is deleted."""
    _show(run(_suspended(config, tenant, True)), json)


@app.command()
def resume(tenant: Named, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Let a suspended tenant's keys in again."""
    _show(run(_suspended(config, tenant, False)), json)


async def _suspended(config: Path | None, tenant: str, suspended: bool) -> RowMapping:
    async with opened(config) as (database, _):
        row = await tenants.find(database, tenant)
        row = await tenants.change(database, row["tenant_id"], {"suspended_at": now() if suspended else None})
        return await _audited(config, database, "tenants.suspend" if suspended else "tenants.resume", row)


async def _audited(config: Path | None, database: Database, action: str, row: RowMapping) -> RowMapping:
    """Write what this command did to a tenant into the audit log; the tenant's row."""
    limits = {name: str(row[name]) for name in tenants.LIMITS if row[name] is not None}
    data_dir = settings(config).data_dir
    await of_command(database, data_dir, action, f"tenant={row['name']}", row["tenant_id"], **limits)
    return row


def _limits(requests: int | None, tokens: int | None, cost: float | None) -> dict[str, Any]:
    """What was given; 0 takes the tenant's own limit away."""
    given = {"requests_per_minute": requests, "tokens_per_month": tokens, "cost_per_month": cost}
    return {name: value or None for name, value in given.items() if value is not None}


def _days(given: list[str] | None, row: RowMapping | None) -> dict[str, Any]:
    if not given:
        return {}
    days: dict[str, float] = dict((row["retention_days"] if row is not None else None) or {})
    for each in given:
        workflow, _, number = each.rpartition("=")
        try:
            days[workflow or "*"] = float(number)
        except ValueError:
            err.print(f"[bold red]error[/] --retention {each!r}: write WORKFLOW=DAYS, or DAYS")
            raise typer.Exit(2) from None
    return {"retention_days": {name: number for name, number in days.items() if number > 0} or None}


def _show(row: RowMapping, json: bool) -> None:
    if json:
        print_json(dict(row))
        return
    state = "suspended" if row["suspended_at"] else "open"
    out.print(f"Tenant {row['name']} ({row['tenant_id']}) is {state}.", markup=False, highlight=False)
    for name in tenants.LIMITS:
        if row[name] is not None:
            told = _kept(row) if name == "retention_days" else _or(row[name])
            out.print(f"  {name.replace('_', ' ')}: {told}", markup=False, highlight=False)


def _or(value: float | None) -> str:
    return "settings" if value is None else f"{value:,}"


def _kept(row: RowMapping | dict[str, Any]) -> str:
    days: dict[str, float] = row["retention_days"] or {}
    return ", ".join(f"{name}={number:g}" for name, number in days.items()) or "settings"
