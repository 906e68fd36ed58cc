"""The states that a run went through: its checkpoints, and what each step changed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel
from sqlalchemy import select

from service.admin.masking import Sight, hidden, masked
from service.admin.showing import shown, shown_diff
from service.admin.state_diff import Diff, diff
from service.database.engine import Database
from service.database.tables import CheckpointRow
from service.house import House
from service.runs.checkpoints import DatabaseSaver
from service.runs.json import Unserializable, dumps, plain
from service.runs.starting import UnknownCheckpoint

_GREGORIAN: Final = datetime(1582, 10, 15, tzinfo=UTC)


class Step(BaseModel):
    """A checkpoint of the run. namespace: "" of the graph itself, else the subgraph's. source: input, loop, update or
    fork. nodes: whose writes led to it, where that is known."""

    checkpoint_id: str
    namespace: str
    parent_id: str | None
    step: int | None
    source: str
    at: datetime | None


class Steps(BaseModel):
    """next: give it as `after` for the next page; null at the end."""

    steps: list[Step]
    next: str | None


class StepState(BaseModel):
    """A step's state, what it changed, and what comes next. before: where the state before is."""

    step: Step
    values: Any
    changes: Diff
    size: int


def _when(checkpoint_id: str) -> datetime | None:
    """The time in a UUID of version 6 (RFC 9562, 5.6): 100 ns since the Gregorian calendar began."""
    try:
        number = UUID(checkpoint_id).int
    except ValueError:
        return None
    ticks = (number >> 80) << 12 | (number >> 64) & 0xFFF
    return _GREGORIAN + timedelta(microseconds=ticks // 10)


def _step(row: Any) -> Step:
    told: dict[str, Any] = row["metadata"]
    step = told.get("step")
    return Step(
        checkpoint_id=row["checkpoint_id"],
        namespace=row["checkpoint_ns"],
        parent_id=row["parent_id"],
        step=step if isinstance(step, int) else None,
        source=str(told.get("source") or ""),
        at=_when(row["checkpoint_id"]),
    )


_COLUMNS: Final = (
    CheckpointRow.checkpoint_id,
    CheckpointRow.checkpoint_ns,
    CheckpointRow.parent_id,
    CheckpointRow.metadata_.label("metadata"),
)


async def steps(database: Database, run_id: str, after: str | None = None, limit: int = 200) -> Steps:
    """The run's checkpoints, oldest first."""
    query = select(*_COLUMNS).where(CheckpointRow.run_id == run_id)
    if after is not None:
        query = query.where(CheckpointRow.checkpoint_id > after)
    async with database.reading() as connection:
        rows = (await connection.execute(query.order_by(CheckpointRow.checkpoint_id).limit(limit + 1))).mappings().all()
    found = [_step(row) for row in rows[:limit]]
    return Steps(steps=found, next=found[-1].checkpoint_id if len(rows) > limit else None)


async def state(house: House, row: dict[str, Any], checkpoint_id: str, sight: Sight) -> StepState:
    """One step of the run. row: the run's. Raises UnknownCheckpoint."""
    found, before, after = await _both(house, row, checkpoint_id)

    def told() -> tuple[Diff, Any, int]:
        size = len(dumps(after))
        return shown_diff(diff(before, after), sight), shown(after, sight), size

    changes, values, size = await asyncio.to_thread(told)
    return StepState(step=found, values=values, changes=changes, size=size)


async def whole_state(house: House, row: dict[str, Any], checkpoint_id: str, sight: Sight) -> str:
    """One step's state as JSON text, uncut. Raises UnknownCheckpoint."""
    _, _, after = await _both(house, row, checkpoint_id)

    def told() -> str:
        match sight:
            case Sight.SEEN:
                return dumps(after)
            case Sight.MASKED:
                return dumps(masked(after))
            case Sight.HIDDEN:
                return dumps(hidden(after))

    return await asyncio.to_thread(told)


async def _both(house: House, row: dict[str, Any], checkpoint_id: str) -> tuple[Step, Any, Any]:
    query = select(*_COLUMNS).where(CheckpointRow.run_id == row["run_id"], CheckpointRow.checkpoint_id == checkpoint_id)
    async with house.database.reading() as connection:
        known = (await connection.execute(query.limit(1))).mappings().one_or_none()
    if known is None:
        raise UnknownCheckpoint(
            f"run {row['run_id']} has no checkpoint {checkpoint_id[:100]!r}", checkpoint_id=checkpoint_id[:100]
        )
    found = _step(known)
    saver = house.saver_of(row["graph_id"]) if row["graph_id"] in house.registry.names() else house.saver
    before = await _values(saver, row["thread_id"], found.namespace, found.parent_id) if found.parent_id else {}
    after = await _values(saver, row["thread_id"], found.namespace, checkpoint_id)
    return found, before, after


async def _values(saver: DatabaseSaver, thread_id: str, namespace: str, checkpoint_id: str) -> dict[str, Any]:
    """A checkpoint's channels as JSON, without LangGraph's own; {} where it is gone."""
    config: RunnableConfig = {
        "configurable": {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
    }
    found = await saver.aget_tuple(config)
    if found is None:
        return {}
    channels = found.checkpoint["channel_values"]
    own = {name: value for name, value in channels.items() if not name.startswith(("__", "branch:"))}
    return await asyncio.to_thread(_plain, own)


def _plain(channels: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in channels.items():
        try:
            told[name] = plain(value)
        except Unserializable as error:
            told[name] = f"({error.message})"
    return told
