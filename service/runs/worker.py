"""Taking runs from PostgreSQL and executing them: procrastinate's worker around our executor.

A worker that dies is noticed by its heartbeat. Its jobs are then replaced by new ones, and the run goes on elsewhere
from its last checkpoint; should the worker live after all, its fence keeps it from writing anything more.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import psycopg
import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.worker import Worker as JobWorker
from sqlalchemy import bindparam, text
from sqlalchemy.exc import SQLAlchemyError

from service.database import runs
from service.database.engine import Database
from service.runs.executor import Execution, Executor
from service.runs.jobs import RUNS, TASK
from service.settings import Limits
from tools.errors import ConsiliaError

log = structlog.get_logger(__name__)

_LOOK_FOR_ABANDONED: Final = 1.5
_STOPPING: Final = 5.0
"""Seconds that runs have to end when the worker must start anew, because its database was away."""

_ABANDONED = text(
    "SELECT job.id FROM procrastinate_jobs AS job LEFT JOIN procrastinate_workers AS worker ON worker.id = worker_id "
    "WHERE job.status = 'doing' AND job.task_name = :task AND (worker.id IS NULL OR "
    "worker.last_heartbeat < now() - make_interval(secs => :seconds))"
)
_MINE = text("SELECT id FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = :worker_id")

# A new job for an old one, in front of what else waits for its thread. The lock is free once the old one is gone.
_REPLACE = text(
    "WITH gone AS (DELETE FROM procrastinate_jobs WHERE id IN :ids AND status = 'doing' "
    "RETURNING id, task_name, priority, lock, args) "
    "SELECT args ->> 'run_id' AS run_id, (procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, task_name, priority + 1, lock, "
    "NULL, args || '{\"again\": true}'::jsonb, NULL)]::procrastinate_job_to_defer_v1[])) AS job FROM gone"
).bindparams(bindparam("ids", expanding=True))


class HandedBack(ConsiliaError):
    """The run goes back to the queue: this process goes down, or its worker starts anew."""

    code = "handed_back"
    status = 503


class _AtOnce(BaseRetryStrategy):
    """A run that is handed back may be taken at once, by any worker; nothing else is tried again here."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        return RetryDecision(queue=RUNS) if isinstance(exception, HandedBack) else None


