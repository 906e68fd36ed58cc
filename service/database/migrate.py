"""Bringing a database to the newest schema, or back."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

import migrations
from service.database.engine import Database
from tools.errors import ConsiliaError

if TYPE_CHECKING:  # heavy, and needed only where something is to be done
    from alembic.config import Config

FOLDER: Final = Path(migrations.__file__).parent


class DatabaseOutdated(ConsiliaError):
    """The database's schema is not the one that this version needs."""

    code = "database_outdated"
    status = 503


def _config(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


async def upgrade(engine: AsyncEngine, revision: str = "head") -> None:
    """Upgrade to a revision; safe to call when nothing is to be done."""
    from alembic import command

    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def downgrade(engine: AsyncEngine, revision: str = "base") -> None:
    """Downgrade to a revision; "base" drops everything."""
    from alembic import command

    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


async def revisions(engine: AsyncEngine) -> tuple[str | None, str]:
    """(the database's revision, the newest one that this version knows).

    Read from Alembic's table and from the files' names, which begin with their revisions.
    """

    def read(connection: Connection) -> str | None:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    async with engine.connect() as connection:
        current = await connection.run_sync(read)
    newest = max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))
    return current, newest


async def ensure(database: Database) -> None:
    """Bring a SQLite database up to date; raise DatabaseOutdated for a PostgreSQL one that is not."""
    current, newest = await revisions(database.engine)
    if current == newest:
        return
    if not database.is_sqlite:
        raise DatabaseOutdated(
            f"the database is at revision {current or 'none'}, this version needs {newest}; run: consilia db upgrade"
        )
    await upgrade(database.engine)


async def autogenerate(engine: AsyncEngine, message: str, revision_id: str) -> Any:
    """For developers: write a new migration from the difference between tables and database."""
    from alembic import command

    async with engine.begin() as connection:
        return await connection.run_sync(
            lambda sync: command.revision(_config(sync), message, autogenerate=True, rev_id=revision_id)
        )
