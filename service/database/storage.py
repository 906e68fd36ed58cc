"""How much a thread's checkpoints take."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from service.database.engine import Database
from service.database.tables import CheckpointRow, CheckpointValue, CheckpointWrite


@dataclass(frozen=True, slots=True)
class Storage:
    """Counts and bytes of the thread's checkpoints, of the large values stored apart from them (by channel: versions,
    bytes), and of pending writes."""

    checkpoints: tuple[int, int]
    values: dict[str, tuple[int, int]]
    writes: tuple[int, int]


async def of_thread(database: Database, thread_id: str) -> Storage:
    """Add it up in SQL; nothing of the content is read."""

    def sums(table: Any, column: Any) -> "Select[int, int]":
        size = func.coalesce(func.sum(func.length(column)), 0)
        return select(func.count(), size).select_from(table).where(table.thread_id == thread_id)

    by_channel = (
        select(CheckpointValue.channel, func.count(), func.coalesce(func.sum(func.length(CheckpointValue.value)), 0))
        .where(CheckpointValue.thread_id == thread_id)
        .group_by(CheckpointValue.channel)
    )
    async with database.reading() as connection:
        checkpoints = (await connection.execute(sums(CheckpointRow, CheckpointRow.checkpoint))).one()
        writes = (await connection.execute(sums(CheckpointWrite, CheckpointWrite.value))).one()
        values = (await connection.execute(by_channel)).all()
    return Storage(
        (checkpoints[0], int(checkpoints[1])),
        {row[0]: (row[1], int(row[2])) for row in values},
        (writes[0], int(writes[1])),
    )
