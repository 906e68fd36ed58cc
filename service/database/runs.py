"""Runs and their events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Boolean, Double, RowMapping, bindparam, func, insert, or_, select, true, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from service.database.engine import Database
from service.database.sealed import confidential
from service.database.tables import ModelCallRow, Run, RunEvent, UtcDateTime, now
from service.database.writer import Statement, Write

RunStatus = Literal["pending", "running", "success", "error", "timeout", "interrupted"]
FINISHED: tuple[RunStatus, ...] = ("success", "error", "timeout", "interrupted")
UNFINISHED: tuple[RunStatus, ...] = ("pending", "running")


class milliseconds(FunctionElement[float]):
    """The time between two moments, ms, in SQL; NULL where one of them is."""

    type: TypeEngine[float] = Double()
    inherit_cache = True


@compiles(milliseconds, "sqlite")
def _milliseconds_sqlite(element: milliseconds, compiler: Any, **options: Any) -> str:
    begun, over = (compiler.process(each, **options) for each in element.clauses)
    return f"((julianday({over}) - julianday({begun})) * 86400000.0)"


@compiles(milliseconds)
def _milliseconds(element: milliseconds, compiler: Any, **options: Any) -> str:
    begun, over = (compiler.process(each, **options) for each in element.clauses)
    return f"(EXTRACT(EPOCH FROM (CAST({over} AS timestamptz) - {begun})) * 1000.0)"


def _summed(column: Any) -> Any:
    """The sum over the model calls of the run that ends."""
    return func.coalesce(
        select(func.sum(column)).where(ModelCallRow.run_id == bindparam("b_run_id")).scalar_subquery(), 0
    )


# On PostgreSQL a commit whose connection broke is tried again, and may have succeeded the first time.
_INSERT = Statement(insert(Run), rank=10, postgresql=postgresql_insert(Run).on_conflict_do_nothing())
_INSERT_EVENT = Statement(insert(RunEvent), rank=30, postgresql=postgresql_insert(RunEvent).on_conflict_do_nothing())
_START = Statement(
    update(Run)
    .where(Run.run_id == bindparam("b_run_id"))
    .values(
        status="running",
        attempt=bindparam("b_attempt"),
        executor=bindparam("b_executor"),
        started_at=bindparam("b_now"),
        updated_at=bindparam("b_now"),
    ),
    rank=20,
)
_HAND_BACK = Statement(
    update(Run)
    .where(Run.run_id == bindparam("b_run_id"))
    .values(status="pending", executor=None, updated_at=bindparam("b_now")),
    rank=70,
)
_FINISH = Statement(
    update(Run)
    .where(Run.run_id == bindparam("b_run_id"))
    .values(
        status=bindparam("b_status"),
        output=bindparam("b_output"),
        error=bindparam("b_error"),
        engine=bindparam("b_engine"),
        degraded=or_(Run.degraded, bindparam("b_degraded", type_=Boolean)),
        cost=_summed(ModelCallRow.cost),
        tokens=_summed(ModelCallRow.tokens_in + ModelCallRow.tokens_out),
        duration_ms=milliseconds(Run.started_at, bindparam("b_now", type_=UtcDateTime())),
        finished_at=bindparam("b_now"),
        updated_at=bindparam("b_now"),
    ),
    rank=70,
)


_DEGRADE = Statement(update(Run).where(Run.run_id == bindparam("b_run_id")).values(degraded=true()), rank=65)


def degraded(run_id: str) -> Write:
    """Mark a run whose question the embedded engine answered in place of a model that is out."""
    return Write(_DEGRADE, {"b_run_id": run_id})


def creation(
    *,
    run_id: str,
    tenant_id: str,
    thread_id: str,
    assistant_id: str,
    graph_id: str,
    input: dict[str, Any] | None,
    kwargs: dict[str, Any],
    metadata: dict[str, Any],
    multitask_strategy: str,
    executor: str | None = None,
    sealed: bool = False,
) -> tuple[Write, dict[str, Any]]:
    """The write that makes a pending run, and its row. executor: the process that alone may execute it. sealed: its
    content is not to be readable in the database."""
    moment = now()
    row: dict[str, Any] = {
        "run_id": run_id,
        "tenant_id": tenant_id,
        "thread_id": thread_id,
        "assistant_id": assistant_id,
        "graph_id": graph_id,
        "status": "pending",
        "input": input,
        "output": None,
        "kwargs": kwargs,
        "metadata": metadata,
        "multitask_strategy": multitask_strategy,
        "error": None,
        "attempt": 0,
        "engine": None,
        "degraded": False,
        "executor": executor,
        "cancelling": None,
        "cost": 0.0,
        "tokens": 0,
        "duration_ms": None,
        "created_at": moment,
        "updated_at": moment,
        "started_at": None,
        "finished_at": None,
    }
    kept = {**row, "input": confidential(input, sealed), "kwargs": confidential(kwargs, sealed, "priority", "webhook")}
    return Write(_INSERT, kept), row


def started(run_id: str, attempt: int, executor: str) -> Write:
    """executor: the name of the process that executes the run."""
    return Write(_START, {"b_run_id": run_id, "b_attempt": attempt, "b_executor": executor, "b_now": now()})


def handed_back(run_id: str) -> Write:
    """The write of a process that shuts down: the run waits again, for whoever takes it up."""
    return Write(_HAND_BACK, {"b_run_id": run_id, "b_now": now()})


def finished(
    run_id: str,
    status: RunStatus,
    *,
    output: dict[str, Any] | None,
    error: dict[str, Any] | None,
    engine: str | None,
    degraded: bool,
    sealed: bool = False,
) -> Write:
    return Write(
        _FINISH,
        {
            "b_run_id": run_id,
            "b_status": status,
            "b_output": confidential(output, sealed),
            "b_error": confidential(error, sealed, "code", "status", "type"),
            "b_engine": engine,
            "b_degraded": degraded,
            "b_now": now(),
        },
    )


def event(run_id: str, seq: int, kind: str, data: str, at: datetime, *, sealed: bool = False) -> Write:
    """data: JSON text."""
    kept = confidential(data, sealed)
    return Write(_INSERT_EVENT, {"run_id": run_id, "seq": seq, "kind": kind, "data": kept, "created_at": at})


async def get(database: Database, tenant_id: str, run_id: str, thread_id: str | None = None) -> RowMapping | None:
    query = select(Run.__table__).where(Run.run_id == run_id, Run.tenant_id == tenant_id)
    if thread_id is not None:
        query = query.where(Run.thread_id == thread_id)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


async def search(
    database: Database,
    tenant_id: str,
    *,
    thread_id: str | None = None,
    graph_id: str | None = None,
    statuses: Sequence[RunStatus] | None = None,
    before: str | None = None,
    limit: int = 10,
    offset: int = 0,
) -> Sequence[RowMapping]:
    """The tenant's runs, newest first. before: a run id; only older runs (keyset pagination)."""
    query = select(Run.__table__).where(Run.tenant_id == tenant_id)
    if thread_id is not None:
        query = query.where(Run.thread_id == thread_id)
    if graph_id is not None:
        query = query.where(Run.graph_id == graph_id)
    if statuses is not None:
        query = query.where(Run.status.in_(statuses))
    if before is not None:
        query = query.where(Run.run_id < before)
    async with database.reading() as connection:
        return (
            (await connection.execute(query.order_by(Run.run_id.desc()).limit(limit).offset(offset))).mappings().all()
        )


