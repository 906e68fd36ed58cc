"""`consilia audit`: who did what to what, when, from where."""

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table

from service.auth.audit import Anchor, audit_key
from service.auth.keys import pepper
from service.commands.durations import duration
from service.commands.keys import opened, tenant_id_of
from service.commands.terminal import ConfigOption, JsonOption, err, out, print_json, run, settings
from service.database import audit
from service.database.audit import Head, Verified
from service.database.tables import now

app = typer.Typer(help="The audit log: who did what to what, when, from where.", no_args_is_help=True)


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant, by name or id.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this key did, by its id.")] = None,
    action: Annotated[str | None, typer.Option(help='Such as "keys.revoke", or "keys." for all about keys.')] = None,
    target: Annotated[str | None, typer.Option(help="Only where the target holds this text, such as an id.")] = None,
    since: Annotated[str | None, typer.Option(help="Only the last, such as 24h or 30d.")] = None,
    before: Annotated[int | None, typer.Option(help="Only events before this number (to page on).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most events to show, newest first.")] = 50,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show the log, newest first."""
    begun = now() - duration(since) if since else None

    async def work() -> list[dict[str, Any]]:
        async with opened(config) as (database, _):
            owner = None if tenant is None else await tenant_id_of(database, tenant)
            rows = await audit.search(
                database, owner, actor=actor, action=action, target=target, since=begun, before=before, limit=limit
            )
            return [dict(row) for row in rows]

    rows = run(work())
    if json:
        print_json(rows)
        return
    if not rows:
        out.print("There is nothing like that in the audit log.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("event", "when", "who", "did", "to", "from", "status"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("event", "when"))
    for row in rows:
        colour = "red" if row["status"] >= 400 else "default"
        table.add_row(
            str(row["seq"]),
            row["at"].astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            row["actor"],
            row["action"],
            row["target"],
            row["address"],
            f"[{colour}]{row['status'] or ''}[/]",
        )
    out.print(table)


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="A head NUMBER:HASH noted earlier, which the log must still hold.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check that no event was changed, removed or put in between. Ends with status 1 where one was.

    A log cut off at its end is shown by the head that the service notes in `audit-anchor-…` of the data folder; and by
    one that you noted, of those that this prints, in a place that whoever runs the service cannot reach.
    """
    expected: list[Head] = []
    if head is not None:
        number, _, noted = head.partition(":")
        if not number.isdecimal() or len(noted) != 64:
            err.print("[bold red]error[/] --head is NUMBER:HASH, as an earlier consilia audit verify printed it")
            raise typer.Exit(2)
        expected.append((int(number), noted))

    async def work() -> Verified:
        async with opened(config) as (database, _):
            folder = settings(config).data_dir
            heads = [*expected, *Anchor(folder, database).heads()]
            return await audit.verify(database, audit_key(pepper(folder)), heads)

    found = run(work())
    if json:
        print_json({"events": found.events, "head": found.head, "fault": found.fault})
    elif found.fault is None:
        out.print(f"[green]The audit log is whole[/]: {found.events} events. Its head:")
        out.print(f"  {found.head}", highlight=False, soft_wrap=True)
    else:
        err.print(f"[bold red]The audit log is not whole[/]: {found.fault}. Good are {found.events} events before.")
    if found.fault is not None:
        raise typer.Exit(1)


@app.command()
def export(
    to: Annotated[Path | None, typer.Argument(help="File to write; default: standard output.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only events after this number.")] = 0,
    config: ConfigOption = None,
) -> None:
    """Write the log as JSON lines, oldest first, each event with its hash."""

    async def work() -> int:
        count, seq = 0, after
        target = to.open("wb") if to is not None else sys.stdout.buffer
        try:
            async with opened(config) as (database, _):
                while rows := await audit.after(database, seq, 2000):
                    target.write(b"".join(orjson.dumps(dict(row)) + b"\n" for row in rows))
                    count, seq = count + len(rows), rows[-1]["seq"]
        finally:
            if to is not None:
                target.close()
        return count

    count = run(work())
    if to is not None:
        out.print(f"{count} events written to {to}")
