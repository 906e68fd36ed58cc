"""Draining a model server in every process: which are drained stands in the database, and each process looks there.

`drain` is the one function for it: REST, the admin pages and `consilia pool drain` call it.
"""

import asyncio
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from agents.pool import Pool
from service.database import drained
from service.database.engine import Database

log = structlog.get_logger(__name__)


async def drain(database: Database, pool: Pool, url: str, draining: bool = True, key_id: str | None = None) -> None:
    """Send an endpoint no new requests (or, with `draining` false, again): this process at once, the others of the
    database within pool.health_seconds. Requests that run end in peace. It holds until it is taken back.

    Raises UnknownPoolModel for a URL that the pool does not have.
    """
    known = pool.known_endpoint(url)
    if draining:
        await drained.drain(database, known, key_id)
    else:
        await drained.take_back(database, known)
    pool.drain(known, draining)


class Draining:
    """Follows what is drained. Use as an async context manager, inside the pool's."""

    def __init__(self, database: Database, pool: Pool) -> None:
        self._database = database
        self._pool = pool
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if not self._pool.embedded:
            await self._look()
            self._task = asyncio.create_task(self._loop(), name="draining")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _loop(self) -> None:
        while True:
            await asyncio.sleep(self._pool.settings.health_seconds)
            try:
                await self._look()
            except SQLAlchemyError as error:  # the database may be restarting; the next look finds the same rows
                log.warning("drained endpoints could not be read", error_type=type(error).__name__)

    async def _look(self) -> None:
        self._pool.drain_only(await drained.urls(self._database))
