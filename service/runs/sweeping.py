"""Deleting what has outlived its time: threads, uploads, idempotency keys, old webhook deliveries."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.database import idempotency, rates, threads, webhooks
from service.database.engine import Database
from service.database.tables import now
from service.database.threads import TimeToLive
from service.runs.checkpoints import DatabaseSaver
from service.runs.retention import keep_no_longer

log = structlog.get_logger(__name__)

DELIVERIES_KEPT: Final = timedelta(days=30)
"""How long the record of a delivered or given-up webhook is kept."""


class Sweeper:
    """Sweeps every so many seconds, from its start. Use as an async context manager.

    Several processes may sweep one database: what one has deleted, another finds no more.
    """

    def __init__(
        self,
        database: Database,
        saver: DatabaseSaver,
        seconds: float,
        retention_days: Mapping[str, float] | None = None,
    ) -> None:
        self._database = database
        self._retention_days = retention_days or {}
        self._saver = saver
        self._seconds = seconds
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._loop(), name="sweeper")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.sweep()
            except SQLAlchemyError as error:  # the database may be restarting; the next sweep finds the same rows
                log.warning("sweep failed", error_type=type(error).__name__)
            try:
                await asyncio.wait_for(self._stopping.wait(), self._seconds)
            except TimeoutError:
                continue

    async def sweep(self) -> None:
        """Delete or prune every thread whose time is over, and forget old keys and deliveries."""
        while over := await threads.expired(self._database, now()):
            for thread in over:
                await self._end(thread["thread_id"], thread["ttl"], thread["ttl_strategy"])
        await keep_no_longer(self._database, self._retention_days, now())
        await idempotency.forget(self._database, now())
        await webhooks.forget(self._database, now() - DELIVERIES_KEPT)
        await rates.forget(self._database)

    async def _end(self, thread_id: str, minutes: float, strategy: str) -> None:
        if strategy == "keep_latest":
            await self._saver.aprune([thread_id])
            again = TimeToLive(max(minutes, self._seconds / 60), "keep_latest")
            await self._database.writer.write(threads.ttl_changed(thread_id, again))
            return
        await self._saver.adelete_thread(thread_id)
        await threads.delete(self._database, thread_id)
