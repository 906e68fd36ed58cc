"""Executing runs in this process."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from opentelemetry.trace import Span
from sqlalchemy.exc import SQLAlchemyError
from structlog.contextvars import bound_contextvars

from agents.chat_model import POOL_KEY
from agents.mcp_tools import TOOLS_KEY
from service.database import runs, threads
from service.database.engine import Database
from service.database.runs import RunStatus
from service.database.writer import Fence, Superseded
from service.runs.checkpoints import DatabaseSaver
from service.runs.desks import Desks
from service.runs.driving import Drive, Driven, drive
from service.runs.ending import ending
from service.runs.fitting import StateUnfit, fitting
from service.runs.json import dumps, plain
from service.runs.ledger import RunLedger
from service.runs.loop_guard import executing
from service.runs.node_threads import NodeThreads
from service.runs.outcome import CancelAction, Outcome, failure
from service.runs.places import raised_at
from service.runs.serializing import serializer
from service.runs.slots import Slots
from service.runs.store import DatabaseStore
from service.runs.stream import Feeds
from service.runs.webhooks import Courier
from service.settings import Limits
from service.telemetry.meters import Meters
from service.telemetry.spans import ended, node_callbacks, workflow_span
from workflows.registry import Registry

log = structlog.get_logger(__name__)

_Made = TypeVar("_Made")
_LONGEST_PAUSE: Final = 10.0
"""Seconds between two tries to record the end of a run while the database refuses it."""

_ABREAST: Final = 8
"""Runs that begin at the same time: enough to share each commit among many."""

_AS_ORDERED: Final = ("stream_mode", "subgraphs", "interrupt_before", "interrupt_after", "durability", "protocol")


@dataclass(slots=True, eq=False)
class Execution:
    """A run's execution in this process. row: its attempt is the one before. cancelling: set once somebody wants its
    end. claimed: its row says already that this process executes it, its attempt being this one."""

    row: dict[str, Any]
    claimed: bool = False
    control: RunControl = field(default_factory=RunControl)
    task: asyncio.Task[Any] | None = None
    cancelling: CancelAction | None = None

    @property
    def attempt(self) -> int:
        attempt: int = self.row["attempt"]
        return attempt if self.claimed else attempt + 1

    def cancel(self, action: CancelAction) -> None:
        """Ask for the run's end; the first who asks says how."""
        if self.cancelling is None:
            self.cancelling = action
            if self.task is not None:  # before its first step a task would end without its clean-up
                self.task.cancel("cancelled by a caller")


