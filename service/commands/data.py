"""`consilia data`: market data in the database and documents in the knowledge base: imported, listed, shown."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from service.commands.terminal import ConfigOption, JsonOption, configure_logs, err, out, print_json, run, settings

app = typer.Typer(
    help="Market data (funds, prices, exchange rates) and documents of the knowledge base.", no_args_is_help=True
)

TenantOption = Annotated[str | None, typer.Option(help="Tenant whose data it is; default: the default tenant.")]


class SeriesKind(StrEnum):
    nav = "nav"
    benchmark = "benchmark"
    fx = "fx"


class Dates(StrEnum):
    auto = "auto"
    dmy = "dmy"
    mdy = "mdy"


@asynccontextmanager
async def _database(config: Path | None) -> AsyncGenerator[Any]:
    from service.database import migrate
    from service.database.engine import open_database

    async with open_database(settings(config).database_url) as database:
        await migrate.ensure(database)
        yield database


def _tenant(tenant: str | None) -> str:
    from service.database.tables import DEFAULT_TENANT

    return tenant or DEFAULT_TENANT


@app.command("import-nav")
def import_nav(
    file: Annotated[Path, typer.Argument(help="CSV of daily values: a column a fund, or a row a value with its fund.")],
    fund: Annotated[str | None, typer.Option(help="The fund, when the file holds one and does not name it.")] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of series that are new, such as CNY.")] = None,
    kind: Annotated[SeriesKind, typer.Option(help="What the values are.")] = SeriesKind.nav,
    source: Annotated[
        str | None, typer.Option(help="Label of the source in results; default: the file's name.")
    ] = None,
    dates: Annotated[Dates, typer.Option(help="Order of day and month in dates such as 01/02/2024.")] = Dates.auto,
    decimal: Annotated[str, typer.Option(help='Decimal sign: "auto", "." or ",".')] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report, write nothing.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Keep the good values although others are errors.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Let the file win over values that are kept.")] = False,
    tenant: TenantOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Import daily values from a CSV file; the format is detected, and what is odd is reported, never mended.

    Status 1: the file was read, but nothing was kept because of errors in it.
    """
    from service.market import ImportReport, Order, import_values
    from tools.errors import InvalidInput
    from tools.finance.importing.reading import Options

    async def work() -> ImportReport:
        if decimal not in ("auto", ".", ","):
            raise InvalidInput(f'--decimal {decimal!r} is not "auto", "." or ","')
        content = _read(file, settings(config).limits.import_bytes)
        options = Options(datetime.now(UTC).date(), fund, dates.value, "auto" if decimal == "auto" else decimal)  # pyright: ignore[reportArgumentType], checked above
        order = Order(options, source or file.name, kind.value, currency, dry_run, accept, replace)
        async with _database(config) as database:
            return await import_values(database, _tenant(tenant), file.name, content, order)

    report = run(work())
    if json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_report(report)
    if report.errors and not report.kept and not dry_run:
        raise typer.Exit(1)


def _read(file: Path, most: int) -> bytes:
    from tools.errors import InvalidInput

    try:
        size = file.stat().st_size
        if size > most:
            raise InvalidInput(f"{file} has {size} bytes, the most that is read is {most} (limits.import_bytes)")
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}") from None


def _print_report(report: Any) -> None:
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
    out.print(
        f"[bold]{report.file}[/]: {report.encoding}, {names.get(report.delimiter, report.delimiter)}, decimal sign"
        f" {report.decimal}, dates {report.dates}, {report.layout}, {report.rows} rows",
        highlight=False,
    )
    _print_kept(report)


