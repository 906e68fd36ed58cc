"""Executing runs in this process: at most so many at a time, the runs of one thread one after the other."""

import asyncio
import traceback
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.types import Command, Interrupt, StreamMode

from agents.ask import Counsel
from agents.pool import Pool
from service.database import runs, threads
from service.database.engine import Database
from service.database.runs import RunStatus
from service.database.threads import ThreadStatus
from service.runs.checkpoints import DatabaseSaver
from service.runs.files import TenantFiles
from service.runs.json import dumps, plain
from service.runs.ledger import RunLedger
from service.runs.stream import Feeds
from service.settings import Limits
from tools.errors import ConsiliaError
from tools.host import Toolbox, ToolHost
from workflows.desk import Desk
from workflows.registry import Graph, Registry

log = structlog.get_logger(__name__)

STREAM_MODES = ("values", "updates", "messages", "messages-tuple", "events", "tasks", "checkpoints", "debug", "custom")


class QueueFull(ConsiliaError):
    """More runs wait than the limit allows."""

    code = "queue_full"
    status = 429


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. values: the final state. error: {"code", "message", "status", "details", "type"}."""

    status: RunStatus
    values: dict[str, Any] | None
    interrupts: dict[str, Any] = field(default_factory=dict[str, Any])
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class _Work:
    row: dict[str, Any]
    outcome: asyncio.Future[Outcome]
    task: asyncio.Task[None] | None = None


class Executor:
    """Takes runs that are in SQL as pending and executes them. Use as an async context manager."""

    def __init__(
        self, database: Database, registry: Registry, host: ToolHost, pool: Pool, feeds: Feeds, limits: Limits
    ) -> None:
        self._database = database
        self._registry = registry
        self._host = host
        self._pool = pool
        self._feeds = feeds
        self._limits = limits
        self.saver = DatabaseSaver(database)
        self._slots = asyncio.Semaphore(limits.concurrent_runs)
        self._work: dict[str, _Work] = {}
        self._threads: dict[str, deque[_Work]] = defaultdict(deque)

    async def __aenter__(self) -> Self:
        for row in await runs.unfinished(self._database):
            log.info("run taken up again", run_id=row["run_id"], status=row["status"], attempt=row["attempt"] + 1)
            self.submit(dict(row))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [work.task for work in self._work.values() if work.task is not None]
        for task in tasks:
            task.cancel("shutdown")
        await asyncio.gather(*tasks, return_exceptions=True)

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
        if len(queue) == 1:
            self._start(work)
        return work.outcome

    def outcome(self, run_id: str) -> asyncio.Future[Outcome] | None:
        """The future of a run that is queued or executing here."""
        work = self._work.get(run_id)
        return work.outcome if work else None

    def _start(self, work: _Work) -> None:
        work.task = asyncio.create_task(self._execute(work), name=f"run {work.row['run_id']}")

    async def _execute(self, work: _Work) -> None:
        run_id, thread_id = work.row["run_id"], work.row["thread_id"]
        try:
            async with self._slots:
                outcome = await self._run(work.row)
            if not work.outcome.done():
                work.outcome.set_result(outcome)
        except asyncio.CancelledError:
            work.outcome.cancel()
            raise
        except Exception as error:  # the database is gone: whoever waits must hear it; the run stays taken up in SQL
            log.exception("run could not be recorded", run_id=run_id)
            if not work.outcome.done():
                work.outcome.set_exception(error)
        finally:
            self._feeds.close(run_id)
            self._work.pop(run_id, None)
            queue = self._threads[thread_id]
            queue.popleft()
            if queue:
                self._start(queue[0])
            else:
                del self._threads[thread_id]

    async def _run(self, row: dict[str, Any]) -> Outcome:
        run_id, attempt = row["run_id"], row["attempt"] + 1
        again = attempt > 1
        last_seq = await runs.last_event(self._database, run_id) if again else 0
        feed = self._feeds.open(run_id, last_seq)
        ledger = RunLedger(self._database, run_id, row["tenant_id"], feed)
        await ledger.append(
            "metadata",
            dumps({"run_id": run_id, "attempt": attempt}),
            runs.started(run_id, attempt),
            threads.status_changed(row["thread_id"], "busy"),
        )
        try:
            async with asyncio.timeout(self._limits.run_seconds):
                outcome = await self._stream(row, ledger, resume=again)
        except TimeoutError:
            message = f"the run took longer than {self._limits.run_seconds:g} s"
            outcome = Outcome("timeout", None, error=_error("run_timeout", message, 504, "TimeoutError"))
        except asyncio.CancelledError:
            raise
        except GraphRecursionError as error:
            outcome = Outcome("error", None, error=_error("recursion_limit", str(error), 422, "GraphRecursionError"))
        except ConsiliaError as error:
            outcome = Outcome("error", None, error={**error.as_payload(), "type": type(error).__name__})
        except Exception as error:
            log.warning("run failed", run_id=run_id, error_type=type(error).__name__)
            shown = _error("graph_error", str(error), 500, type(error).__name__)
            shown["trace"] = "".join(traceback.format_exception(error))[-20_000:]
            outcome = Outcome("error", None, error=shown)
        await self._settle(row, ledger, outcome)
        return outcome

    async def _settle(self, row: dict[str, Any], ledger: RunLedger, outcome: Outcome) -> None:
        status: ThreadStatus = "error" if outcome.status in ("error", "timeout") else "idle"
        if outcome.status == "interrupted":
            status = "interrupted"
        writes = [
            runs.finished(
                row["run_id"],
                outcome.status,
                output=outcome.values,
                error=outcome.error,
                engine=ledger.engine,
                degraded=False,
            ),
            threads.settled(row["thread_id"], status, outcome.values, outcome.interrupts, outcome.error),
        ]
        if outcome.error is not None:
            shown = {"error": outcome.error["type"], "message": outcome.error["message"], "code": outcome.error["code"]}
            await ledger.append("error", dumps(shown), *writes)
        else:
            await self._database.writer.write(*writes)

    async def _stream(self, row: dict[str, Any], ledger: RunLedger, resume: bool) -> Outcome:
        """Drive the graph to its end, appending what it streams as events."""
        workflow = self._registry.get(row["graph_id"])
        kwargs = cast(dict[str, Any], row["kwargs"])
        config = self._config(row, kwargs)
        context: Any = kwargs.get("context") or None
        if workflow.desk:
            context = Desk(
                tools=Toolbox(self._host, ledger, workflow.name, workflow.tools),
                counsel=Counsel(self._pool, ledger),
                files=TenantFiles(self._database, row["tenant_id"], row["run_id"]),
            )
        async with workflow.graph(config) as made:
            graph = made.copy(update={"checkpointer": self.saver})
            return await self._drive(graph, row, config, context, ledger, resume)

    async def _drive(
        self, graph: Graph, row: dict[str, Any], config: RunnableConfig, context: Any, ledger: RunLedger, resume: bool
    ) -> Outcome:
        kwargs = cast(dict[str, Any], row["kwargs"])
        wanted = set(cast(list[str], kwargs.get("stream_mode") or ["values"]))
        graph_input: Any = row["input"]
        if kwargs.get("command"):
            graph_input = _command(kwargs["command"])
        if resume and await self.saver.aget_tuple(config) is not None:
            graph_input = None  # taken up from its last checkpoint
        values: dict[str, Any] | None = None
        interrupts: list[Interrupt] = []
        modes = cast(list[StreamMode], sorted({"values", "updates", "tasks", *wanted} - {"events", "messages-tuple"}))
        chunks: AsyncIterator[tuple[str, Any]] = graph.astream(  # pyright: ignore[reportUnknownMemberType, reportAssignmentType]
            graph_input,
            config,
            context=context,
            stream_mode=modes,
            interrupt_before=kwargs.get("interrupt_before") or None,
            interrupt_after=kwargs.get("interrupt_after") or None,
            durability=kwargs.get("durability") or "async",
        )
        async for mode, chunk in chunks:
            if mode == "updates" and "__interrupt__" in chunk:
                interrupts.extend(chunk["__interrupt__"])
            if mode == "values":
                values = chunk
            if mode == "tasks":
                ledger.append("node", dumps(_node(chunk)))
            if mode in wanted:
                ledger.append(mode, dumps(chunk))
            ledger.check()
        final = cast(dict[str, Any], plain(values)) if values is not None else None
        if interrupts:
            asked = [{"id": each.id, "value": plain(each.value)} for each in interrupts]
            return Outcome("interrupted", final, interrupts={"": asked})
        return Outcome("success", final)

    def _config(self, row: dict[str, Any], kwargs: dict[str, Any]) -> RunnableConfig:
        given = cast(dict[str, Any], kwargs.get("config") or {})
        metadata = {**row["metadata"], "run_id": row["run_id"], "graph_id": row["graph_id"]}
        return {
            "recursion_limit": given.get("recursion_limit", self._limits.recursion),
            "tags": given.get("tags", []),
            "configurable": {
                **given.get("configurable", {}),
                "thread_id": row["thread_id"],
                "run_id": row["run_id"],
                "graph_id": row["graph_id"],
                "assistant_id": row["assistant_id"],
            },
            "metadata": {**metadata, "assistant_id": row["assistant_id"], "run_attempt": row["attempt"] + 1},
        }


def _command(command: dict[str, Any]) -> Command[Any]:
    return Command(update=command.get("update"), resume=command.get("resume"), goto=command.get("goto") or ())


def _node(task: dict[str, Any]) -> dict[str, Any]:
    """A node's start or end, without its input and result: those are in the checkpoints."""
    phase = "started" if "input" in task else "finished"
    return {"node": task["name"], "task_id": task["id"], "phase": phase, "error": task.get("error")}


def _error(code: str, message: str, status: int, kind: str) -> dict[str, Any]:
    return {"code": code, "message": message, "status": status, "details": {}, "type": kind}
