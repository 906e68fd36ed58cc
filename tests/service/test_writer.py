"""The one writer: groups, order, and one caller's fault staying its own."""

import asyncio

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError, InternalError

from service.database import migrate
from service.database.engine import make_writing_engine, open_database
from service.database.tables import DEFAULT_TENANT, RunEvent, Tenant, now
from service.database.writer import Statement, Write, connection_lost

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


@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
async def test_a_process_that_freezes_in_the_middle_of_a_write_keeps_its_rows_from_nobody(empty_database: str):
    name = update(Tenant).where(Tenant.tenant_id == DEFAULT_TENANT)
    frozen = make_writing_engine(empty_database, stalled=0.5)
    async with open_database(empty_database) as database:
        await migrate.upgrade(database.engine)
        with frozen.connect() as connection:
            connection.execute(name.values(name="frozen"))
            async with asyncio.timeout(20):
                await database.writer.write(Write(Statement(name.values(name="living"), 0), {}))
            with pytest.raises(InternalError, match="idle-in-transaction") as caught:
                connection.execute(name.values(name="awake again"))
            assert connection_lost(caught.value), "the writer connects again, and asks its fences again"
        async with database.reading() as reading:
            assert await reading.scalar(select(Tenant.name)) == "living"
    frozen.dispose()
