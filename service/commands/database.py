"""`consilia db`: the database's schema, its backup, and the keys that seal what is in it."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import text

from service.commands.terminal import ConfigOption, err, out, run, settings
from service.database import migrate, resealing, sealing
from service.database.engine import make_engine, open_database
from service.database.tables import Table
from service.runs import erasing, serializing, vault

app = typer.Typer(help="The database's schema, backup and sealing keys.", no_args_is_help=True)


@app.command()
def upgrade(
    config: ConfigOption = None,
    revision: Annotated[str, typer.Argument(help="Revision to reach.")] = "head",
) -> None:
    """Bring the database to the newest schema. SQLite is upgraded by `consilia serve` itself."""
    run(_move(settings(config).database_url, revision, up=True))


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help='Revision to go back to; "base" drops every table.')],
    config: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the database back to an older schema; what the newer one holds is lost."""
    if not yes:
        typer.confirm(f"Go back to {revision!r} and lose what newer tables hold?", abort=True)
    run(_move(settings(config).database_url, revision, up=False))


@app.command()
def current(config: ConfigOption = None) -> None:
    """Show the database's revision and the newest one."""

    async def show() -> None:
        engine = make_engine(settings(config).database_url)
        have, newest = await migrate.revisions(engine)
        await engine.dispose()
        out.print(f"database {have or 'empty'}, newest {newest}")

    run(show())


@app.command()
def compact(config: ConfigOption = None) -> None:
    """Rewrite the database's files without what deleted rows leave in them. Takes a while; runs wait meanwhile."""
    chosen = settings(config)

    async def work() -> None:
        async with open_database(chosen.database_url) as database:
            await erasing.compact(database, erasing.Erased(dict.fromkeys(Table.metadata.tables, 1)))
        out.print("the database's files hold no deleted rows any more")

    run(work())


@app.command()
def backup(
    to: Annotated[Path, typer.Argument(help="File to write; it must not be there yet.")], config: ConfigOption = None
) -> None:
    """Copy a SQLite database while the service runs: a whole, consistent copy. PostgreSQL has pg_dump.

    Keep it with the data folder's pepper, sealing-keys and webhook-secret, without which it opens for nobody.
    """
    chosen = settings(config)
    if not chosen.database_url.startswith("sqlite"):
        err.print("[bold red]error[/] the database is PostgreSQL: use pg_dump --format=custom (docs/production.md)")
        raise typer.Exit(2)
    if to.exists():
        err.print(f"[bold red]error[/] {to} is there already; a backup overwrites nothing")
        raise typer.Exit(2)

    async def work() -> None:
        async with open_database(chosen.database_url) as database, database.engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("VACUUM INTO :path"), {"path": str(to)})
        to.chmod(0o600)
        out.print(f"the database is copied to {to}, {to.stat().st_size:,} bytes", highlight=False)

    run(work())


@app.command("new-key")
def new_key(name: Annotated[str, typer.Argument(help="A name for the key, such as 2026-11.")]) -> None:
    """Print a fresh sealing key as a line for the key file; the last line seals."""
    line = sealing.new_key(name)
    sealing.read_keys(line, "the name")
    typer.echo(line, nl=False)


@app.command()
def reseal(config: ConfigOption = None) -> None:
    """Seal with the newest key whatever an older one seals, after which the older ones can be deleted.

    Identity mappings, and the inputs, outputs, states, files and events of sensitive workflows. The service may run
    meanwhile; it must have the newest key already.
    """
    chosen = settings(config)

    async def work() -> None:
        keys = sealing.sealer(chosen.sealing, chosen.data_dir)
        async with open_database(chosen.database_url) as database:
            mappings = await vault.reseal(database, keys)
            values = await resealing.reseal(database, keys, serializing.CIPHER, serializing.OWNER)
        told = f"{mappings} mapping{'' if mappings == 1 else 's'} and {values} value{'' if values == 1 else 's'}"
        out.print(f"{told} sealed anew with key {keys.newest!r}")

    run(work())


async def _move(url: str, revision: str, *, up: bool) -> None:
    engine = make_engine(url)
    try:
        await (migrate.upgrade if up else migrate.downgrade)(engine, revision)
        have, _ = await migrate.revisions(engine)
    finally:
        await engine.dispose()
    out.print(f"the database is at revision {have or 'none'}")