def _print_kept(report: Any) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("series", "kind", "currency", "first", "last", "added", "unchanged", "changed", "total"):
        table.add_column(name, justify="right" if name in ("added", "unchanged", "changed", "total") else "left")
    for each in report.series:
        cells = (each.series_id, each.kind, each.currency, each.first, each.last)
        table.add_row(*map(str, (*cells, each.added, each.unchanged, each.changed, each.total)))
    out.print(table)
    for each in report.findings:
        style = "red" if each.severity == "error" else "yellow"
        where = " ".join(filter(None, (each.series_id, f"line {each.line}" if each.line else None)))
        out.print(f"[{style}]{each.severity}[/] [dim]{each.code}[/] {where}: ", end="", highlight=False)
        out.print(each.message, markup=False, highlight=False)
    unknown = [each.series_id for each in report.series if each.kind == "nav" and not each.fund_known]
    if unknown:
        out.print(f"[yellow]no facts[/] of {', '.join(unknown)}: add them with consilia data import-funds FILE.toml")
    if report.reason:
        out.print(f"[bold]not kept:[/] {report.reason}", highlight=False)
    else:
        out.print("[bold green]kept[/]")


@app.command()
def fetch(
    source: Annotated[str, typer.Argument(help="A source of [market_sources] in consilia.toml.")],
    series: Annotated[list[str], typer.Argument(help="Ids of the series to fetch.")],
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day; default: after the last that is kept.")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of series that are new, such as CNY.")] = None,
    kind: Annotated[SeriesKind, typer.Option(help="What the values are.")] = SeriesKind.nav,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask and report, write nothing.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Keep the good values although others are errors.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Let the source win over values that are kept.")] = False,
    tenant: TenantOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Fetch daily values from a live source, an MCP server of yours; see docs/market-data.md."""
    from service.market import KeepReport, Order
    from service.market import fetch as fetched
    from service.market_source import source as configured
    from tools.finance.importing.reading import Options

    configure_logs("error")

    async def work() -> KeepReport:
        found = configured(source, settings(config).market_sources)
        options = Options(datetime.now(UTC).date())
        order = Order(options, found.label, kind.value, currency, dry_run, accept, replace)
        async with _database(config) as database:
            first = since.date() if since else None
            return await fetched(database, _tenant(tenant), found, series, first, order)

    report = run(work())
    if json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_kept(report)
    if report.errors and not report.kept and not dry_run:
        raise typer.Exit(1)


@app.command("import-funds")
def import_funds(
    file: Annotated[Path, typer.Argument(help="TOML with a [[fund]] table for each fund; see docs/market-data.md.")],
    tenant: TenantOption = None,
    config: ConfigOption = None,
) -> None:
    """Import facts of funds: names, currency, category, risk class, fees, lot size, dealing."""
    from service.database import market
    from tools.finance.fund_facts import parse

    async def work() -> int:
        funds = parse(_read(file, settings(config).limits.import_bytes), file.name)
        async with _database(config) as database:
            await market.put_funds(database, _tenant(tenant), funds)
        return len(funds)

    out.print(f"[bold green]kept[/] the facts of {run(work())} fund(s)")


@app.command("demo")
def demo(
    remove: Annotated[bool, typer.Option("--remove", help="Delete it, before real data comes in.")] = False,
    tenant: TenantOption = None,
    config: ConfigOption = None,
) -> None:
    """Make the synthetic market for demonstrations: 25 funds, 7 benchmarks, 3 exchange rates, from 2014 on."""
    from service.database.market import delete_synthetic
    from service.market import load_synthetic

    async def work() -> int:
        async with _database(config) as database:
            if remove:
                await delete_synthetic(database, _tenant(tenant))
                return 0
            return await load_synthetic(database, _tenant(tenant))

    count = run(work())
    if remove:
        out.print("[bold green]removed[/] every synthetic fund and series")
    else:
        out.print(f"[bold green]kept[/] {count} synthetic series; results made from them say so")


@app.command("list")
def list_(tenant: TenantOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the series that are kept: funds' NAV, benchmarks, exchange rates."""
    from rich.table import Table

    from service.database.market import MarketStore
    from tools.finance.market import SeriesFacts

    async def work() -> list[SeriesFacts]:
        async with _database(config) as database:
            return list(await MarketStore(database).listing(_tenant(tenant)))

    listing = run(work())
    if json:
        print_json([each.model_dump(mode="json") for each in listing])
        return
    if not listing:
        err.print("there is no market data yet; import some: consilia data import-nav FILE.csv, or consilia data demo")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("series", "kind", "currency", "first", "last", "values", "name"):
        table.add_column(name)
    for each in listing:
        cells = (each.series_id, each.kind, each.currency, each.first, each.last, each.observations, each.name)
        table.add_row(*map(str, cells))
    out.print(table)


