"""`consilia keys`: who may call the service."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from service.auth import Keys
from service.auth.audit import of_command
from service.auth.caller import ROLES
from service.auth.keys import NewKey
from service.commands.durations import duration
from service.commands.terminal import ConfigOption, JsonOption, err, out, print_json, run, settings
from service.database import keys, migrate, tenants
from service.database.audit import Detail
from service.database.engine import Database, open_database
from service.database.tables import DEFAULT_TENANT, now

app = typer.Typer(help="Keys: who may call the service, and for what.", no_args_is_help=True)

TenantOption = Annotated[str | None, typer.Option(help="Tenant by name or id; default: the default tenant.")]


class RoleName(StrEnum):
    viewer = "viewer"
    operator = "operator"
    admin = "admin"


@asynccontextmanager
async def opened(config: Path | None) -> AsyncGenerator[tuple[Database, Keys]]:
    """The database, at the newest schema, and its keys."""
    chosen = settings(config)
    async with open_database(chosen.database_url) as database:
        await migrate.ensure(database)
        yield database, Keys(database, chosen.data_dir)


async def audited(config: Path | None, database: Database, action: str, row: Any, **details: Detail) -> None:
    """Write what this command did to a key into the audit log. row: with key_id and tenant_id."""
    data_dir = settings(config).data_dir
    await of_command(database, data_dir, action, f"key_id={row['key_id']}", row["tenant_id"], **details)


async def tenant_id_of(database: Database, named: str | None) -> str:
    """The id of a tenant by name or id. Raises UnknownTenant."""
    return DEFAULT_TENANT if named is None else str((await tenants.find(database, named))["tenant_id"])


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for, such as 'billing service'.")],
    role: Annotated[
        RoleName | None, typer.Option(help="viewer: read. operator: read, invoke, approve. admin: all.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, invoke, invoke:WORKFLOW, approve, approve:WORKFLOW or admin; may be repeated."),
    ] = None,
    tenant: TenantOption = None,
    expires: Annotated[str | None, typer.Option(help="How long it is good, such as 90d; default: for ever.")] = None,
    per_minute: Annotated[int | None, typer.Option(min=1, help="Most requests a minute with this key.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make a key. It is shown this once: only a hash of it is kept."""
    if (role is None) == (not scope):
        err.print("[bold red]error[/] give either --role or at least one --scope")
        raise typer.Exit(2)
    scopes = ROLES[role.value] if role is not None else tuple(scope or ())
    lives = duration(expires) if expires else None

    async def work() -> NewKey:
        async with opened(config) as (database, store):
            made = await store.create(
                name,
                scopes,
                await tenant_id_of(database, tenant),
                expires_at=now() + lives if lives else None,
                requests_per_minute=per_minute,
                created_by="command",
            )
            await audited(config, database, "keys.create", await store.find(made.key_id), scopes=" ".join(made.scopes))
            return made

    _show(run(work()), json)


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant, by name or id; default: of all.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are revoked or have expired.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List keys, newest first; never their secrets, which nobody has."""

    async def work() -> list[dict[str, Any]]:
        async with opened(config) as (database, _):
            owner = None if tenant is None else await tenant_id_of(database, tenant)
            return [keys.shown(row) for row in await keys.search(database, owner, ended=all_)]

    rows = run(work())
    if json:
        print_json(rows)
        return
    if not rows:
        out.print("There is no key. Make one: consilia keys create NAME --role operator")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("key", "name", "tenant", "scopes", "state", "expires", "last used"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("key", "name"))
    for row in rows:
        colour = "green" if row["state"] == "good" else "yellow" if row["state"] == "replaced" else "red"
        table.add_row(
            row["key_id"],
            row["name"],
            row["tenant"],
            ", ".join(row["scopes"]),
            f"[{colour}]{row['state']}[/]",
            _day(row["expires_at"], "never"),
            _day(row["last_used_at"], "never"),
        )
    out.print(table)


@app.command()
def rotate(
    key_id: Annotated[str, typer.Argument(help="The key's id, as consilia keys list shows it.")],
    overlap: Annotated[str, typer.Option(help="How long the old key stays good beside the new one.")] = "24h",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make a new key in the place of one, with its scopes; the old one goes on for the overlap, then ends."""
    lasting: timedelta = duration(overlap)

    async def work() -> NewKey:
        async with opened(config) as (database, store):
            made = await store.rotate(key_id, lasting, created_by="command")
            await audited(config, database, "keys.rotate", await store.find(key_id), by=made.key_id, overlap=overlap)
            return made

    made = run(work())
    _show(made, json)
    if not json:
        out.print(f"Key {key_id} stays good for {overlap}.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as consilia keys list shows it.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """End a key. Every process refuses it within a second."""

    async def work() -> dict[str, Any]:
        async with opened(config) as (database, store):
            await store.revoke(key_id)
            row = await store.find(key_id)
            await audited(config, database, "keys.revoke", row)
            return {"key_id": key_id, "name": row["name"], "revoked_at": row["revoked_at"]}

    done = run(work())
    if json:
        print_json(done)
    else:
        out.print(f"Key {key_id} ({done['name']}) is revoked.", highlight=False)


def _show(made: NewKey, json: bool) -> None:
    if json:
        names = ("key_id", "key", "name", "tenant_id", "scopes", "expires_at")
        print_json({name: getattr(made, name) for name in names})
        return
    out.print(f"Key {made.key_id} for {made.name}, shown this once:\n", markup=False, highlight=False)
    out.print(f"  [bold green]{made.key}[/]\n", soft_wrap=True, highlight=False)
    good = "for ever" if made.expires_at is None else f"until {made.expires_at:%Y-%m-%d %H:%M} UTC"
    out.print(f"Scopes: {', '.join(made.scopes)}. Good {good}.", markup=False, highlight=False)


def _day(moment: datetime | None, otherwise: str) -> str:
    return otherwise if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M")
