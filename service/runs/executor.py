"""Executing runs in this process: at most so many at a time, the runs of one thread one after the other."""

import asyncio
import traceback
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self, cast
from weakref import WeakValueDictionary

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained, GraphRecursionError
from langgraph.runtime import RunControl
from sqlalchemy.exc import SQLAlchemyError

from agents.ask import Counsel
from agents.pool import Pool
from service.database import runs, threads
from service.database.engine import Database
from service.database.runs import RunStatus
from service.database.sealing import Sealer
from service.database.threads import ThreadStatus
from service.runs.checkpoints import DatabaseSaver
from service.runs.driving import Drive, Driven, drive
from service.runs.files import TenantFiles
from service.runs.json import dumps, plain
from service.runs.ledger import RunLedger
from service.runs.stream import Feeds
from service.runs.vault import RunVault
from service.settings import Limits
from tools.errors import ConsiliaError
from tools.host import Toolbox, ToolHost
from workflows.desk import Desk
from workflows.registry import Registry

log = structlog.get_logger(__name__)

CancelAction = Literal["interrupt", "rollback"]


class QueueFull(ConsiliaError):
    """More runs wait than the limit allows."""

    code = "queue_full"
    status = 429


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. values: the final state. interrupts: what it waits for, by task id. error: with its `type`."""

    status: RunStatus
    values: dict[str, Any] | None
    interrupts: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class _Work:
    """A run that is queued or executing here. cancelling: set once somebody has asked for its end."""

    row: dict[str, Any]
    outcome: asyncio.Future[Outcome]
    control: RunControl = field(default_factory=RunControl)
    task: asyncio.Task[None] | None = None
    begun: bool = False
    cancelling: CancelAction | None = None


class Executor:
    """Takes runs that are in SQL as pending and executes them. Use as an async context manager."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        host: ToolHost,
        pool: Pool,
        feeds: Feeds,
        limits: Limits,
        sealer: Sealer,
    ) -> None:
        self._database = database
        self._registry = registry
        self._host = host
        self._pool = pool
        self._feeds = feeds
        self._limits = limits
        self._sealer = sealer
        self.saver = DatabaseSaver(database)
        self._slots = asyncio.Semaphore(limits.concurrent_runs)
        self._work: dict[str, _Work] = {}
        self._threads: dict[str, deque[_Work]] = defaultdict(deque)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._draining = False

    async def __aenter__(self) -> Self:
        for row in await runs.unfinished(self._database):
            log.info("run taken up again", run_id=row["run_id"], status=row["status"], attempt=row["attempt"] + 1)
            self.submit(dict(row))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drain: start nothing more, let each run end its step and checkpoint it; what is left is taken up again."""
        self._draining = True
        tasks = [work.task for work in self._work.values() if work.task is not None]
        for work in self._work.values():
            work.control.request_drain("shutdown")
        if tasks:
            await asyncio.wait(tasks, timeout=self._limits.drain_seconds)
        for task in tasks:
            task.cancel("shutdown")
        await asyncio.gather(*tasks, return_exceptions=True)

    def thread_lock(self, thread_id: str) -> asyncio.Lock:
        """Held while a run is accepted on a thread, so that of two callers only one finds it idle."""
        return self._locks.setdefault(thread_id, asyncio.Lock())

    def check_room(self) -> None:
        """Raises QueueFull when the queue is at its limit; call it before a run is accepted."""
        waiting = len(self._work)
        if waiting >= self._limits.queued_runs:
            raise QueueFull(f"{waiting} runs are waiting, the limit is {self._limits.queued_runs}; try again later")

    def submit(self, row: dict[str, Any]) -> asyncio.Future[Outcome]:
        """Queue a run that is in SQL; the future tells how it ended."""
        work = _Work(row, asyncio.get_running_loop().create_future())
        self._work[row["run_id"]] = work
        queue = self._threads[row["thread_id"]]
        queue.append(work)
        self._feeds.open(row["run_id"])
        if len(queue) == 1:
            self._start(work)
        return work.outcome

    def outcome(self, run_id: str) -> asyncio.Future[Outcome] | None:
        """The future of a run that is queued or executing here."""
        work = self._work.get(run_id)
        return work.outcome if work else None

    def on_thread(self, thread_id: str) -> list[str]:
        """Ids of the runs that are queued or executing on a thread, in their order."""
        return [work.row["run_id"] for work in self._threads.get(thread_id, ())]

    def cancel(self, run_id: str, action: CancelAction) -> asyncio.Future[Outcome] | None:
        """End a run: its state stays as its last step left it, or, with `rollback`, as it was before the run.

        The future of its end; None when it is not queued or executing here.
        """
        work = self._work.get(run_id)
        if work is None:
            return None
        if work.cancelling is None:
            work.cancelling = action
            if work.task is not None and work.begun:  # before its first step a task would end without its clean-up
                work.task.cancel("cancelled by a caller")
        return work.outcome

    def _start(self, work: _Work) -> None:
        work.task = asyncio.create_task(self._execute(work), name=f"run {work.row['run_id']}")

    async def _execute(self, work: _Work) -> None:
        run_id, thread_id = work.row["run_id"], work.row["thread_id"]
        work.begun = True
        try:
            outcome = await self._outcome(work)
            if outcome is not None and not work.outcome.done():
                work.outcome.set_result(outcome)
        except Exception as error:  # recording its end failed: say so in the row; if even that fails, to whoever waits
            log.exception("run could not be recorded", run_id=run_id)
            try:
                outcome = await self._give_up(work.row, error)
            except SQLAlchemyError as gone:
                if not work.outcome.done():
                    work.outcome.set_exception(gone)
            else:
                if not work.outcome.done():
                    work.outcome.set_result(outcome)
        finally:
            if not work.outcome.done():
                work.outcome.cancel()
            self._feeds.close(run_id)
            self._work.pop(run_id, None)
            queue = self._threads[thread_id]
            queue.popleft()
            if queue and not self._draining:
                self._start(queue[0])
            elif not queue:
                del self._threads[thread_id]

    async def _outcome(self, work: _Work) -> Outcome | None:
        """Run it, unless it was cancelled before; None when this process goes down first."""
        row = work.row
        ledger = RunLedger(self._database, row["run_id"], row["tenant_id"], self._feeds.open(row["run_id"]))
        try:
            if work.cancelling is None:
                await _until_due(row)
                async with self._slots:
                    return await self._run(row, ledger, work.control)
        except GraphDrained:
            return None
        except asyncio.CancelledError:
            if work.cancelling is None:
                raise
            task = asyncio.current_task()
            assert task is not None, "a run is executed in a task"
            task.uncancel()
        return await self._end_cancelled(work, ledger)

    async def _run(self, row: dict[str, Any], ledger: RunLedger, control: RunControl) -> Outcome:
        run_id, attempt = row["run_id"], row["attempt"] + 1
        again = attempt > 1
        if again:
            ledger.continue_after(await runs.last_event(self._database, run_id))
        started = (runs.started(run_id, attempt), threads.status_changed(row["thread_id"], "busy"))
        ledger.append("metadata", dumps({"run_id": run_id, "attempt": attempt}), *started)
        try:
            async with asyncio.timeout(self._limits.run_seconds):
                outcome = await self._drive(row, ledger, control, again)
        except TimeoutError:
            message = f"the run took longer than {self._limits.run_seconds:g} s (limits.run_seconds)"
            outcome = Outcome("timeout", None, error=_error("run_timeout", message, 504, "TimeoutError"))
        except GraphDrained:
            raise
        except GraphRecursionError as error:
            outcome = Outcome("error", None, error=_error("recursion_limit", str(error), 500, "GraphRecursionError"))
        except ConsiliaError as error:
            kind = "".join(part.title() for part in error.code.split("_"))
            outcome = Outcome("error", None, error={**error.as_payload(), "type": kind})
        except SQLAlchemyError as error:
            log.error("database failed during a run", run_id=run_id, error_type=type(error).__name__)
            message = "the database did not answer or refused a write; the log has the reason; try the run again"
            outcome = Outcome("error", None, error=_error("database_error", message, 503, type(error).__name__))
        except Exception as error:
            log.warning("run failed", run_id=run_id, error_type=type(error).__name__)
            shown = _error("graph_error", str(error), 500, type(error).__name__)
            shown["trace"] = "".join(traceback.format_exception(error))[-20_000:]
            outcome = Outcome("error", None, error=shown)
        await self._settle(row, ledger, outcome)
        return outcome

    async def _drive(self, row: dict[str, Any], ledger: RunLedger, control: RunControl, again: bool) -> Outcome:
        workflow = self._registry.get(row["graph_id"])
        config = self._config(row)
        order = Drive.of(row)
        context: Any = cast(dict[str, Any], row["kwargs"]).get("context") or None
        if workflow.desk:
            context = Desk(
                tools=Toolbox(self._host, ledger, workflow.name, workflow.tools),
                counsel=Counsel(self._pool, ledger),
                files=TenantFiles(self._database, row["tenant_id"], row["run_id"]),
                vault=RunVault(self._database, self._sealer, row["tenant_id"], row["run_id"]),
            )
        if again and await self._has_begun(row):
            order = Drive(None, **{name: getattr(order, name) for name in _AS_ORDERED})
        async with workflow.graph(config) as made:
            graph = made.copy(update={"checkpointer": self.saver})
            driven = await drive(graph, order, config, context, ledger, control)
        return _ended(driven)

    async def _has_begun(self, row: dict[str, Any]) -> bool:
        """Whether the run has left a checkpoint; before that it is begun anew with its input."""
        latest = await self.saver.aget_tuple({"configurable": {"thread_id": row["thread_id"], "checkpoint_ns": ""}})
        return latest is not None and latest.metadata.get("run_id") == row["run_id"]

    async def _end_cancelled(self, work: _Work, ledger: RunLedger) -> Outcome:
        row = work.row
        if work.cancelling == "rollback":
            await self.saver.adelete_for_runs([row["run_id"]])
        config: RunnableConfig = {"configurable": {"thread_id": row["thread_id"]}}
        values: dict[str, Any] | None = None
        if await self.saver.aget_tuple(config) is not None:
            workflow = self._registry.get(row["graph_id"])
            async with workflow.graph(config) as made:
                snapshot = await made.copy(update={"checkpointer": self.saver}).aget_state(config)
                shown = {made.output_channels} if isinstance(made.output_channels, str) else set(made.output_channels)
            values = plain({key: value for key, value in snapshot.values.items() if key in shown})
        outcome = Outcome("interrupted", values)
        await self._settle(row, ledger, outcome)
        return outcome

    async def _give_up(self, row: dict[str, Any], error: Exception) -> Outcome:
        message = "the end of the run could not be recorded; the log has the reason"
        outcome = Outcome("error", None, error=_error("run_not_recorded", message, 500, type(error).__name__))
        finished = runs.finished(row["run_id"], "error", output=None, error=outcome.error, engine=None, degraded=False)
        await self._database.writer.write(finished, threads.status_changed(row["thread_id"], "error"))
        return outcome

    async def _settle(self, row: dict[str, Any], ledger: RunLedger, outcome: Outcome) -> None:
        status: ThreadStatus = "idle"
        if outcome.status == "interrupted":
            status = "interrupted"
        elif outcome.error is not None:
            status = "error"
        finished = runs.finished(
            row["run_id"],
            outcome.status,
            output=outcome.values,
            error=outcome.error,
            engine=ledger.engine,
            degraded=False,
        )
        settled = threads.settled(row["thread_id"], status, outcome.values, outcome.interrupts, outcome.error)
        if outcome.error is not None:
            shown = {"error": outcome.error["type"], "message": outcome.error["message"], "code": outcome.error["code"]}
            await ledger.append("error", dumps(shown), finished, settled)
        else:
            await self._database.writer.write(finished, settled)

    def _config(self, row: dict[str, Any]) -> RunnableConfig:
        kwargs = cast(dict[str, Any], row["kwargs"])
        given = cast(dict[str, Any], kwargs.get("config") or {})
        configurable = {
            **given.get("configurable", {}),
            **cast(dict[str, Any], kwargs.get("checkpoint") or {}),
            "thread_id": row["thread_id"],
            "run_id": row["run_id"],
            "graph_id": row["graph_id"],
            "assistant_id": row["assistant_id"],
        }
        metadata = {**row["metadata"], "run_id": row["run_id"], "run_attempt": row["attempt"] + 1}
        return {
            "recursion_limit": given.get("recursion_limit", self._limits.recursion),
            "tags": given.get("tags", []),
            "configurable": configurable,
            "metadata": {**metadata, "graph_id": row["graph_id"], "assistant_id": row["assistant_id"]},
        }


_AS_ORDERED = ("stream_mode", "subgraphs", "interrupt_before", "interrupt_after", "durability")


async def _until_due(row: dict[str, Any]) -> None:
    """Wait out what is left of `after_seconds`."""
    seconds = cast(dict[str, Any], row["kwargs"]).get("after_seconds")
    if seconds:
        due: datetime = row["created_at"] + timedelta(seconds=seconds)
        await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))


def _ended(driven: Driven) -> Outcome:
    status: RunStatus = "interrupted" if driven.interrupts else "success"
    return Outcome(status, driven.values, driven.interrupts)


def _error(code: str, message: str, status: int, kind: str) -> dict[str, Any]:
    return {"code": code, "message": message, "status": status, "details": {}, "type": kind}