@app.command()
def show(
    series: Annotated[str, typer.Argument(help="The series' id, as consilia data list gives it.")],
    tenant: TenantOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show a series: its facts, figures and last values, and what is odd about it."""
    from service.database.market import MarketStore
    from tools.finance import measuring
    from tools.finance.book import Book
    from tools.finance.importing import checks

    async def work() -> dict[str, Any]:
        async with _database(config) as database:
            book = Book(MarketStore(database), _tenant(tenant), datetime.now(UTC).date())
            facts = await book.facts(series)
            values = (await book.series([facts.series_id]))[facts.series_id]
            fund = (await book.funds()).get(facts.series_id)
            shown: dict[str, Any] = {"series": facts.model_dump(mode="json")}
            shown["fund"] = fund.model_dump(mode="json") if fund else None
            if len(values) > 1:
                shown["measures"] = measuring.measure(values.days, values.values).model_dump(mode="json")
            last = measuring.points(values.days[-5:], values.values[-5:], "day")
            shown["last"] = [each.model_dump(mode="json") for each in last]
            shown["findings"] = [each.model_dump(mode="json") for each in checks.check(facts.series_id, values)]
            return shown

    shown = run(work())
    if json:
        print_json(shown)
        return
    told: set[str] = set()  # a fund says again what its series said: its currency, its kind
    for heading in ("series", "fund", "measures"):
        fields: dict[str, Any] = shown.get(heading) or {}
        simple = {name: value for name, value in fields.items() if not isinstance(value, dict | list | None)}
        lines = [f"  {name:26} {_figure(value)}" for name, value in simple.items() if name not in told]
        if lines:
            out.print(f"[bold]{heading}[/]")
        for line in lines:
            out.print(line, markup=False, highlight=False)
        told |= set(simple)
    out.print("[bold]last values[/]")
    for each in shown["last"]:
        out.print(f"  {each['day']:26} {each['value']:g}", markup=False, highlight=False)
    for each in shown["findings"]:
        out.print(f"[yellow]{each['code']}[/] {each['message']}", highlight=False)


def _figure(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@app.command("import-knowledge")
def import_knowledge(
    folder: Annotated[Path, typer.Argument(help="Folder with your own TXT, MD, PDF (with text) and DOCX documents.")],
    tenant: TenantOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Add your own documents to the medical knowledge base; the same file again replaces what was kept of it.

    Status 1: no file could be read.
    """
    from service.included import document_limits
    from service.knowledge import ImportedFile, import_folder
    from tools.medicine.knowledge.library import Library

    chosen = settings(config)

    async def work() -> list[ImportedFile]:
        with Library(chosen.data_dir / "knowledge").documents(_tenant(tenant)) as index:
            return [each async for each in import_folder(index, folder, document_limits(chosen.limits))]

    files = run(work())
    if json:
        print_json([each.model_dump() for each in files])
    else:
        for each in files:
            out.print(f"[red]not read[/] {each.name}: " if each.error else f"[green]kept[/] {each.name}: ", end="")
            out.print(each.error or f"{each.passages} passage(s)", markup=False, highlight=False)
    if not any(each.passages for each in files):
        err.print(f"no TXT, MD, PDF or DOCX of {folder} could be read")
        raise typer.Exit(1)
