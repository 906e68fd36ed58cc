"""LangGraph's checkpoints in our own database.

Why not the library's savers: their SQLite one commits each put alone (110 to 133 runs/s measured) and rewrites the
whole state at every step, and both keep tables of their own, apart from the runs. Here checkpoints share transactions
with all else that is written at the moment, and a large channel value (a contract's text) is stored once a version.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from sqlalchemy import RowMapping, delete, func, insert, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from service.database.engine import Database
from service.database.sealed import confidential
from service.database.tables import CheckpointRow, CheckpointValue, CheckpointWrite
from service.database.writer import Fence, Statement, Write
from service.runs.serializing import CheckpointSerializer, serializer
from service.runs.weight import LARGE_BYTES, aside, is_large

LARGE: Final = 16_384
"""Bytes: a checkpoint up to this size is stored whole; of a larger one, channel values over a quarter of it apart."""

_APART: Final = "+values"
"""Suffix of a checkpoint's type when some of its channel values are in checkpoint_values."""


class _Statements:
    """The saver's statements in one SQL dialect."""

    def __init__(self, dialect: str) -> None:
        upsert: Any = sqlite_insert if dialect == "sqlite" else postgresql_insert
        row = upsert(CheckpointRow)
        self.put = Statement(
            row.on_conflict_do_update(
                index_elements=["thread_id", "checkpoint_ns", "checkpoint_id"],
                set_={
                    "type": row.excluded.type,
                    "checkpoint": row.excluded.checkpoint,
                    "metadata": row.excluded.metadata,
                },
            ),
            rank=52,
        )
        self.put_value = Statement(upsert(CheckpointValue).on_conflict_do_nothing(), rank=51)
        key = ["thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"]
        write = upsert(CheckpointWrite)
        self.put_write = Statement(write.on_conflict_do_nothing(index_elements=key), rank=53)
        self.replace_write = Statement(
            write.on_conflict_do_update(
                index_elements=key,
                set_={"channel": write.excluded.channel, "type": write.excluded.type, "value": write.excluded.value},
            ),
            rank=54,
        )


_statements = cache(_Statements)