async def ids_starting_with(database: Database, tenant_id: str, prefix: str, limit: int) -> list[str]:
    """Ids of the tenant's runs that start with `prefix`, newest first."""
    query = select(Run.run_id).where(Run.tenant_id == tenant_id, Run.run_id.startswith(prefix, autoescape=True))
    async with database.reading() as connection:
        return list(await connection.scalars(query.order_by(Run.run_id.desc()).limit(limit)))


async def unfinished(database: Database) -> Sequence[RowMapping]:
    """Runs that were accepted and have not ended, oldest first."""
    query = select(Run.__table__).where(Run.status.in_(UNFINISHED)).order_by(Run.run_id)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def waiting(database: Database, most: int) -> int:
    """How many runs have not begun, counted up to `most`."""
    some = select(Run.run_id).where(Run.status == "pending").limit(most).subquery()
    async with database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(some)) or 0


async def on_thread(database: Database, thread_id: str) -> list[str]:
    """Ids of the thread's runs that have not ended, in their order."""
    query = select(Run.run_id).where(Run.thread_id == thread_id, Run.status.in_(UNFINISHED)).order_by(Run.run_id)
    async with database.reading() as connection:
        return list(await connection.scalars(query))


async def ids_on_thread(database: Database, thread_id: str) -> list[str]:
    """Ids of all the thread's runs, oldest first."""
    async with database.reading() as connection:
        return list(await connection.scalars(select(Run.run_id).where(Run.thread_id == thread_id).order_by(Run.run_id)))


async def of_threads(database: Database, thread_ids: Sequence[str]) -> Sequence[RowMapping]:
    """Id, input and order of every run on these threads."""
    query = select(Run.run_id, Run.input, Run.kwargs).where(Run.thread_id.in_(thread_ids))
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def next_on_thread(database: Database, thread_id: str, after: str) -> str | None:
    """The thread's first run after this one, by the time of acceptance."""
    query = select(Run.run_id).where(Run.thread_id == thread_id, Run.run_id > after).order_by(Run.run_id).limit(1)
    async with database.reading() as connection:
        return await connection.scalar(query)


