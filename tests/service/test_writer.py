"""The one writer: groups, order, and one caller's fault staying its own."""

import asyncio

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from service.database import migrate
from service.database.engine import open_database
from service.database.tables import DEFAULT_TENANT, RunEvent, Tenant, now
from service.database.writer import Statement, Write

_INSERT = Statement(insert(Tenant), 0)


def _tenant(name: str) -> Write:
    return Write(_INSERT, {"tenant_id": name, "name": name, "created_at": now()})


async def test_what_was_awaited_is_committed_whoever_else_wrote(empty_database: str):
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        await asyncio.gather(*(database.writer.write(_tenant(f"t{n}")) for n in range(300)))
        async with database.reading() as connection:
            assert await connection.scalar(select(func.count()).select_from(Tenant)) == 301


async def test_a_row_that_cannot_be_written_fails_its_own_caller_only(empty_database: str):
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        good = [database.writer.submit(_tenant(f"t{n}")) for n in range(5)]
        twice = database.writer.submit(_tenant("new"), _tenant(DEFAULT_TENANT))
        unknown = database.writer.submit(
            Write(
                Statement(insert(RunEvent), 0),
                {"run_id": "none", "seq": 1, "kind": "x", "data": object(), "created_at": now()},
            )
        )
        after = database.writer.submit(_tenant("after"))
        await asyncio.gather(*good, after)
        with pytest.raises(IntegrityError):
            await twice
        with pytest.raises(Exception, match=r".+"):
            await unknown
        async with database.reading() as connection:
            names = set(await connection.scalars(select(Tenant.tenant_id)))
    assert {"t0", "t4", "after"} <= names
    assert "new" not in names, "a caller's writes are all or nothing"


async def test_closing_writes_what_is_queued(empty_database: str):
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        pending = database.writer.submit(_tenant("late"))
    await pending
    async with open_database(empty_database) as database, database.reading() as connection:
        assert "late" in set(await connection.scalars(select(Tenant.tenant_id)))
