"""Threads: the conversations that runs belong to, and how long they live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import RowMapping, Select, bindparam, func, insert, or_, select, update
from sqlalchemy import delete as sql_delete

from service.database.engine import Database
from service.database.matching import as_json_text
from service.database.sealed import confidential
from service.database.tables import Json, Run, Thread, UtcDateTime, now
from service.database.writer import Statement, Write

ThreadStatus = Literal["idle", "busy", "interrupted", "error"]
SortBy = Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"]
TtlStrategy = Literal["delete", "keep_latest"]

READING_ON: Final = timedelta(seconds=60)
"""A thread whose time is over is gone for every caller at once; its rows go this much later, so that whoever is just
following its last run reads to the end."""


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """How long a thread lives from the moment this is set. strategy: see `Thread.ttl_strategy`."""

    minutes: float
    strategy: TtlStrategy = "delete"

    def expires_at(self, moment: datetime) -> datetime:
        return moment + timedelta(minutes=self.minutes)


_INSERT = Statement(insert(Thread), rank=0)
_SETTLE = Statement(
    update(Thread)
    .where(Thread.thread_id == bindparam("b_thread_id"))
    .values(
        status=bindparam("b_status"),
        values=bindparam("b_values"),
        interrupts=bindparam("b_interrupts"),
        error=bindparam("b_error"),
        updated_at=bindparam("b_now"),
        state_updated_at=bindparam("b_now"),
    ),
    rank=80,
)
_STATUS = Statement(
    update(Thread)
    .where(Thread.thread_id == bindparam("b_thread_id"))
    .values(status=bindparam("b_status"), updated_at=bindparam("b_now")),
    rank=80,
)


_METADATA = Statement(
    update(Thread)
    .where(Thread.thread_id == bindparam("b_thread_id"))
    .values(metadata=bindparam("b_metadata", type_=Json), updated_at=bindparam("b_now")),
    rank=80,
)


def creation(
    tenant_id: str,
    thread_id: str,
    metadata: dict[str, Any],
    temporary: bool = False,
    ttl: TimeToLive | None = None,
) -> tuple[Write, dict[str, Any]]:
    """The write that makes a thread, and its row."""
    moment = now()
    row: dict[str, Any] = {
        "thread_id": thread_id,
        "tenant_id": tenant_id,
        "status": "idle",
        "metadata": metadata,
        "config": {},
        "values": None,
        "interrupts": {},
        "error": None,
        "temporary": temporary,
        "created_at": moment,
        "updated_at": moment,
        "state_updated_at": moment,
        "ttl": ttl.minutes if ttl else None,
        "ttl_strategy": ttl.strategy if ttl else None,
        "expires_at": ttl.expires_at(moment) if ttl else None,
    }
    return Write(_INSERT, row), row


def settled(
    thread_id: str,
    status: ThreadStatus,
    values: dict[str, Any] | None,
    interrupts: dict[str, Any],
    error: dict[str, Any] | None,
    *,
    sealed: bool = False,
) -> Write:
    """The write after a run: the thread's status and latest state."""
    return Write(
        _SETTLE,
        {
            "b_thread_id": thread_id,
            "b_status": status,
            "b_values": confidential(values, sealed),
            "b_interrupts": confidential(interrupts, sealed),
            "b_error": confidential(error, sealed, "code", "status", "type"),
            "b_now": now(),
        },
    )


_MERGE_METADATA = {
    "sqlite": Statement(
        update(Thread)
        .where(Thread.thread_id == bindparam("b_thread_id"))
        .values(metadata=func.json_patch(Thread.metadata_, bindparam("b_metadata", type_=Json))),
        rank=80,
    ),
    "postgresql": Statement(
        update(Thread)
        .where(Thread.thread_id == bindparam("b_thread_id"))
        .values(metadata=Thread.metadata_.op("||")(bindparam("b_metadata", type_=Json))),
        rank=80,
    ),
}


def metadata_merged(database: Database, thread_id: str, metadata: dict[str, Any]) -> Write:
    """The write that adds keys to a thread's metadata, or replaces them."""
    statement = _MERGE_METADATA[database.engine.dialect.name]
    return Write(statement, {"b_thread_id": thread_id, "b_metadata": metadata})


def metadata_changed(thread_id: str, metadata: dict[str, Any]) -> Write:
    return Write(_METADATA, {"b_thread_id": thread_id, "b_metadata": metadata, "b_now": now()})


def status_changed(thread_id: str, status: ThreadStatus) -> Write:
    return Write(_STATUS, {"b_thread_id": thread_id, "b_status": status, "b_now": now()})


_TTL = Statement(
    update(Thread)
    .where(Thread.thread_id == bindparam("b_thread_id"))
    .values(
        ttl=bindparam("b_ttl"),
        ttl_strategy=bindparam("b_strategy"),
        expires_at=bindparam("b_expires_at", type_=UtcDateTime()),
    ),
    rank=85,
)


def ttl_changed(thread_id: str, ttl: TimeToLive) -> Write:
    """The write that lets a thread live so long from now."""
    return Write(
        _TTL,
        {
            "b_thread_id": thread_id,
            "b_ttl": ttl.minutes,
            "b_strategy": ttl.strategy,
            "b_expires_at": ttl.expires_at(now()),
        },
    )


