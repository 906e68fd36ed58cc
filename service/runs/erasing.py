"""Erasing a run, a thread, or all of a person: from every table that knows them, and from the files beneath.

Deleting a row leaves its bytes: in SQLite's free pages and write-ahead log, in PostgreSQL's dead rows. `compact`
removes these too. What no database can reach (backups, exports, PostgreSQL's archived log) is told, not promised.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, tuple_, update
from sqlalchemy import Table as SqlTable
from sqlalchemy.ext.asyncio import AsyncConnection

from service.database import runs, taint, threads
from service.database.engine import Database
from service.database.tables import (
    CheckpointRow,
    CheckpointValue,
    CheckpointWrite,
    File,
    FileContent,
    StoreItem,
    Table,
    Thread,
)
from service.runs.checkpoints import DatabaseSaver
from tools.errors import ConsiliaError
from tools.host.permission import trusted

SUBJECT: Final = "subject"
"""The key of metadata that says whom a thread or run is about."""

_BATCH: Final = 200


class NothingToErase(ConsiliaError):
    code = "nothing_to_erase"
    status = 404


class StillRunning(ConsiliaError):
    """A run that has not ended cannot be erased: it would go on writing."""

    code = "run_in_flight"
    status = 409


@dataclass(slots=True)
class Erased:
    """What was erased: rows by table. remains: what may still hold some of it, in sentences."""

    rows: dict[str, int] = field(default_factory=dict[str, int])
    remains: list[str] = field(default_factory=list[str])

    def count(self, table: str, number: int) -> None:
        if number:
            self.rows[table] = self.rows.get(table, 0) + number


async def erase_thread(database: Database, tenant_id: str, thread_id: str) -> Erased:
    """Erase a thread with its runs and all that they made, and the uploads that they read.

    Raises NothingToErase, StillRunning.
    """
    known = await threads.known(database, tenant_id, [thread_id])
    if not known:
        raise NothingToErase(f"there is no thread {thread_id!r}", thread_id=thread_id)
    return await _erase(database, tenant_id, known)


async def erase_run(database: Database, tenant_id: str, run_id: str) -> Erased:
    """Erase a run and all that it made, with its thread where nothing else ran there.

    Later runs on the thread began from the state that it left; that is told. Raises NothingToErase, StillRunning.
    """
    row = await runs.get(database, tenant_id, run_id)
    if row is None:
        raise NothingToErase(f"there is no run {run_id!r}", run_id=run_id)
    others = [each for each in await runs.ids_on_thread(database, row["thread_id"]) if each != row["run_id"]]
    if not others:
        return await _erase(database, tenant_id, [row["thread_id"]])
    await _check_ended(database, [row["thread_id"]])
    erased = Erased()
    uploads = await _uploads(database, tenant_id, [row])
    await taint.keep(database, row["thread_id"], lambda server: trusted({}, server))
    await DatabaseSaver(database).adelete_for_runs([run_id])
    async with database.engine.begin() as connection:
        await _secure(connection)
        for table in reversed(Table.metadata.sorted_tables):
            if "run_id" in table.columns:
                await _delete(connection, erased, table, table.c.run_id == run_id)
        await _delete_files(connection, erased, File.file_id.in_(uploads))
        if max(others) < run_id:  # the thread's row shows what the newest run left
            shown = update(Thread).where(Thread.thread_id == row["thread_id"])
            await connection.execute(shown.values(values=None, interrupts={}, error=None, status="idle"))
        else:
            erased.remains.append(
                f"{len([each for each in others if each > run_id])} later runs on thread {row['thread_id']} began from "
                "its state and may hold of it; erase the thread to erase them too"
            )
    await _forget_values(database, erased, row["thread_id"])
    return erased


async def erase_subject(database: Database, tenant_id: str, subject: str) -> Erased:
    """Erase every thread that is about somebody, or on which such a run ran, and the store's items under the subject.

    About somebody is what has the metadata {"subject": …}. Of the store, items that have it as a label of their
    namespace or as their key. Raises NothingToErase, StillRunning.
    """
    wanted = set(await threads.about(database, tenant_id, SUBJECT, subject))
    items = (StoreItem.tenant_id == tenant_id) & (
        (StoreItem.key == subject) | (("." + StoreItem.namespace).contains(f".{subject}.", autoescape=True))
    )
    async with database.reading() as connection:
        kept = await connection.scalar(select(func.count()).select_from(StoreItem).where(items)) or 0
    if not wanted and not kept:
        raise NothingToErase(f"nothing is about {subject!r}: no thread, run or store item names it", subject=subject)
    erased = await _erase(database, tenant_id, sorted(wanted))
    async with database.engine.begin() as connection:
        await _secure(connection)
        await _delete(connection, erased, cast(SqlTable, StoreItem.__table__), items)
    return erased


async def _erase(database: Database, tenant_id: str, thread_ids: Collection[str]) -> Erased:
    """Erase whole threads. Every table with a column thread_id or run_id is gone through, also one added later."""
    await _check_ended(database, thread_ids)
    erased = Erased()
    ids = list(thread_ids)
    for start in range(0, len(ids), _BATCH):
        some = ids[start : start + _BATCH]
        rows = await runs.of_threads(database, some)
        run_ids = [row["run_id"] for row in rows]
        uploads = await _uploads(database, tenant_id, rows)
        async with database.engine.begin() as connection:
            await _secure(connection)
            await _delete_files(connection, erased, File.run_id.in_(run_ids) | File.file_id.in_(uploads))
            for table in reversed(Table.metadata.sorted_tables):
                if "run_id" in table.columns and "thread_id" not in table.columns:
                    await _delete(connection, erased, table, table.c.run_id.in_(run_ids))
                elif "thread_id" in table.columns:
                    await _delete(connection, erased, table, table.c.thread_id.in_(some))
    return erased


async def _check_ended(database: Database, thread_ids: Iterable[str]) -> None:
    for thread_id in thread_ids:
        if under_way := await runs.on_thread(database, thread_id):
            raise StillRunning(
                f"run {under_way[0]} on thread {thread_id} has not ended; cancel it first", run_id=under_way[0]
            )


async def _uploads(database: Database, tenant_id: str, rows: Iterable[Any]) -> list[str]:
    """The uploaded files that the runs' inputs name."""
    named = sorted({each for row in rows for each in _ids((row["input"], row["kwargs"].get("command")))})
    found: list[str] = []
    async with database.reading() as connection:
        for start in range(0, len(named), _BATCH):
            query = select(File.file_id).where(
                File.tenant_id == tenant_id, File.run_id.is_(None), File.file_id.in_(named[start : start + _BATCH])
            )
            found += await connection.scalars(query)
    return found


