"""The one writer: what concurrent runs write at the same moment shares one transaction.

A commit costs about a millisecond whatever is in it, and SQLite allows one writer at a time. So writes are queued;
a loop takes all that is queued, executes it grouped by statement, commits once, and wakes everybody who waited. A
caller that awaited `write` knows that its rows are committed. If the shared transaction fails, each caller's writes are
tried again alone, so that one bad row fails its own caller only.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Statement = Executable
Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Write:
    """A statement with one row's parameters. Statements are module-level objects: equal ones are executed together."""

    statement: Statement
    parameters: Parameters


@dataclass(slots=True)
class _Request:
    writes: Sequence[Write]
    done: asyncio.Future[None]


class Writer:
    """Queues writes and commits them in groups. Use as an async context manager."""

    def __init__(self, engine: AsyncEngine, largest_group: int = 512) -> None:
        self._engine = engine
        self._largest_group = largest_group
        self._queue: list[_Request] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._loop(), name="database writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task

    def submit(self, *writes: Write) -> asyncio.Future[None]:
        """Queue writes; the future is done when they are committed, in the order of submission."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Request(writes, done))
        self._wake.set()
        return done

    async def write(self, *writes: Write) -> None:
        """Write and wait for the commit. All writes of one call are in one transaction. Raises SQLAlchemyError."""
        if writes:
            await asyncio.shield(self.submit(*writes))

    async def _loop(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                group, self._queue = self._queue[: self._largest_group], self._queue[self._largest_group :]
                await self._commit(group)
            if self._closing:
                return

    async def _commit(self, group: list[_Request]) -> None:
        try:
            async with self._engine.begin() as connection:
                await _execute(connection, [write for request in group for write in request.writes])
        except Exception as error:  # a row that cannot be written fails its own caller, never the writer
            if len(group) == 1:
                _settle(group[0], error)
                return
            for request in group:
                await self._commit([request])
        else:
            for request in group:
                _settle(request, None)


def _settle(request: _Request, error: Exception | None) -> None:
    if request.done.done():
        return
    if error is None:
        request.done.set_result(None)
    else:
        request.done.set_exception(error)


async def _execute(connection: AsyncConnection, writes: Sequence[Write]) -> None:
    """Execute in order, neighbours with the same statement in one call."""
    start = 0
    while start < len(writes):
        end = start
        statement = writes[start].statement
        while end < len(writes) and writes[end].statement is statement:
            end += 1
        await connection.execute(statement, [write.parameters for write in writes[start:end]])
        start = end
