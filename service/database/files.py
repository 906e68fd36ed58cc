"""Files that callers uploaded and that runs made."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import RowMapping, delete, insert, select

from service.database.engine import Database
from service.database.sealed import confidential
from service.database.tables import File, FileContent, new_id, now
from service.database.writer import Statement, Write

_INSERT = Statement(insert(File), rank=40)
_INSERT_CONTENT = Statement(insert(FileContent), rank=41)


def _row(
    file_id: str, tenant_id: str, run_id: str | None, name: str, media_type: str, content: bytes
) -> dict[str, Any]:
    return {
        "file_id": file_id,
        "tenant_id": tenant_id,
        "run_id": run_id,
        "name": name,
        "media_type": media_type,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "created_at": now(),
    }


async def add(
    database: Database,
    tenant_id: str,
    name: str,
    media_type: str,
    content: bytes,
    run_id: str | None = None,
    workflow: str | None = None,
) -> dict[str, Any]:
    """Keep a file, row and bytes in one transaction; the row. A run's file of the same name is replaced.

    workflow: the run's; bytes, hash and name are sealed where it is sensitive.
    """
    file_id = new_id() if run_id is None else str(uuid5(UUID(run_id), name))
    row = _row(file_id, tenant_id, run_id, name, media_type, content)
    sealed = database.is_sensitive(workflow)
    kept = {**row, "name": confidential(name, sealed), "sha256": confidential(row["sha256"], sealed)}
    bytes_ = {"file_id": file_id, "content": confidential(content, sealed)}
    insertion = (Write(_INSERT, kept), Write(_INSERT_CONTENT, bytes_))
    if run_id is not None and await get(database, tenant_id, file_id) is not None:
        async with database.engine.begin() as connection:
            await connection.execute(delete(FileContent).where(FileContent.file_id == file_id))
            await connection.execute(delete(File).where(File.file_id == file_id))
    await database.writer.write(*insertion)
    return row


async def get(database: Database, tenant_id: str, file_id: str) -> RowMapping | None:
    query = select(File.__table__).where(File.file_id == file_id, File.tenant_id == tenant_id)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


async def content(database: Database, file_id: str) -> bytes:
    async with database.reading() as connection:
        return (await connection.scalars(select(FileContent.content).where(FileContent.file_id == file_id))).one()


async def forget_uploads(database: Database, tenant_id: str, before: datetime) -> int:
    """Delete uploaded files that are older; how many."""
    old = (File.tenant_id == tenant_id, File.run_id.is_(None), File.created_at < before)
    async with database.engine.begin() as connection:
        ids = select(File.file_id).where(*old)
        await connection.execute(delete(FileContent).where(FileContent.file_id.in_(ids)))
        return (await connection.execute(delete(File).where(*old))).rowcount


async def of_run(database: Database, run_id: str) -> Sequence[RowMapping]:
    """The files that a run made, by name; a sealed name can't be sorted by in the database."""
    query = select(File.__table__).where(File.run_id == run_id)
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return sorted(rows, key=lambda row: row["name"])


async def ids_starting_with(database: Database, tenant_id: str, prefix: str, limit: int) -> list[str]:
    """Ids of the tenant's files that start with `prefix`, in their order."""
    query = select(File.file_id).where(File.tenant_id == tenant_id, File.file_id.startswith(prefix, autoescape=True))
    async with database.reading() as connection:
        return list(await connection.scalars(query.order_by(File.file_id).limit(limit)))