class Executor:
    """Executes runs, so many at a time; what a run leaves behind is in SQL.

    name: of this process, as the runs' rows show it.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        desks: Desks,
        feeds: Feeds,
        courier: Courier,
        threads: NodeThreads,
        limits: Limits,
        name: str,
        meters: Meters,
    ) -> None:
        self._database = database
        self._registry = registry
        self._desks = desks
        self._feeds = feeds
        self._courier = courier
        self._threads = threads
        self._limits = limits
        self._meters = meters
        self.name = name
        self._slots = Slots(limits.concurrent_runs, limits.workflow_runs, limits.tenant_runs)
        self._beginners = asyncio.Semaphore(_ABREAST)
        self._executions: dict[str, Execution] = {}
        self.draining = False

    def executing(self) -> list[str]:
        """Ids of the runs that are executing or waiting for a place here."""
        return list(self._executions)

    def cancel(self, run_id: str, action: CancelAction) -> bool:
        """Ask for a run's end: its state stays as its last step left it, or, with `rollback`, as it was before the run.

        False when it is not executed here.
        """
        execution = self._executions.get(run_id)
        if execution is not None:
            execution.cancel(action)
        return execution is not None

    async def drain(self) -> None:
        """Let each run end its step and checkpoint it, within limits.drain_seconds; then stop them where they are."""
        self.draining = True
        tasks = [each.task for each in self._executions.values() if each.task is not None]
        for execution in self._executions.values():
            execution.control.request_drain("shutdown")
        if tasks:
            await asyncio.wait(tasks, timeout=self._limits.drain_seconds)
        for task in tasks:
            task.cancel("shutdown")
        await asyncio.gather(*tasks, return_exceptions=True)

    async def execute(self, execution: Execution) -> Outcome | None:
        """Execute in the calling task; None when the run is not ended: this process goes down first, or has lost it.

        Raises CancelledError when this process goes down and has no time left.
        """
        run_id = execution.row["run_id"]
        execution.task = asyncio.current_task()
        self._executions[run_id] = execution
        try:
            with executing(run_id), bound_contextvars(run_id=run_id, thread_id=execution.row["thread_id"]):
                return await self._outcome(execution)
        except Superseded:
            log.warning("run lost to another process", run_id=run_id, attempt=execution.attempt)
            return None
        finally:
            self._feeds.close(run_id)
            self._threads.end(run_id)
            del self._executions[run_id]

    async def _outcome(self, execution: Execution) -> Outcome | None:
        row = execution.row
        fence = None if self._database.is_sqlite else Fence(row["run_id"], execution.attempt)
        feed = self._feeds.open(row["run_id"])
        ledger = RunLedger(
            self._database,
            row["run_id"],
            row["tenant_id"],
            feed,
            self._meters,
            fence,
            sealed=self._database.is_sensitive(row["graph_id"]),
            resumed=bool(row["kwargs"].get("command")),
            trusted=self._desks.host.trusted,
        )
        workflow, tenant, priority = row["graph_id"], row["tenant_id"], row["kwargs"].get("priority") or 0
        try:
            if execution.cancelling is None:
                await _until_due(row)
                async with self._slots.taken(workflow, tenant, priority):
                    with workflow_span(row, execution.attempt) as span:
                        return await self._run(execution, ledger, fence, span)
        except GraphDrained:
            await self._database.writer.write(runs.handed_back(row["run_id"]), fence=fence)
            return None
        except asyncio.CancelledError:
            if execution.cancelling is None:
                raise
            assert execution.task is not None, "a run is executed in a task"
            execution.task.uncancel()
        if execution.attempt > 1:
            ledger.continue_after(await self._last_event(row["run_id"]))
        return await self.end_cancelled(row, execution.cancelling or "interrupt", ledger)

    async def _run(self, execution: Execution, ledger: RunLedger, fence: Fence | None, span: Span) -> Outcome:
        row, attempt = execution.row, execution.attempt
        run_id, clock = row["run_id"], time.perf_counter()
        self._meters.run_began(row["graph_id"], _waited(row))
        if attempt > 1:
            ledger.continue_after(await self._last_event(run_id))
        writes = [threads.status_changed(row["thread_id"], "busy")]
        if not execution.claimed:
            writes.append(runs.started(run_id, attempt, self.name))
        ledger.append("metadata", dumps({"run_id": run_id, "attempt": attempt}), *writes)
        try:
            async with asyncio.timeout(self._limits.run_seconds), self._beginning() as begun:
                outcome = await self._drive(row, ledger, execution, fence, begun, span)
        except (GraphDrained, Superseded):
            raise
        except Exception as error:
            log.warning("run failed", run_id=run_id, error_type=type(error).__name__, at=str(raised_at(error)))
            outcome = failure(error, self._limits.run_seconds)
        await self._settle(row, ledger, outcome)
        code = outcome.error["code"] if outcome.error else None
        self._meters.run_ended(row["graph_id"], outcome.status, time.perf_counter() - clock, code)
        ended(span, outcome.status, outcome.error)
        return outcome

    @asynccontextmanager
    async def _beginning(self) -> AsyncGenerator[Callable[[], None]]:
        """A place among those that begin, until what is given is called: a crowd begins a few at a time, so that the
        event loop's turns stay short."""
        await self._beginners.acquire()
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._beginners.release()

        try:
            yield leave
        finally:
            leave()

    async def _drive(
        self,
        row: dict[str, Any],
        ledger: RunLedger,
        execution: Execution,
        fence: Fence | None,
        begun: Callable[[], None],
        span: Span,
    ) -> Outcome:
        workflow = self._registry.get(row["graph_id"])
        fresh = execution.attempt == 1 and bool(row["kwargs"].get("temporary"))
        saver = DatabaseSaver(self._database, serde=serializer(self._database, workflow), fence=fence, fresh=fresh)
        config = self._config(row, execution.attempt)
        config["configurable"] = {
            **config.get("configurable", {}),
            POOL_KEY: self._desks.chat_model(row, ledger),
            TOOLS_KEY: self._desks.toolbox(workflow, row, ledger),
        }
        if callbacks := node_callbacks(span):
            config["callbacks"] = callbacks
        order = Drive.of(row)
        context: Any = cast(dict[str, Any], row["kwargs"]).get("context") or None
        if workflow.desk:
            context = self._desks.desk(workflow, row, ledger)
        if execution.attempt > 1 and await _has_begun(saver, row):
            order = Drive(None, **{name: getattr(order, name) for name in _AS_ORDERED})
        async with workflow.graph(config) as made:
            name = workflow.name if made.name == "LangGraph" else made.name  # that is what LangGraph calls one without
            store = DatabaseStore(self._database, row["tenant_id"], ledger)
            graph = made.copy(update={"checkpointer": saver, "store": store, "name": name})
            driven = await drive(graph, order, config, context, ledger, execution.control, begun)
        return _ended(driven)

    async def hand_back(self, execution: Execution) -> None:
        """Let others take up a run whose execution was cut off here. If that cannot be written, they do so later."""
        run_id = execution.row["run_id"]
        try:
            await self._database.writer.write(runs.handed_back(run_id), fence=Fence(run_id, execution.attempt))
        except (SQLAlchemyError, Superseded) as error:
            log.warning("run not handed back", run_id=run_id, error_type=type(error).__name__)

    async def end_cancelled(
        self, row: dict[str, Any], action: CancelAction, ledger: RunLedger | None = None
    ) -> Outcome:
        """Settle a run that was cancelled and is executed nowhere. Its row must be this process's."""
        if ledger is None:
            fence = None if self._database.is_sqlite else Fence(row["run_id"], row["attempt"])
            ledger = RunLedger(
                self._database,
                row["run_id"],
                row["tenant_id"],
                self._feeds.open(row["run_id"]),
                self._meters,
                fence,
                sealed=self._database.is_sensitive(row["graph_id"]),
            )
            self._feeds.close(row["run_id"])
        workflow = self._registry.get(row["graph_id"])
        saver = DatabaseSaver(self._database, serde=serializer(self._database, workflow))
        if action == "rollback":
            await saver.adelete_for_runs([row["run_id"]])
        config: RunnableConfig = {"configurable": {"thread_id": row["thread_id"]}}
        values: dict[str, Any] | None = None
        if await saver.aget_tuple(config) is not None:
            async with workflow.graph(config) as made:
                shown = {made.output_channels} if isinstance(made.output_channels, str) else set(made.output_channels)
                with suppress(StateUnfit), fitting():  # the run ends whatever was written to its thread
                    snapshot = await made.copy(update={"checkpointer": saver}).aget_state(config)
                    values = plain({key: value for key, value in snapshot.values.items() if key in shown})
        outcome = Outcome("interrupted", values)
        await self._settle(row, ledger, outcome)
        return outcome

    async def _last_event(self, run_id: str) -> int:
        """Where the run's events go on. Raises CancelledError when this process goes down meanwhile."""

        async def read() -> int:
            return await runs.last_event(self._database, run_id)

        return await self._insist(read, partial(log.warning, "a run's events cannot be read yet", run_id=run_id))

    async def _insist(self, act: Callable[[], Awaitable[_Made]], tell: Callable[..., None]) -> _Made:
        """Act until the database no longer refuses. tell: of each refusal.

        Raises CancelledError when this process goes down meanwhile.
        """
        pause = 0.2
        while True:
            try:
                return await act()
            except SQLAlchemyError as error:
                tell(error_type=type(error).__name__)
                if self.draining:
                    raise asyncio.CancelledError from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _settle(self, row: dict[str, Any], ledger: RunLedger, outcome: Outcome) -> None:
        """Record the end. While the database refuses, try on: a run that stays `running` for ever would block others.

        Raises CancelledError when this process goes down meanwhile (the run is taken up again), and Superseded.
        """
        finished = runs.finished(
            row["run_id"],
            outcome.status,
            output=outcome.values,
            error=outcome.error,
            engine=ledger.engine,
            degraded=ledger.degraded,
            sealed=ledger.sealed,
        )
        settled = threads.settled(
            row["thread_id"],
            outcome.thread_status,
            outcome.values,
            outcome.interrupts,
            outcome.error,
            sealed=ledger.sealed,
        )
        follows = ending(row, outcome, sealed=ledger.sealed)
        shown: dict[str, Any] | None = None
        if outcome.error is not None:
            shown = {"error": outcome.error["type"], "message": outcome.error["message"], "code": outcome.error["code"]}

        async def end() -> None:
            await ledger.end(finished, settled, *follows, error=dumps(shown) if shown else None)

        await self._insist(end, partial(log.error, "the end of a run is not recorded yet", run_id=row["run_id"]))
        if follows:
            self._courier.changed()

    def _config(self, row: dict[str, Any], attempt: int) -> RunnableConfig:
        kwargs = cast(dict[str, Any], row["kwargs"])
        given = cast(dict[str, Any], kwargs.get("config") or {})
        about = {"graph_id": row["graph_id"], "assistant_id": row["assistant_id"], "run_id": row["run_id"]}
        configurable = {
            **given.get("configurable", {}),
            **cast(dict[str, Any], kwargs.get("checkpoint") or {}),
            "thread_id": row["thread_id"],
            **about,
        }
        return {
            "run_id": UUID(row["run_id"]),
            "recursion_limit": given.get("recursion_limit", self._limits.recursion),
            "tags": given.get("tags", []),
            "configurable": configurable,
            "metadata": {**row["metadata"], "run_attempt": attempt, **about},
        }


async def _has_begun(saver: DatabaseSaver, row: dict[str, Any]) -> bool:
    """Whether the run has left a checkpoint; before that it is begun anew with its input."""
    latest = await saver.aget_tuple({"configurable": {"thread_id": row["thread_id"], "checkpoint_ns": ""}})
    return latest is not None and latest.metadata.get("run_id") == row["run_id"]


def _waited(row: dict[str, Any]) -> float:
    """Seconds since the run was due."""
    later = cast(dict[str, Any], row["kwargs"]).get("after_seconds") or 0
    due: datetime = row["created_at"] + timedelta(seconds=later)
    return (datetime.now(UTC) - due).total_seconds()


async def _until_due(row: dict[str, Any]) -> None:
    """Wait out what is left of `after_seconds`."""
    seconds = cast(dict[str, Any], row["kwargs"]).get("after_seconds")
    if seconds:
        due: datetime = row["created_at"] + timedelta(seconds=seconds)
        await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))


def _ended(driven: Driven) -> Outcome:
    status: RunStatus = "interrupted" if driven.interrupts else "success"
    return Outcome(status, driven.values, driven.interrupts, stopped=driven.stopped)
