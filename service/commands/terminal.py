"""What every command shares: consoles, errors shown well, settings from the command line."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from service.settings import Settings, load
from service.telemetry.logs import configure_logs as configure_logs
from tools.errors import ConsiliaError

Result = TypeVar("Result")

out = Console(width=None if sys.stdout.isatty() or os.environ.get("COLUMNS") else 120)
err = Console(stderr=True)

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration file; default: ./consilia.toml when there is one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a command's work; a ConsiliaError is shown in one sentence and ends the process with status 2."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except ConsiliaError as error:
        err.print(f"[bold red]error[/] [dim]({error.code})[/] ", end="")
        err.print(error.message, markup=False, highlight=False)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def progress_columns() -> tuple[ProgressColumn, ...]:
    """The columns of a workflow's progress bar: the task's field `name`, and its description as the step."""
    return (
        SpinnerColumn(),
        TextColumn("[bold]{task.fields[name]}[/]"),
        BarColumn(bar_width=24),
        TextColumn("{task.description}", style="dim"),
        TimeElapsedColumn(),
    )


def settings(config: Path | None, **overrides: Any) -> Settings:
    """The settings for a command; shown as an error when they cannot be used."""
    try:
        return load(config, **overrides)
    except ConsiliaError as error:
        err.print(f"[bold red]error[/] [dim]({error.code})[/] ", end="")
        err.print(error.message, markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


def print_json(value: Any) -> None:
    sys.stdout.write(orjson.dumps(value, option=_PRETTY, default=str).decode())
