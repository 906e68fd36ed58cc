"""`consilia tools`: the tools that workflows may call, calls by hand, and the pins of your own servers' tools."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import orjson
import typer
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from service.commands.terminal import ConfigOption, JsonOption, configure_logs, err, out, print_json, run, settings
from tools.errors import InvalidInput

app = typer.Typer(
    help="The tools that workflows may call: in-house ones, and those of your own MCP servers (\\[tools.servers]).",
    no_args_is_help=True,
)

_STATES = {"open": "green", "in-house": "green", "lost": "red", "opening": "yellow", "idle": "dim"}
_PINS = {"pinned": "green", "in-house": "dim", "changed": "bold red", "new": "yellow"}

ToolArgument = Annotated[str, typer.Argument(help="SERVER/TOOL.", metavar="SERVER/TOOL", show_default=False)]
WhichArgument = Annotated[
    str | None, typer.Argument(help="SERVER or SERVER/TOOL; default: all.", metavar="[SERVER[/TOOL]]")
]


@app.command("list")
def list_(
    server: Annotated[str | None, typer.Argument(help="Only this server.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List servers and their tools: what they do, who may call them, whether they are as they were pinned.

    Kept as a run, as every command here.
    """
    from service.by_hand import listed
    from service.tool_servers import ServerShown

    async def work() -> tuple[str, list[ServerShown]]:
        async with _house(config) as house:
            return await listed(house, server)

    run_id, shown = run(work())
    _kept(run_id)
    if json:
        print_json([asdict(each) for each in shown])
        return
    for each in shown:
        colour = _STATES.get(each.state, "white")
        out.print(Text.assemble((each.name, "bold"), "  ", (each.state, colour), "  ", (each.reached, "dim")))
        if each.fault:
            out.print(Text(f"  {each.fault}", style="red"))
        if each.tools:
            out.print(_table(each.tools))
        for name, why in each.refused.items():
            out.print(Text(f"  refused: {name!r}: {why}", style="red"))
        out.print()