def ended(thread_id: str) -> Write:
    """The write by which a thread is gone for every caller; the sweeper deletes its rows later."""
    parameters = {"b_thread_id": thread_id, "b_ttl": 0.0, "b_strategy": "delete", "b_expires_at": now()}
    return Write(_TTL, parameters)


def _living(moment: datetime) -> Any:
    return or_(Thread.expires_at.is_(None), Thread.expires_at > moment, Thread.ttl_strategy != "delete")


_WITHOUT_RUNS = (
    ~select(Run.run_id).where(Run.thread_id == Thread.thread_id, Run.status.in_(("pending", "running"))).exists()
)


async def expired(database: Database, moment: datetime, limit: int = 100) -> Sequence[RowMapping]:
    """(thread_id, ttl, ttl_strategy) of threads whose time is over and on which nothing runs, oldest first."""
    over = or_(
        Thread.expires_at <= moment - READING_ON, (Thread.expires_at <= moment) & (Thread.ttl_strategy == "keep_latest")
    )
    query = select(Thread.thread_id, Thread.ttl, Thread.ttl_strategy).where(over, _WITHOUT_RUNS)
    async with database.reading() as connection:
        return (await connection.execute(query.order_by(Thread.expires_at).limit(limit))).mappings().all()


async def get(database: Database, tenant_id: str, thread_id: str) -> RowMapping | None:
    query = select(Thread.__table__).where(Thread.thread_id == thread_id, Thread.tenant_id == tenant_id, _living(now()))
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


async def known(database: Database, tenant_id: str, thread_ids: Sequence[str]) -> list[str]:
    """Those of the ids that are the tenant's threads, also ones whose time is over."""
    query = select(Thread.thread_id).where(Thread.tenant_id == tenant_id, Thread.thread_id.in_(thread_ids))
    async with database.reading() as connection:
        return list(await connection.scalars(query))


async def about(database: Database, tenant_id: str, key: str, value: str) -> list[str]:
    """The tenant's threads that have this pair in their metadata, or on which a run with it ran."""
    of_threads = select(Thread.thread_id).where(
        Thread.tenant_id == tenant_id, Thread.metadata_[key].as_string() == value
    )
    of_runs = select(Run.thread_id).where(Run.tenant_id == tenant_id, Run.metadata_[key].as_string() == value)
    async with database.reading() as connection:
        return [*await connection.scalars(of_threads), *await connection.scalars(of_runs)]


async def outdated(
    database: Database, tenant_id: str, workflows: Sequence[str], before: datetime, *, others: bool, limit: int = 100
) -> list[str]:
    """The tenant's threads of these workflows that nothing has changed since, oldest first; none with a run under way.

    others: of all but these workflows instead, and those on which none has run.
    """
    graph = Thread.metadata_["graph_id"].as_string()
    which = or_(graph.is_(None), graph.not_in(workflows)) if others else graph.in_(workflows)
    query = select(Thread.thread_id).where(
        Thread.tenant_id == tenant_id, Thread.updated_at < before, which, _WITHOUT_RUNS
    )
    async with database.reading() as connection:
        return list(await connection.scalars(query.order_by(Thread.updated_at).limit(limit)))


async def interrupts(database: Database, thread_id: str) -> dict[str, Any]:
    """What the thread waits for, by task id."""
    async with database.reading() as connection:
        return await connection.scalar(select(Thread.interrupts).where(Thread.thread_id == thread_id)) or {}


async def search(
    database: Database,
    tenant_id: str,
    *,
    metadata: dict[str, Any] | None = None,
    values: dict[str, Any] | None = None,
    status: ThreadStatus | None = None,
    ids: Sequence[str] | None = None,
    sort_by: SortBy = "updated_at",
    descending: bool = True,
    limit: int = 10,
    offset: int = 0,
) -> Sequence[RowMapping]:
    """The tenant's threads that match every filter."""
    query = _matching(select(Thread.__table__), tenant_id, metadata, values, status)
    if ids is not None:
        query = query.where(Thread.thread_id.in_(ids))
    column = getattr(Thread, sort_by)
    order = (column.desc(), Thread.thread_id.desc()) if descending else (column.asc(), Thread.thread_id.asc())
    async with database.reading() as connection:
        return (await connection.execute(query.order_by(*order).limit(limit).offset(offset))).mappings().all()


async def count(
    database: Database,
    tenant_id: str,
    *,
    metadata: dict[str, Any] | None,
    values: dict[str, Any] | None,
    status: ThreadStatus | None,
) -> int:
    """How many of the tenant's threads match every filter."""
    query = _matching(select(func.count()).select_from(Thread), tenant_id, metadata, values, status)
    async with database.reading() as connection:
        return await connection.scalar(query) or 0


def _matching(
    query: Select[Any],
    tenant_id: str,
    metadata: dict[str, Any] | None,
    values: dict[str, Any] | None,
    status: ThreadStatus | None,
) -> Select[Any]:
    query = query.where(Thread.tenant_id == tenant_id, Thread.temporary.is_(False), _living(now()))
    if status:
        query = query.where(Thread.status == status)
    for column, wanted in ((Thread.metadata_, metadata), (Thread.values, values)):
        for key, value in (wanted or {}).items():
            query = query.where(column[key].as_string() == as_json_text(value))
    return query


async def delete(database: Database, thread_id: str) -> None:
    """Delete a thread with its runs, their events, calls and files."""
    async with database.engine.begin() as connection:
        await connection.execute(sql_delete(Thread).where(Thread.thread_id == thread_id))
