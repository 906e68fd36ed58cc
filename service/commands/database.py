"""`consilia db`: the database's schema."""

from typing import Annotated

import typer

from service.commands.terminal import ConfigOption, out, run, settings
from service.database import migrate
from service.database.engine import make_engine

app = typer.Typer(help="The database's schema.", no_args_is_help=True)


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


async def _move(url: str, revision: str, *, up: bool) -> None:
    engine = make_engine(url)
    try:
        await (migrate.upgrade if up else migrate.downgrade)(engine, revision)
        have, _ = await migrate.revisions(engine)
    finally:
        await engine.dispose()
    out.print(f"the database is at revision {have or 'none'}")
