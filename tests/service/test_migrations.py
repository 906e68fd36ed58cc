"""The schema, up and down, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

from service.database import migrate
from service.database.engine import make_engine
from service.database.tables import Table


async def _tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_migrations_go_up_and_down_and_up_again(empty_database: str):
    engine = make_engine(empty_database)
    await migrate.upgrade(engine)
    assert await _tables(engine) >= set(Table.metadata.tables)
    versions = ScriptDirectory(migrate.FOLDER)
    assert await migrate.revisions(engine) == (versions.get_current_head(), versions.get_current_head())
    await migrate.downgrade(engine)
    assert await _tables(engine) <= {"alembic_version"}
    await migrate.upgrade(engine)
    await migrate.upgrade(engine)
    assert await _tables(engine) >= set(Table.metadata.tables)
    await engine.dispose()


async def test_the_migrated_schema_is_the_one_the_code_describes(empty_database: str):
    engine = make_engine(empty_database)
    await migrate.upgrade(engine)

    def differences(connection: Connection) -> list[object]:
        def ours(name: str | None, kind: str, _: object) -> bool:
            return not (kind == "table" and name is not None and name.startswith(("procrastinate_", "run_text_index")))

        context = MigrationContext.configure(connection, opts={"compare_type": False, "include_name": ours})
        return list(compare_metadata(context, Table.metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()
