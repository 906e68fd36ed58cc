"""Threads: the conversations that runs belong to."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import RowMapping, bindparam, insert, select, update

from service.database.engine import Database
from service.database.tables import Thread, now
from service.database.writer import Statement, Write

ThreadStatus = Literal["idle", "busy", "interrupted", "error"]
SortBy = Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"]

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


def creation(
    tenant_id: str, thread_id: str, metadata: dict[str, Any], temporary: bool = False
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
    }
    return Write(_INSERT, row), row


def settled(
    thread_id: str,
    status: ThreadStatus,
    values: dict[str, Any] | None,
    interrupts: dict[str, Any],
    error: dict[str, Any] | None,
) -> Write:
    """The write after a run: the thread's status and latest state."""
    return Write(
        _SETTLE,
        {
            "b_thread_id": thread_id,
            "b_status": status,
            "b_values": values,
            "b_interrupts": interrupts,
            "b_error": error,
            "b_now": now(),
        },
    )


def status_changed(thread_id: str, status: ThreadStatus) -> Write:
    return Write(_STATUS, {"b_thread_id": thread_id, "b_status": status, "b_now": now()})


async def get(database: Database, tenant_id: str, thread_id: str) -> RowMapping | None:
    query = select(Thread.__table__).where(Thread.thread_id == thread_id, Thread.tenant_id == tenant_id)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


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
    query = select(Thread.__table__).where(Thread.tenant_id == tenant_id, Thread.temporary.is_(False))
    if status:
        query = query.where(Thread.status == status)
    if ids is not None:
        query = query.where(Thread.thread_id.in_(ids))
    for key, value in (metadata or {}).items():
        query = query.where(Thread.metadata_[key].as_string() == str(value))
    for key, value in (values or {}).items():
        query = query.where(Thread.values[key].as_string() == str(value))
    column = getattr(Thread, sort_by)
    order = (column.desc(), Thread.thread_id.desc()) if descending else (column.asc(), Thread.thread_id.asc())
    async with database.reading() as connection:
        return (await connection.execute(query.order_by(*order).limit(limit).offset(offset))).mappings().all()
