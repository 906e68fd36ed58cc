"""`consilia runs`: what has run, and what happened in it."""

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.table import Table
from sqlalchemy import RowMapping

from service.commands.terminal import ConfigOption, JsonOption, out, print_json, run, settings
from service.database import calls, files, migrate, runs
from service.database.engine import Database
from service.database.opening import open_installation
from service.database.runs import RunStatus
from service.database.tables import DEFAULT_TENANT
from service.settings import Settings
from tools.errors import ConsiliaError

app = typer.Typer(help="What has run, and what happened in it.", no_args_is_help=True)

_COLOURS = {"success": "green", "error": "red", "timeout": "red", "interrupted": "yellow", "running": "blue"}


class UnknownRun(ConsiliaError):
    code = "run_not_found"
    status = 404


@app.command("list")
def list_(
    config: ConfigOption = None,
    workflow: Annotated[str | None, typer.Option(help="Only runs of this workflow.")] = None,
    status: Annotated[RunStatus | None, typer.Option(help="Only runs with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most runs to show, newest first.")] = 20,
    before: Annotated[str | None, typer.Option(help="Only runs older than this run id (to page on).")] = None,
    json: JsonOption = False,
) -> None:
    """List runs, newest first."""
    run(_list(settings(config), workflow, status, limit, before, json))


async def _list(
    chosen: Settings, workflow: str | None, status: RunStatus | None, limit: int, before: str | None, json: bool
) -> None:
    async with open_installation(chosen) as database:
        await migrate.ensure(database)
        rows = await runs.search(database, DEFAULT_TENANT, graph_id=workflow, status=status, before=before, limit=limit)
    if json:
        print_json([_summary(row) for row in rows])
        return
    if not rows:
        out.print("There are no runs yet. Try: consilia review samples/master-services-agreement.docx")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("run", "workflow", "status", "engine", "started", "took"):
        table.add_column(name, no_wrap=True)
    table.add_column("error", overflow="fold")
    for row in rows:
        colour = _COLOURS.get(row["status"], "white")
        error = row["error"]["message"].splitlines()[0][:100] if row["error"] else ""
        table.add_row(
            row["run_id"],
            row["graph_id"],
            f"[{colour}]{row['status']}[/]",
            row["engine"] or "",
            _moment(row["created_at"]),
            _took(row),
            error,
        )
    out.print(table)


@app.command()
def show(
    run_id: Annotated[str, typer.Argument(help="The run's id, or the first characters of it.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show one run: input, questions with who answered and why, tool calls, events, files, error."""
    run(_show(settings(config), run_id, json))


async def _show(chosen: Settings, run_id: str, json: bool) -> None:
    async with open_installation(chosen) as database:
        await migrate.ensure(database)
        row = await _find(database, run_id)
        full_id = row["run_id"]
        questions = await calls.model_calls(database, full_id)
        tool_calls = await calls.tool_calls(database, full_id)
        events = await runs.events(database, full_id)
        made = await files.of_run(database, full_id)
    if json:
        whole: dict[str, Any] = {
            **dict(row),
            "model_calls": [dict(each) for each in questions],
            "tool_calls": [dict(each) for each in tool_calls],
            "events": [dict(each) for each in events],
            "files": [dict(each) for each in made],
        }
        print_json(whole)
        return
    _print_run(row)
    _print_calls(questions, tool_calls)
    kinds: dict[str, int] = {}
    for each in events:
        kinds[each["kind"]] = kinds.get(each["kind"], 0) + 1
    out.print("\n[bold]Events[/]  " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    if made:
        out.print("\n[bold]Files[/]")
        for each in made:
            out.print(f"  {each['name']}  {each['size']:,} bytes  {each['file_id']}", highlight=False)


async def _find(database: Database, run_id: str) -> RowMapping:
    row = await runs.get(database, DEFAULT_TENANT, run_id)
    if row is not None:
        return row
    matching = await runs.starting_with(database, DEFAULT_TENANT, run_id)
    if len(matching) == 1:
        return matching[0]
    reason = "several runs start like that" if matching else "consilia runs list shows what there is"
    raise UnknownRun(f"there is no run {run_id!r}; {reason}", run_id=run_id)


def _print_run(row: RowMapping) -> None:
    colour = _COLOURS.get(row["status"], "white")
    lines = [
        f"[bold]{row['graph_id']}[/]  [{colour}]{row['status']}[/]  attempt {row['attempt']}, {_took(row) or '…'}",
        f"thread {row['thread_id']}",
        f"started {_moment(row['started_at'] or row['created_at'])}   engine {row['engine'] or '-'}",
    ]
    out.print(Panel("\n".join(lines), title=f"run {row['run_id']}", title_align="left", expand=False))
    out.print("[bold]Input[/]")
    given: dict[str, Any] = row["input"] or {}
    for key, value in given.items():
        out.print(f"  {key}: {str(value)[:200]}", markup=False, highlight=False)
    if row["error"]:
        out.print(f"\n[bold red]Error[/] [dim]({row['error']['code']})[/]")
        out.print(f"  {row['error']['message']}", markup=False, highlight=False)


def _print_calls(questions: Any, tool_calls: Any) -> None:
    out.print("\n[bold]Questions[/]")
    for each in questions:
        out.print(f"  {each['question']} → [cyan]{each['model']}[/]  {each['duration_ms']:.0f} ms", highlight=False)
        for reason in each["reasons"]:
            out.print(f"      {reason}", style="dim", highlight=False)
    out.print("\n[bold]Tool calls[/]")
    for each in tool_calls:
        failed = f"  [red]{each['error']['message'][:120]}[/]" if each["error"] else ""
        name = f"{each['server']}/{each['tool']}"
        out.print(f"  {each['node']}: [cyan]{name}[/]  {each['duration_ms']:.0f} ms{failed}", highlight=False)


def _summary(row: RowMapping) -> dict[str, Any]:
    names = ("run_id", "thread_id", "graph_id", "status", "engine", "degraded", "attempt", "error", "created_at")
    return {name: row[name] for name in (*names, "started_at", "finished_at")}


def _moment(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _took(row: RowMapping) -> str:
    if row["started_at"] is None or row["finished_at"] is None:
        return ""
    seconds = (row["finished_at"] - row["started_at"]).total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
