"""Model servers that get no new requests, for all processes of one database."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from service.database.engine import Database
from service.database.tables import DrainedEndpoint, now


async def urls(database: Database) -> frozenset[str]:
    """The drained endpoints, whichever pool they belong to."""
    async with database.reading() as connection:
        return frozenset((await connection.scalars(select(DrainedEndpoint.url))).all())


async def drain(database: Database, url: str, key_id: str | None) -> None:
    """Note that an endpoint is drained, and by whose key (None: by the command line); again does no harm."""
    insert = sqlite_insert if database.is_sqlite else postgresql_insert
    row = {"url": url, "key_id": key_id, "drained_at": now()}
    async with database.engine.begin() as connection:
        await connection.execute(insert(DrainedEndpoint).values(row).on_conflict_do_nothing())


async def take_back(database: Database, url: str) -> None:
    """Note that an endpoint gets requests again."""
    async with database.engine.begin() as connection:
        await connection.execute(delete(DrainedEndpoint).where(DrainedEndpoint.url == url))
