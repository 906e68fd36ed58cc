"""`consilia runs`: what has run, and what happened in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text
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


_ERROR: Final = 300
"""Characters of an error in the list, and of a value of the input."""


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
        only: list[RunStatus] | None = None if status is None else [status]
        rows = await runs.search(database, DEFAULT_TENANT, graph_id=workflow, statuses=only, before=before, limit=limit)
    if json:
        print_json([_summary(row) for row in rows])
        return
    if not rows:
        out.print("There are no runs yet. Try: consilia review samples/master-services-agreement.docx")
        return
    _print_list(rows)


def _print_list(rows: Sequence[RowMapping]) -> None:
    """A line a run, as far as the width has room for; what failed in lines of its own below it."""
    every = ("run", "workflow", "status", "took", "started", "engine")
    cells = {
        row["run_id"]: (
            Text(row["run_id"]),
            Text(row["graph_id"]),
            Text(row["status"], _COLOURS.get(row["status"], "")),
            Text(_took(row)),
            Text(_moment(row["created_at"])),
            Text(row["engine"] or ""),
        )
        for row in rows
    }
    widths = [max(len(name), *(len(each[at]) for each in cells.values())) for at, name in enumerate(every)]
    shown = len(every)
    while shown > 3 and sum(widths[:shown]) + 2 * (shown - 1) > out.width:
        shown -= 1
    out.print(_line([Text(name, "bold") for name in every[:shown]], widths))
    for row in rows:
        told = cells[row["run_id"]]
        out.print(_line(told[:shown], widths))
        rest = "  ".join(each.plain for each in told[shown:] if each.plain)
        if rest:
            out.print(Padding(Text(rest, "dim"), (0, 0, 0, 2)))
        if row["error"]:
            message = row["error"]["message"].splitlines()[0] if row["error"]["message"] else row["error"]["code"]
            short = message if len(message) <= _ERROR else f"{message[: _ERROR - 1]}…"
            out.print(Padding(Text(short, "red"), (0, 0, 0, 2)))


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    for number, (cell, width) in enumerate(zip(cells, widths, strict=False)):
        line.append_text(cell)
        if number < len(cells) - 1:
            line.append(" " * (width - len(cell) + 2))
    return line


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
    out.print("\n[bold]Events[/]")
    _indented(Text(", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"))
    if made:
        out.print("\n[bold]Files[/]")
        for each in made:
            _indented(Text(f"{each['name']}  {each['size']:,} bytes  {each['file_id']}"))


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
    head = Text.assemble(
        (row["graph_id"], "bold"), "  ", (row["status"], _COLOURS.get(row["status"], "")),
        f"  attempt {row['attempt']}, {_took(row) or '…'}\nthread {row['thread_id']}\n",
        f"started {_moment(row['started_at'] or row['created_at'])}   engine {row['engine'] or '-'}",
    )  # fmt: skip
    out.print(Panel(head, title=f"run {row['run_id']}", title_align="left", expand=False))
    given: dict[str, Any] = row["input"] or {}
    out.print("[bold]Input[/]" if given else "[bold]Input[/]  none")
    for key, value in given.items():
        said = str(value)
        _indented(Text.assemble((f"{key}: ", "dim"), said if len(said) <= _ERROR else f"{said[: _ERROR - 1]}…"))
    if row["error"]:
        out.print(Text.assemble("\n", ("Error", "bold red"), "  ", (str(row["error"]["code"]), "dim")))
        _indented(Text(row["error"]["message"]))


def _print_calls(questions: Sequence[RowMapping], tool_calls: Sequence[RowMapping]) -> None:
    out.print("\n[bold]Questions[/]" if questions else "\n[bold]Questions[/]  none")
    for each in questions:
        _indented(Text.assemble(each["question"], " → ", (each["model"], "cyan"), f"  {each['duration_ms']:.0f} ms"))
        for reason in each["reasons"]:
            _indented(Text(str(reason), "dim"), 6)
        if each["error"]:
            _indented(Text(each["error"]["message"], "red"), 6)
    out.print("\n[bold]Tool calls[/]" if tool_calls else "\n[bold]Tool calls[/]  none")
    for each in tool_calls:
        name = f"{each['server']}/{each['tool']}"
        _indented(Text.assemble(f"{each['node']}: ", (name, "cyan"), f"  {each['duration_ms']:.0f} ms"))
        if each["error"]:
            _indented(Text(each["error"]["message"], "red"), 6)


def _indented(text: Text, by: int = 2) -> None:
    """Printed with all its lines indented, also those that it is wrapped into."""
    out.print(Padding(text, (0, 0, 0, by)), highlight=False)


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
