"""Bringing a database to the newest schema, or back."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

import migrations
from service.database.engine import Database
from tools.errors import ConsiliaError


class DatabaseOutdated(ConsiliaError):
    """The database's schema is not the one that this version needs."""

    code = "database_outdated"
    status = 503


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


async def upgrade(engine: AsyncEngine, revision: str = "head") -> None:
    """Upgrade to a revision; safe to call when nothing is to be done."""
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def downgrade(engine: AsyncEngine, revision: str = "base") -> None:
    """Downgrade to a revision; "base" drops everything."""
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


async def revisions(engine: AsyncEngine) -> tuple[str | None, str | None]:
    """(the database's revision, the newest one that this version knows)."""

    def read(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with engine.connect() as connection:
        current = await connection.run_sync(read)
    return current, ScriptDirectory.from_config(_config()).get_current_head()


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
    async with engine.begin() as connection:
        return await connection.run_sync(
            lambda sync: command.revision(_config(sync), message, autogenerate=True, rev_id=revision_id)
        )
