"""Where accepted runs wait for their execution: one interface over this process alone and over PostgreSQL."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self
from weakref import WeakValueDictionary

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.database import runs
from service.database.engine import Database
from service.database.writer import Write
from service.runs.executor import Execution, Executor
from service.runs.outcome import CancelAction, Outcome
from service.runs.presence import Presence
from service.runs.stream import Feeds
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)

_LOOK_FOR_ABANDONED: Final = 10.0
"""Seconds between two looks for runs that a dead process has left."""


class QueueFull(ConsiliaError):
    """More runs wait than the limit allows."""

    code = "queue_full"
    status = 429


class Queue(Protocol):
    """Takes accepted runs and sees that they are executed, in their threads' order.

    owner: the name of the process that alone may execute what is accepted here; None: any may.
    """

    @property
    def owner(self) -> str | None: ...

    async def check_room(self) -> None:
        """Raises QueueFull when the queue is at its limit; call it before a run is accepted."""
        ...

    def thread_lock(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        """Held while a run is accepted on a thread, so that of two callers only one finds it idle."""
        ...

    def enqueuing(self, row: dict[str, Any]) -> Sequence[Write]:
        """What is written in the transaction that makes the run's row."""
        ...

    def submit(self, row: dict[str, Any]) -> None:
        """Call it once that transaction is committed."""
        ...

    async def on_thread(self, thread_id: str) -> list[str]:
        """Ids of the thread's runs that have not ended, in their order."""
        ...

    async def outcome(self, run_id: str) -> "asyncio.Future[Outcome] | None":
        """The future of a run's end; None when it has ended."""
        ...

    async def cancel(self, run_id: str, action: CancelAction) -> "asyncio.Future[Outcome] | None":
        """End a run; the future of its end, None when it had ended."""
        ...


@dataclass(slots=True, eq=False)
class _Entry:
    execution: Execution
    outcome: "asyncio.Future[Outcome]"
    task: asyncio.Task[None] | None = None


class LocalQueue:
    """Over one process: the runs of a thread one after the other. Use as an async context manager.

    presence: tells which processes of this database live; given, the runs of dead ones are taken up.
    """

    def __init__(
        self, database: Database, executor: Executor, feeds: Feeds, limit: int, presence: Presence | None
    ) -> None:
        self._database = database
        self._executor = executor
        self._feeds = feeds
        self._limit = limit
        self._presence = presence
        self._entries: dict[str, _Entry] = {}
        self._threads: dict[str, deque[_Entry]] = defaultdict(deque)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def owner(self) -> str | None:
        return self._executor.name

    async def __aenter__(self) -> Self:
        if self._presence is not None:
            await self._take_up(self._presence)
            self._keeper = asyncio.create_task(self._keep_looking(self._presence), name="abandoned runs")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Start nothing more, let each run end its step and checkpoint it; what is left is taken up again."""
        if self._keeper is not None:
            self._keeper.cancel()
        await self._executor.drain()
        left = [entry.task for entry in self._entries.values() if entry.task is not None]
        for entry in list(self._entries.values()):
            if not entry.outcome.done():
                entry.outcome.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _keep_looking(self, presence: Presence) -> None:
        while True:
            await asyncio.sleep(_LOOK_FOR_ABANDONED)
            try:
                await self._take_up(presence)
            except SQLAlchemyError as error:
                log.warning("abandoned runs could not be looked for", error_type=type(error).__name__)

    async def _take_up(self, presence: Presence) -> None:
        for row in await runs.unfinished(self._database):
            if row["run_id"] in self._entries or (row["executor"] and presence.alive(row["executor"])):
                continue
            log.info("run taken up again", run_id=row["run_id"], status=row["status"], attempt=row["attempt"] + 1)
            self.submit(dict(row))

    async def check_room(self) -> None:
        waiting = len(self._entries)
        if waiting >= self._limit:
            raise QueueFull(
                f"{waiting} runs wait or are executed, the limit is {self._limit} (limits.queued_runs); try again later"
            )

    def thread_lock(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        return self._locks.setdefault(thread_id, asyncio.Lock())

    def enqueuing(self, row: dict[str, Any]) -> Sequence[Write]:
        return ()

    def submit(self, row: dict[str, Any]) -> None:
        entry = _Entry(Execution(row), asyncio.get_running_loop().create_future())
        self._entries[row["run_id"]] = entry
        queue = self._threads[row["thread_id"]]
        queue.append(entry)
        self._feeds.open(row["run_id"])
        if len(queue) == 1:
            self._start(entry)

    async def on_thread(self, thread_id: str) -> list[str]:
        return [entry.execution.row["run_id"] for entry in self._threads.get(thread_id, ())]

    async def outcome(self, run_id: str) -> "asyncio.Future[Outcome] | None":
        entry = self._entries.get(run_id)
        return entry.outcome if entry else None

    async def cancel(self, run_id: str, action: CancelAction) -> "asyncio.Future[Outcome] | None":
        entry = self._entries.get(run_id)
        if entry is None:
            return None
        entry.execution.cancel(action)
        return entry.outcome

    def _start(self, entry: _Entry) -> None:
        entry.task = asyncio.create_task(self._execute(entry), name=f"run {entry.execution.row['run_id']}")

    async def _execute(self, entry: _Entry) -> None:
        run_id, thread_id = entry.execution.row["run_id"], entry.execution.row["thread_id"]
        try:
            outcome = await self._executor.execute(entry.execution)
            if outcome is not None and not entry.outcome.done():
                entry.outcome.set_result(outcome)
        except Exception as error:
            log.exception("run could not be executed", run_id=run_id)
            if not entry.outcome.done():
                entry.outcome.set_exception(error)
        finally:
            if not entry.outcome.done():
                entry.outcome.cancel()
            del self._entries[run_id]
            queue = self._threads[thread_id]
            queue.popleft()
            if queue and not self._executor.draining:
                self._start(queue[0])
            elif not queue:
                del self._threads[thread_id]
