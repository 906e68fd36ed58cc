"""Hearing what other processes commit: LISTEN on PostgreSQL (NOTIFY comes with the writer's transactions)."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import psycopg
import structlog
from psycopg.conninfo import make_conninfo

from service.database.writer import CHANNEL

log = structlog.get_logger(__name__)

_LONGEST_PAUSE: Final = 5.0
_KEEPALIVE: Final = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}


class Announcements:
    """Calls `heard` with each announcement's words, and `missed` when some may have been lost. Async context manager.

    conninfo: a libpq URL.
    """

    def __init__(self, conninfo: str, heard: Callable[[list[str]], None], missed: Callable[[], object]) -> None:
        self._conninfo = make_conninfo(conninfo, **_KEEPALIVE)
        self._heard = heard
        self._missed = missed
        self._listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._loop(), name="announcements")
        waiting = asyncio.create_task(self._listening.wait())
        await asyncio.wait([self._task, waiting], return_when=asyncio.FIRST_COMPLETED)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _loop(self) -> None:
        pause = 0.1
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}".encode())
                    self._missed()
                    self._listening.set()
                    pause = 0.1
                    async for notification in connection.notifies():
                        self._heard(notification.payload.split(" "))
            except psycopg.Error as error:
                log.warning("no announcements from the database", error_type=type(error).__name__, again_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