@app.command()
def call(
    tool: ToolArgument,
    arguments: Annotated[
        str, typer.Argument(help="Its arguments as JSON, @FILE for a file's content, - for standard input.")
    ] = "{}",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve a tool that writes without being asked.")] = False,
    tenant: Annotated[str | None, typer.Option(help="Tenant for whom; default: the default tenant.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Call a tool by hand. It is kept as a run; a tool that writes is asked about first."""
    from service.auth.audit import of_command
    from service.by_hand import Called
    from service.by_hand import call as call_by_hand
    from service.database.tables import DEFAULT_TENANT

    given = _arguments(arguments)
    server, _, name = tool.partition("/")

    def ask(question: dict[str, Any]) -> Any:
        if yes:
            return "approve"
        if not sys.stdin.isatty():
            return {"decision": "reject", "reason": "nobody is at a terminal to be asked; --yes approves it"}
        err.print(Text(question["question"]))
        return "approve" if typer.confirm("Call it?", err=True) else "reject"

    async def work() -> Called:
        async with _house(config) as house:
            await of_command(house.database, house.settings.data_dir, "tools.call", tool, tenant)
            return await call_by_hand(house, tenant or DEFAULT_TENANT, server, name, given, ask)

    called = run(work())
    if json:
        print_json({"run_id": called.run_id, "result": called.result})
        return
    text = called.result.get("text")
    if isinstance(text, str) and len(called.result) == 1:
        out.print(Text(_printable(text)))
    else:
        pretty = orjson.dumps(called.result, option=orjson.OPT_INDENT_2).decode()
        out.print(Syntax(_printable(pretty), "json", background_color="default", word_wrap=True))
    _kept(called.run_id)


@app.command()
def diff(which: WhichArgument = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show how tools differ from what was pinned. Status 1: something differs."""
    from service.by_hand import compared
    from service.tool_servers import Difference

    async def work() -> tuple[str, list[Difference]]:
        async with _house(config) as house:
            return await compared(house, *_which(which))

    run_id, found = run(work())
    _kept(run_id)
    if json:
        print_json([asdict(each) for each in found])
    elif not found:
        out.print("Every tool is as it was pinned.")
    else:
        _show(found)
    if found:
        raise typer.Exit(1)


@app.command()
def pin(
    which: Annotated[str, typer.Argument(help="SERVER/TOOL, or SERVER for all its tools.", metavar="SERVER[/TOOL]")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept without being asked.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Accept what a server says of its tools now. At a terminal the difference is shown, and asked about, first."""
    from service.auth.audit import of_command
    from service.by_hand import pinned

    def agree(found: Any) -> bool:
        if yes or not sys.stdin.isatty():
            return True
        _show(found)
        return typer.confirm("Accept this?", err=True)

    async def work() -> tuple[str, list[str]]:
        server, tool = _which(which)
        async with _house(config) as house:
            run_id, accepted = await pinned(house, server or "", tool, agree)
            for each in accepted:
                target = f"{server}/{each}"
                await of_command(house.database, house.settings.data_dir, "tools.pin", target)
            return run_id, accepted

    run_id, accepted = run(work())
    _kept(run_id)
    if json:
        print_json({"accepted": accepted, "run_id": run_id})
    else:
        told = ", ".join(accepted)
        out.print(f"accepted: {told}" if accepted else "nothing was accepted", markup=False, highlight=False)


def _kept(run_id: str) -> None:
    err.print(f"[dim]kept as run {run_id}[/]", highlight=False)


def _show(found: Any) -> None:
    for each in found:
        when = f"pinned by {each.pinned_by}" if each.pinned_by else "never pinned"
        out.print(f"[bold]{escape(each.server)}/{escape(each.tool)}[/]  [red]{each.kind}[/]  [dim]{escape(when)}[/]")
        out.print(Syntax(_printable(each.diff), "diff", background_color="default", word_wrap=True))
        out.print()


def _house(config: Path | None) -> Any:
    from service.house import open_house

    chosen = settings(config)
    configure_logs("error")
    return open_house(chosen, "command")


def _which(named: str | None) -> tuple[str | None, str | None]:
    if named is None:
        return None, None
    server, _, tool = named.partition("/")
    return server, tool or None


def _arguments(told: str) -> dict[str, Any]:
    try:
        if told == "-":
            told = sys.stdin.read()
        elif told.startswith("@"):
            told = Path(told[1:]).read_text(encoding="utf-8")
        given = orjson.loads(told)
    except OSError as error:
        return _refuse(f"{told[1:]!r} cannot be read: {error.strerror}")
    except ValueError as error:
        return _refuse(f"the arguments are not JSON: {error}")
    if not isinstance(given, dict):
        return _refuse("the arguments must be a JSON object")
    return cast(dict[str, Any], given)


def _refuse(why: str) -> dict[str, Any]:
    async def fail() -> dict[str, Any]:
        raise InvalidInput(why, field="arguments")

    return run(fail())


def _printable(text: str) -> str:
    """Text of a server for a terminal: control characters would be obeyed by it."""
    return "".join(each if each in "\n\t" or each.isprintable() else f"\\u{{{ord(each):x}}}" for each in text)


def _table(tools: Any) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), width=out.width)
    table.add_column("  tool", no_wrap=True)
    table.add_column("does", no_wrap=True)
    table.add_column("pin", no_wrap=True)
    table.add_column("workflows", max_width=21 if out.width < 100 else 40)
    table.add_column("description", overflow="ellipsis", no_wrap=True, ratio=1)
    for each in tools:
        allowed = ", ".join(f"{name} ({how})" if how else name for name, how in each.allowed.items())
        told = (each.description or each.title).splitlines()
        table.add_row(
            Text(f"  {each.name}", style="cyan"),
            Text(each.effects, style="" if each.effects == "only reads" else "yellow"),
            Text(each.pin, style=_PINS[each.pin]),
            Text(allowed or "none"),
            Text(told[0] if told else "", style="dim"),
        )
    return table