class _Jobs(JobManager):
    """Lets a job be gone when its worker ends it: the worker was given up for dead, and the job replaced."""

    async def finish_job_by_id_async(self, job_id: int, status: Status, delete_job: bool) -> None:
        try:
            await super().finish_job_by_id_async(job_id, status, delete_job)
        except ConnectorException as error:
            _unless_gone(error, job_id)

    async def retry_job_by_id_async(
        self,
        job_id: int,
        retry_at: datetime,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        try:
            await super().retry_job_by_id_async(job_id, retry_at, priority, queue, lock)
        except ConnectorException as error:
            _unless_gone(error, job_id)


def _unless_gone(error: ConnectorException, job_id: int) -> None:
    if not isinstance(error.__cause__, psycopg.errors.RaiseException):
        raise error
    log.info("job was given to another worker meanwhile", job_id=job_id)


async def _without_transactions(connection: "psycopg.AsyncConnection[Any]") -> None:
    """Each statement of procrastinate's commits itself: a worker that freezes between two of them holds no lock."""
    await connection.set_autocommit(True)


class Worker:
    """Executes the runs of some queues in this process. Use as an async context manager; leaving it drains."""

    def __init__(
        self, conninfo: str, database: Database, executor: Executor, limits: Limits, queues: Sequence[str] = (RUNS,)
    ) -> None:
        self._database = database
        self._executor = executor
        self._limits = limits
        self._queues = list(queues)
        connector = PsycopgConnector(
            conninfo=conninfo, min_size=1, max_size=4, timeout=10.0, configure=_without_transactions
        )
        self._app = App(connector=connector)
        self._app.job_manager = _Jobs(connector)
        self._app.task(name=TASK, pass_context=True, retry=_AtOnce())(self._run)
        self._worker: JobWorker | None = None
        self._running: set[int] = set()
        self._suspects: set[int] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    async def __aenter__(self) -> Self:
        await self._app.open_async()
        self._tasks = [
            asyncio.create_task(self._work(), name="worker"),
            asyncio.create_task(self._look_for_abandoned(), name="abandoned runs"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take nothing more; runs end their step, are checkpointed and handed back."""
        self._stopping = True
        working, looking = self._tasks
        looking.cancel()
        if self._worker is not None:
            self._worker.stop()
        await self._executor.drain()
        await asyncio.wait([working], timeout=_STOPPING)
        working.cancel()
        await asyncio.gather(working, looking, return_exceptions=True)
        await self._app.close_async()

    async def _work(self) -> None:
        """Keep procrastinate's worker going; it stops when the database goes away."""
        pause = 0.2
        while not self._stopping:
            self._worker = JobWorker(
                self._app,
                queues=self._queues,
                name=self._executor.name,
                concurrency=self._limits.concurrent_runs,
                fetch_job_polling_interval=self._limits.poll_seconds,
                shutdown_graceful_timeout=self._limits.drain_seconds + _STOPPING,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=self._limits.heartbeat_seconds,
                stalled_worker_timeout=self._limits.stalled_seconds,
            )
            try:
                await self._worker.run()
                pause = 0.2
            except (ConnectorException, OSError) as error:
                log.warning("worker lost its database", error_type=type(error).__name__, again_in_s=pause)
            except Exception:  # a worker that lives and takes nothing would be worse than one that says so and goes on
                log.exception("worker failed", again_in_s=pause)
            if not self._stopping:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _run(self, context: JobContext, run_id: str, again: bool = False) -> None:
        """The job: execute one run. Another process may have done so meanwhile; then there is nothing to do."""
        job_id = context.job.id
        assert job_id is not None, "a job that is executed has an id"
        self._running.add(job_id)
        try:
            await self._execute(run_id, again or context.job.attempts > 0)
        finally:
            self._running.discard(job_id)

    async def _execute(self, run_id: str, again: bool) -> None:
        try:
            row = await runs.claim(self._database, run_id, self._executor.name, again=again)
        except SQLAlchemyError as error:
            raise HandedBack(f"the database did not answer ({type(error).__name__})", run_id=run_id) from error
        if row is None:
            return
        execution = Execution(dict(row), claimed=True, cancelling=row["cancelling"])
        try:
            outcome = await self._executor.execute(execution)
        except asyncio.CancelledError:
            await self._executor.hand_back(execution)
            raise HandedBack("the worker goes down", run_id=run_id) from None
        except SQLAlchemyError as error:  # its job must not be done with, or nobody would go on with the run
            await self._executor.hand_back(execution)
            raise HandedBack(f"the database went away ({type(error).__name__})", run_id=run_id) from error
        if outcome is None and self._executor.draining:
            raise HandedBack("the worker goes down", run_id=run_id)

    async def _look_for_abandoned(self) -> None:
        """Take care of jobs whose worker is dead, and of this one's own that it does not execute."""
        while True:
            await asyncio.sleep(_LOOK_FOR_ABANDONED)
            try:
                await self._replace_abandoned()
            except SQLAlchemyError as error:
                log.warning("abandoned runs could not be looked for", error_type=type(error).__name__)

    async def _replace_abandoned(self) -> None:
        worker_id = self._worker.worker_id if self._worker is not None else None
        async with self._database.engine.begin() as connection:
            found = await connection.scalars(_ABANDONED, {"task": TASK, "seconds": self._limits.stalled_seconds})
            abandoned = set(found)
            mine = await connection.scalars(_MINE, {"worker_id": worker_id or 0})
            idle: set[int] = set(mine) - self._running
            abandoned |= idle & self._suspects  # not executed now nor when it was looked for last
            self._suspects = idle
            if not abandoned:
                return
            replaced: Any = await connection.execute(_REPLACE, {"ids": sorted(abandoned), "queue": RUNS})
            for run_id, _ in replaced:
                log.info("run abandoned by its worker is queued again", run_id=run_id)
