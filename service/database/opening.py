"""Opening the database as an installation's settings say: with the keys that open what is sealed in it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from service.database.engine import Database, open_database
from service.database.sealing import sealer
from service.settings import Settings


@asynccontextmanager
async def open_installation(settings: Settings) -> AsyncGenerator[Database]:
    """The database, open until the block ends. Raises InvalidSealingKeys."""
    seals = await asyncio.to_thread(sealer, settings.sealing, settings.data_dir)
    async with open_database(
        settings.database_url,
        settings.limits.database_seconds,
        settings.limits.stalled_seconds,
        seals,
        settings.sealing.workflows,
    ) as database:
        yield database