async def newest_on_thread(database: Database, thread_id: str, before: str | None) -> str | None:
    """The thread's last run, or its last one before this one."""
    query = select(Run.run_id).where(Run.thread_id == thread_id).order_by(Run.run_id.desc()).limit(1)
    if before is not None:
        query = query.where(Run.run_id < before)
    async with database.reading() as connection:
        return await connection.scalar(query)


async def status(database: Database, run_id: str) -> RunStatus | None:
    """The run's status, None when there is no such run."""
    async with database.reading() as connection:
        return cast("RunStatus | None", await connection.scalar(select(Run.status).where(Run.run_id == run_id)))


async def cancelling(database: Database, run_ids: Sequence[str]) -> list[tuple[str, Any]]:
    """Those of the runs whose end was asked for, each with how."""
    query = select(Run.run_id, Run.cancelling).where(Run.run_id.in_(run_ids), Run.cancelling.is_not(None))
    async with database.reading() as connection:
        return [(row.run_id, row.cancelling) for row in await connection.execute(query)]


async def ended(database: Database, run_id: str) -> RowMapping | None:
    """What is to be known of a run's end, whosever it is."""
    query = select(Run.status, Run.output, Run.error, Run.thread_id).where(Run.run_id == run_id)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


async def claim(database: Database, run_id: str, executor: str, *, again: bool) -> RowMapping | None:
    """Take a run for execution: its row with the new attempt's number; None when it is not to be had.

    Only a run that waits can be taken, unless `again`: then one that another process has left running.
    """
    free = UNFINISHED if again else ("pending",)
    taken = (
        update(Run)
        .where(Run.run_id == run_id, Run.status.in_(free))
        .values(status="running", attempt=Run.attempt + 1, executor=executor, started_at=now(), updated_at=now())
        .returning(Run.__table__)
    )
    async with database.engine.begin() as connection:
        return (await connection.execute(taken)).mappings().one_or_none()


async def adopt(database: Database, run_id: str, left_by: str | None, by: str) -> RowMapping | None:
    """Make a run that a dead process has left another process's own; its row, None when somebody else was quicker."""
    left = Run.executor.is_(None) if left_by is None else Run.executor == left_by
    taken = update(Run).where(Run.run_id == run_id, Run.status.in_(UNFINISHED), left).values(executor=by)
    async with database.engine.begin() as connection:
        return (await connection.execute(taken.returning(Run.__table__))).mappings().one_or_none()


async def cancel(database: Database, run_id: str, action: str) -> RunStatus | None:
    """Ask for a run's end; the status it then has, None when it had ended. A run that waits is taken at once."""
    asked = update(Run).where(Run.run_id == run_id, Run.status.in_(UNFINISHED)).values(cancelling=action)
    async with database.engine.begin() as connection:
        return cast("RunStatus | None", await connection.scalar(asked.returning(Run.status)))


async def last_event(database: Database, run_id: str) -> int:
    """The sequence number of the run's last event, 0 when it has none."""
    async with database.reading() as connection:
        return await connection.scalar(select(func.max(RunEvent.seq)).where(RunEvent.run_id == run_id)) or 0


async def events(database: Database, run_id: str, after: int = 0, limit: int = 10_000) -> Sequence[RowMapping]:
    """The run's events after a sequence number, in order."""
    query = (
        select(RunEvent.__table__)
        .where(RunEvent.run_id == run_id, RunEvent.seq > after)
        .order_by(RunEvent.seq)
        .limit(limit)
    )
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def starting_with(database: Database, tenant_id: str, prefix: str) -> Sequence[RowMapping]:
    """The tenant's runs whose id starts with `prefix`, two at most: enough to tell one from several."""
    query = select(Run.__table__).where(Run.tenant_id == tenant_id, Run.run_id.startswith(prefix, autoescape=True))
    async with database.reading() as connection:
        return (await connection.execute(query.limit(2))).mappings().all()


async def ids_with_status(database: Database, tenant_id: str, statuses: Sequence[RunStatus]) -> list[str]:
    """Ids of the tenant's runs with one of these statuses, oldest first."""
    query = select(Run.run_id).where(Run.tenant_id == tenant_id, Run.status.in_(statuses)).order_by(Run.run_id)
    async with database.reading() as connection:
        return list(await connection.scalars(query))


async def delete(database: Database, run_id: str) -> None:
    """Delete a run with its events, calls and files."""
    async with database.engine.begin() as connection:
        await connection.execute(sql_delete(Run).where(Run.run_id == run_id))
