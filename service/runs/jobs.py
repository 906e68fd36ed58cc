"""The queue over PostgreSQL: a procrastinate job for each run, written with the run's row in one transaction.

Any process of the database may execute a run (service/runs/worker.py); who waits for its end or follows its events
hears of them by NOTIFY, and reads them from SQL.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

import orjson
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from service.database import runs
from service.database.engine import Database
from service.database.writer import Statement, Write
from service.runs.announcements import Announcements
from service.runs.executor import Executor
from service.runs.outcome import CancelAction, Outcome, RunGone, described, recorded
from service.runs.queue import QueueFull
from service.runs.stream import Feeds

RUNS: Final = "runs"
"""The procrastinate queue that every worker takes from."""

TASK: Final = "consilia.run"

_COUNT_SECONDS: Final = 0.5
"""How long a count of the waiting runs is believed."""

_ENQUEUE = Statement(
    text(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, :priority, :lock, NULL, CAST(:args AS jsonb), "
        "CAST(:scheduled_at AS timestamptz))]::procrastinate_job_to_defer_v1[])"
    ),
    rank=15,
)


class JobQueue:
    """Runs as jobs. Use as an async context manager. name: the procrastinate queue that runs accepted here go to."""

    owner = None

    def __init__(
        self, database: Database, executor: Executor, feeds: Feeds, limit: int, conninfo: str, name: str = RUNS
    ) -> None:
        self._database = database
        self._executor = executor
        self._feeds = feeds
        self._limit = limit
        self._name = name
        self._announcements = Announcements(conninfo, self._heard, self._missed)
        self._outcomes: dict[str, asyncio.Task[Outcome]] = {}
        self._counted = (0.0, 0)
        self._asking: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._announcements.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._announcements.__aexit__(kind, error, trace)
        for task in (*self._outcomes.values(), *self._asking):
            task.cancel()
        await asyncio.gather(*self._outcomes.values(), *self._asking, return_exceptions=True)

    def _heard(self, words: list[str]) -> None:
        match words:
            case [("changed" | "ended") as kind, run_id]:
                self._feeds.announced(kind, run_id)
            case ["cancel", run_id, ("interrupt" | "rollback") as action]:
                self._executor.cancel(run_id, action)
            case _:
                pass

    def _missed(self) -> None:
        self._feeds.look_again()
        task = asyncio.create_task(self._cancel_as_asked())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _cancel_as_asked(self) -> None:
        """Cancel what is executed here and whose cancellation may not have been heard."""
        try:
            asked = await runs.cancelling(self._database, self._executor.executing())
        except SQLAlchemyError:  # the next announcement, or the next connection, looks again
            return
        for run_id, action in asked:
            self._executor.cancel(run_id, action)

    async def check_room(self) -> None:
        counted_at, waiting = self._counted
        if time.monotonic() - counted_at > _COUNT_SECONDS:
            waiting = await runs.waiting(self._database, self._limit)
            self._counted = (time.monotonic(), waiting)
        if waiting >= self._limit:
            raise QueueFull(f"{waiting} runs wait, the limit is {self._limit} (limits.queued_runs); try again later")

    @asynccontextmanager
    async def thread_lock(self, thread_id: str) -> AsyncGenerator[None]:
        key = func.hashtextextended(thread_id, 0)
        async with self._database.engine.connect() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(key)))
            try:
                yield
            finally:
                await connection.rollback()

    def enqueuing(self, row: dict[str, Any]) -> Sequence[Write]:
        kwargs: dict[str, Any] = row["kwargs"]
        later = kwargs.get("after_seconds")
        parameters = {
            "queue": self._name,
            "task": TASK,
            "priority": kwargs.get("priority") or 0,
            "lock": None if kwargs.get("temporary") else row["thread_id"],  # a thread of one run needs no order
            "args": orjson.dumps({"run_id": row["run_id"]}).decode(),
            "scheduled_at": row["created_at"] + timedelta(seconds=later) if later else None,
        }
        return (Write(_ENQUEUE, parameters),)

    def submit(self, row: dict[str, Any]) -> None:
        """Nothing is to be done: the job is committed with the run, and PostgreSQL notifies the workers."""

    async def on_thread(self, thread_id: str) -> list[str]:
        return await runs.on_thread(self._database, thread_id)

    async def outcome(self, run_id: str) -> "asyncio.Future[Outcome] | None":
        if run_id not in self._outcomes:
            task = asyncio.create_task(self._ended(run_id), name=f"outcome of run {run_id}")
            self._outcomes[run_id] = task
            task.add_done_callback(lambda _: self._outcomes.pop(run_id, None))
        return self._outcomes[run_id]

    async def _ended(self, run_id: str) -> Outcome:
        with self._feeds.watching(run_id, only_end=True) as watch:
            while True:
                watch.seen.clear()
                try:
                    found = await recorded(self._database, run_id)
                except RunGone:
                    message = f"run {run_id} was deleted while somebody waited for it"
                    return Outcome("error", None, error=described("run_deleted", message, 404, "RunDeleted"))
                if found is not None:
                    return found
                await watch.next()

    async def cancel(self, run_id: str, action: CancelAction) -> "asyncio.Future[Outcome] | None":
        status = await runs.cancel(self._database, run_id, action)
        if status is None:
            return None
        if status == "pending":
            row = await runs.claim(self._database, run_id, self._executor.name, again=False)
            if row is not None:
                done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
                done.set_result(await self._executor.end_cancelled(dict(row), action))
                return done
        ending = await self.outcome(run_id)
        await self._database.writer.submit(announce=f"cancel {run_id} {action}")
        return ending