class DatabaseSaver(BaseCheckpointSaver[str]):
    """A checkpoint saver over `Database`; asynchronous only.

    fence: one run's attempt; what it writes is refused (Superseded) once another attempt has begun. fresh: the thread
    is new, so the first look for its latest checkpoint needs no query.
    """

    def __init__(
        self,
        database: Database,
        *,
        serde: SerializerProtocol | None = None,
        fence: Fence | None = None,
        fresh: bool = False,
    ) -> None:
        super().__init__(serde=serde or serializer(database))
        self._database = database
        self._fence = fence
        self._fresh = fresh
        self._apart_of: tuple[str, dict[str, str]] = ("", {})
        self._statements = _statements(database.engine.dialect.name)
        self._sealing = isinstance(self.serde, CheckpointSerializer) and self.serde.sealing

    def get_next_version(self, current: str | None, channel: None) -> str:
        """A channel's next version: a zero-padded count, so that versions sort as text."""
        return f"{int(current.split('.')[0]) + 1 if current else 1:032}"

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._fresh = False
        thread_id, namespace = _address(config)
        writes: list[Write] = []
        apart: dict[str, str] = {}
        kind, packed = "", b""
        large = is_large(checkpoint["channel_values"])
        if not large:
            kind, packed = self.serde.dumps_typed(checkpoint)
        if large or len(packed) > LARGE:
            before, known = self._apart_of
            known = known if before == _configurable(config).get("checkpoint_id") else {}
            separate = partial(self._apart, thread_id, namespace, checkpoint, known)
            small, writes, apart = await asyncio.to_thread(separate) if large else separate()
            kind, packed = self.serde.dumps_typed(small)
            kind += _APART
        kept = get_checkpoint_metadata(config, metadata)
        row: dict[str, Any] = {
            "thread_id": thread_id,
            "checkpoint_ns": namespace,
            "checkpoint_id": checkpoint["id"],
            "parent_id": _configurable(config).get("checkpoint_id"),
            "run_id": kept.get("run_id"),
            "type": kind,
            "checkpoint": packed,
            "metadata": confidential(dict(kept), self._sealing, "source", "step", "parents", "run_id"),
        }
        await self._database.writer.write(*writes, Write(self._statements.put, row), fence=self._fence)
        self._apart_of = checkpoint["id"], apart
        return _config(thread_id, namespace, checkpoint["id"])

    def _apart(
        self, thread_id: str, namespace: str, checkpoint: Checkpoint, known: Mapping[str, str]
    ) -> tuple[Checkpoint, list[Write], dict[str, str]]:
        """The checkpoint without its large values, the writes that keep those, and their versions by channel.

        known: versions of large values that are kept already, with the checkpoint before this one.
        """
        small: dict[str, Any] = {}
        writes: list[Write] = []
        versions: dict[str, str] = {}
        for channel, value in checkpoint["channel_values"].items():
            version = checkpoint["channel_versions"].get(channel)
            if version is not None and known.get(channel) == str(version):
                versions[channel] = str(version)
                continue
            kind, packed = self.serde.dumps_typed(value)
            if len(packed) * 4 <= LARGE or version is None:
                small[channel] = value
                continue
            versions[channel] = str(version)
            row: dict[str, Any] = {
                "thread_id": thread_id,
                "checkpoint_ns": namespace,
                "channel": channel,
                "version": str(version),
                "type": kind,
                "value": packed,
            }
            writes.append(Write(self._statements.put_value, row))
        apart = checkpoint.copy()
        apart["channel_values"] = small
        return apart, writes, versions

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        thread_id, namespace = _address(config)
        special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        statement = self._statements.replace_write if special else self._statements.put_write
        rows: list[Write] = []
        for index, (channel, value) in enumerate(writes):
            kind, packed = await aside(self.serde.dumps_typed, value)
            row: dict[str, Any] = {
                "thread_id": thread_id,
                "checkpoint_ns": namespace,
                "checkpoint_id": str(_configurable(config)["checkpoint_id"]),
                "task_id": task_id,
                "idx": WRITES_IDX_MAP.get(channel, index),
                "task_path": task_path,
                "channel": channel,
                "type": kind,
                "value": packed,
            }
            rows.append(Write(statement, row))
        await self._database.writer.write(*rows, fence=self._fence)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        if self._fresh:
            return None
        thread_id, namespace = _address(config)
        query = select(CheckpointRow.__table__).where(
            CheckpointRow.thread_id == thread_id, CheckpointRow.checkpoint_ns == namespace
        )
        checkpoint_id = get_checkpoint_id(config)
        if checkpoint_id:
            query = query.where(CheckpointRow.checkpoint_id == checkpoint_id)
        else:
            query = query.order_by(CheckpointRow.checkpoint_id.desc()).limit(1)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return await self._tuple(connection, row) if row is not None else None

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        query = select(CheckpointRow.__table__).order_by(CheckpointRow.checkpoint_id.desc())
        if config is not None:
            configurable = _configurable(config)
            query = query.where(CheckpointRow.thread_id == str(configurable["thread_id"]))
            if "checkpoint_ns" in configurable:
                query = query.where(CheckpointRow.checkpoint_ns == configurable["checkpoint_ns"])
            if checkpoint_id := get_checkpoint_id(config):
                query = query.where(CheckpointRow.checkpoint_id == checkpoint_id)
        if before is not None and (earlier := get_checkpoint_id(before)):
            query = query.where(CheckpointRow.checkpoint_id < earlier)
        if limit is not None and not filter:
            query = query.limit(limit)
        found = 0
        async with self._database.reading() as connection:
            for row in (await connection.execute(query)).mappings().all():
                if any(row["metadata"].get(key) != value for key, value in (filter or {}).items()):
                    continue
                yield await self._tuple(connection, row)
                found += 1
                if limit is not None and found >= limit:
                    return

    async def _tuple(self, connection: AsyncConnection, row: RowMapping) -> CheckpointTuple:
        thread_id, namespace, checkpoint_id = row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"]
        kind = row["type"].removesuffix(_APART)
        checkpoint = cast(Checkpoint, await self._read(kind, row["checkpoint"]))
        if kind != row["type"]:
            await self._join_values(connection, thread_id, namespace, checkpoint)
        writes = (
            select(CheckpointWrite.task_id, CheckpointWrite.channel, CheckpointWrite.type, CheckpointWrite.value)
            .where(
                CheckpointWrite.thread_id == thread_id,
                CheckpointWrite.checkpoint_ns == namespace,
                CheckpointWrite.checkpoint_id == checkpoint_id,
            )
            .order_by(CheckpointWrite.task_path, CheckpointWrite.task_id, CheckpointWrite.idx)
        )
        pending = [
            (task_id, channel, await self._read(kind, value))
            for task_id, channel, kind, value in await connection.execute(writes)
        ]
        return CheckpointTuple(
            config=_config(thread_id, namespace, checkpoint_id),
            checkpoint=checkpoint,
            metadata=cast(CheckpointMetadata, row["metadata"]),
            parent_config=_config(thread_id, namespace, row["parent_id"]) if row["parent_id"] else None,
            pending_writes=pending,
        )

    async def _join_values(
        self, connection: AsyncConnection, thread_id: str, namespace: str, checkpoint: Checkpoint
    ) -> None:
        """Put the values that were stored apart back into the checkpoint."""
        versions = {
            channel: str(version)
            for channel, version in checkpoint["channel_versions"].items()
            if channel not in checkpoint["channel_values"]
        }
        query = select(CheckpointValue.__table__).where(
            CheckpointValue.thread_id == thread_id,
            CheckpointValue.checkpoint_ns == namespace,
            CheckpointValue.channel.in_(list(versions)),
            CheckpointValue.version.in_(set(versions.values())),
        )
        for row in (await connection.execute(query)).mappings():
            if versions[row["channel"]] == row["version"]:
                checkpoint["channel_values"][row["channel"]] = await self._read(row["type"], row["value"])

    async def _read(self, kind: str, packed: bytes) -> Any:
        """A value read back, in a thread where it is large."""
        if len(packed) < LARGE_BYTES:
            return self.serde.loads_typed((kind, packed))
        return await asyncio.to_thread(self.serde.loads_typed, (kind, packed))

    async def adelete_thread(self, thread_id: str) -> None:
        self._apart_of = ("", {})
        async with self._database.engine.begin() as connection:
            for table in (CheckpointRow, CheckpointValue, CheckpointWrite):
                await connection.execute(delete(table).where(table.thread_id == thread_id))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that these runs made, with their writes; shared channel values stay."""
        mine = select(CheckpointRow.thread_id, CheckpointRow.checkpoint_ns, CheckpointRow.checkpoint_id).where(
            CheckpointRow.run_id.in_(run_ids)
        )
        key = tuple_(CheckpointWrite.thread_id, CheckpointWrite.checkpoint_ns, CheckpointWrite.checkpoint_id)
        async with self._database.engine.begin() as connection:
            await connection.execute(delete(CheckpointWrite).where(key.in_(mine)))
            await connection.execute(delete(CheckpointRow).where(CheckpointRow.run_id.in_(run_ids)))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """keep_latest: keep only each namespace's newest checkpoint. delete: delete all."""
        if strategy == "delete":
            for thread_id in thread_ids:
                await self.adelete_thread(thread_id)
            return
        latest = (
            select(CheckpointRow.thread_id, CheckpointRow.checkpoint_ns, func.max(CheckpointRow.checkpoint_id))
            .where(CheckpointRow.thread_id.in_(thread_ids))
            .group_by(CheckpointRow.thread_id, CheckpointRow.checkpoint_ns)
        )
        async with self._database.engine.begin() as connection:
            for table in (CheckpointWrite, CheckpointRow):
                key = tuple_(table.thread_id, table.checkpoint_ns, table.checkpoint_id)
                await connection.execute(delete(table).where(table.thread_id.in_(thread_ids), key.not_in(latest)))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy everything; channel values, writes and the whole parent chain."""
        async with self._database.engine.begin() as connection:
            for table in (CheckpointRow, CheckpointValue, CheckpointWrite):
                columns = [column for column in table.__table__.columns if column.name != "thread_id"]
                rows = select(literal(target_thread_id), *columns).where(table.thread_id == source_thread_id)
                names = ["thread_id", *(column.name for column in columns)]
                await connection.execute(insert(table).from_select(names, rows))


def _configurable(config: RunnableConfig) -> dict[str, Any]:
    return config.get("configurable", {})


def _address(config: RunnableConfig) -> tuple[str, str]:
    configurable = _configurable(config)
    return str(configurable["thread_id"]), str(configurable.get("checkpoint_ns", ""))


def _config(thread_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}}
