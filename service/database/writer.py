"""The one writer: what concurrent runs write at the same moment shares one transaction.

A commit costs about a millisecond whatever is in it, and SQLite allows one writer at a time. So writes are queued; a
thread takes all that is queued, executes it grouped by statement, commits once, and wakes everybody who waited. A
caller that awaited `write` knows that its rows are committed. If the shared transaction fails, each caller's writes are
tried again alone, so that one bad row fails its own caller only.

Why a thread with a synchronous connection: through an asynchronous driver each statement costs two thread switches,
which measured as more than half of a small run's time (60 runs/s against 160 with the thread, benchmarks/README.md).
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Engine, Executable

Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """An SQL statement of the writer, made once at import.

    rank: within one transaction, statements of a lower rank come first, so that equal statements of many runs stand
    together and are executed in one call. Statements that touch the same rows must have ranks in the order in which a
    run issues them, or the same rank, which keeps the order of submission.
    """

    sql: Executable
    rank: int


@dataclass(frozen=True, slots=True)
class Write:
    """A statement with one row's parameters."""

    statement: Statement
    parameters: Parameters


@dataclass(slots=True)
class _Request:
    writes: Sequence[Write]
    done: asyncio.Future[None]


class Writer:
    """Queues writes and commits them in groups. Use as an async context manager."""

    def __init__(self, engine: Engine, largest_group: int = 512) -> None:
        self._engine = engine
        self._largest_group = largest_group
        self._queue: list[_Request] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database-writer")
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
        self._thread.shutdown()

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
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                group, self._queue = self._queue[: self._largest_group], self._queue[self._largest_group :]
                errors = await loop.run_in_executor(self._thread, self._commit, [each.writes for each in group])
                for request, error in zip(group, errors, strict=True):
                    _settle(request, error)
            if self._closing:
                return

    def _commit(self, group: list[Sequence[Write]]) -> list[Exception | None]:
        """In the writer's thread: commit a group; for each request None, or what went wrong with it."""
        try:
            with self._engine.begin() as connection:
                _execute(connection, [write for writes in group for write in writes])
        except Exception as error:  # a row that cannot be written fails its own caller, never the writer
            if len(group) == 1:
                return [error]
            return [each for writes in group for each in self._commit([writes])]
        return [None] * len(group)


def _settle(request: _Request, error: Exception | None) -> None:
    if request.done.done():
        return
    if error is None:
        request.done.set_result(None)
    else:
        request.done.set_exception(error)


def _execute(connection: Connection, writes: list[Write]) -> None:
    """Execute by rank, neighbours with the same statement in one call."""
    writes.sort(key=lambda write: write.statement.rank)
    start = 0
    while start < len(writes):
        end = start
        statement = writes[start].statement
        while end < len(writes) and writes[end].statement is statement:
            end += 1
        connection.execute(statement.sql, [write.parameters for write in writes[start:end]])
        start = end