def _ids(value: Any) -> set[str]:
    """Every UUID that stands somewhere in a JSON value."""
    match value:
        case str():
            try:
                return {str(UUID(value))}
            except ValueError:
                return set()
        case dict():
            return set[str]().union(*(_ids(each) for each in cast(dict[str, Any], value).values()))
        case list() | tuple():
            return set[str]().union(*(_ids(each) for each in cast(list[Any], value)))
        case _:
            return set()


async def _secure(connection: AsyncConnection) -> None:
    """Let SQLite overwrite with zeros what this connection frees."""
    if connection.dialect.name == "sqlite":
        await connection.execute(text("PRAGMA secure_delete = ON"))


async def _delete(connection: AsyncConnection, erased: Erased, table: SqlTable, which: ColumnElement[bool]) -> None:
    erased.count(table.name, (await connection.execute(delete(table).where(which))).rowcount)


async def _delete_files(connection: AsyncConnection, erased: Erased, which: ColumnElement[bool]) -> None:
    some = select(File.file_id).where(which)
    contents = cast(SqlTable, FileContent.__table__)
    await _delete(connection, erased, contents, contents.c.file_id.in_(some))
    await _delete(connection, erased, cast(SqlTable, File.__table__), which)


async def _forget_values(database: Database, erased: Erased, thread_id: str) -> None:
    """Delete the thread's channel values and writes that none of its remaining checkpoints needs."""
    saver = DatabaseSaver(database)
    needed: set[tuple[str, str, str]] = set()
    kept: set[tuple[str, str]] = set()
    async for found in saver.alist({"configurable": {"thread_id": thread_id}}):
        namespace = str(found.config.get("configurable", {}).get("checkpoint_ns", ""))
        kept.add((namespace, found.checkpoint["id"]))
        needed |= {(namespace, name, str(version)) for name, version in found.checkpoint["channel_versions"].items()}
    values, writes = cast(SqlTable, CheckpointValue.__table__), cast(SqlTable, CheckpointWrite.__table__)
    async with database.engine.begin() as connection:
        await _secure(connection)
        key = (values.c.checkpoint_ns, values.c.channel, values.c.version)
        rows = await connection.execute(select(*key).where(values.c.thread_id == thread_id))
        for namespace, channel, version in rows.all():
            if (namespace, channel, version) not in needed:
                this = tuple_(*key) == (namespace, channel, version)
                await _delete(connection, erased, values, (values.c.thread_id == thread_id) & this)
        remaining = select(CheckpointRow.checkpoint_ns, CheckpointRow.checkpoint_id).where(
            CheckpointRow.thread_id == thread_id
        )
        orphaned = tuple_(writes.c.checkpoint_ns, writes.c.checkpoint_id).not_in(remaining)
        await _delete(connection, erased, writes, (writes.c.thread_id == thread_id) & orphaned)


async def compact(database: Database, erased: Erased) -> None:
    """Remove from the database's files what deleted rows leave behind; takes a while on a large database."""
    async with database.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        if database.is_sqlite:
            indices = await connection.scalars(text("SELECT name FROM sqlite_master WHERE sql LIKE '%USING fts5%'"))
            for name in indices.all():  # a search index keeps the words of deleted rows until it is merged
                await connection.execute(text(f'INSERT INTO "{name}"("{name}") VALUES (\'optimize\')'))  # noqa: S608
            await connection.execute(text("VACUUM"))
            busy = (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).one()[0]
            if busy:
                erased.remains.append("the write-ahead log, which a reader held; it is emptied when the service stops")
        else:
            for table in erased.rows:
                await connection.execute(text(f'VACUUM (FULL) "{table}"'))
            erased.remains.append("PostgreSQL's write-ahead log and its archive, until they are recycled")
    erased.remains.append("backups and exports made before")
