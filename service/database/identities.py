"""Who is who in a run's record: one sealed mapping a run, and nothing readable."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from service.database.engine import Database
from service.database.tables import IdentityMapping, Run, now
from service.database.writer import Statement, Write

_sqlite, _postgresql = sqlite_insert(IdentityMapping), postgresql_insert(IdentityMapping)
_KEY = ["tenant_id", "run_id"]
_UPSERT = {
    "sqlite": Statement(
        _sqlite.on_conflict_do_update(index_elements=_KEY, set_={"sealed": _sqlite.excluded.sealed}), rank=47
    ),
    "postgresql": Statement(
        _postgresql.on_conflict_do_update(index_elements=_KEY, set_={"sealed": _postgresql.excluded.sealed}), rank=47
    ),
}
_ROW = (IdentityMapping.tenant_id == bindparam("b_tenant_id"), IdentityMapping.run_id == bindparam("b_run_id"))
_DELETE = Statement(delete(IdentityMapping).where(*_ROW), rank=47)
_RESEAL = Statement(update(IdentityMapping).where(*_ROW).values(sealed=bindparam("b_sealed")), rank=47)


async def put(database: Database, tenant_id: str, run_id: str, sealed: bytes) -> None:
    """Keep the run's sealed mapping; an earlier one is replaced."""
    row = {"tenant_id": tenant_id, "run_id": run_id, "sealed": sealed, "created_at": now()}
    await database.writer.write(Write(_UPSERT[database.engine.dialect.name], row))


async def get(database: Database, tenant_id: str, run_id: str) -> bytes | None:
    query = select(IdentityMapping.sealed).where(
        IdentityMapping.tenant_id == tenant_id, IdentityMapping.run_id == run_id
    )
    async with database.reading() as connection:
        return await connection.scalar(query)


async def runs_of_thread(database: Database, tenant_id: str, run_id: str) -> Sequence[str]:
    """The runs on the same thread that have a mapping, the newest first: a run resumed by another is among them."""
    mine = select(Run.thread_id).where(Run.run_id == run_id, Run.tenant_id == tenant_id).scalar_subquery()
    query = (
        select(IdentityMapping.run_id)
        .join(Run, Run.run_id == IdentityMapping.run_id)
        .where(IdentityMapping.tenant_id == tenant_id, Run.thread_id == mine)
        .order_by(IdentityMapping.run_id.desc())
    )
    async with database.reading() as connection:
        return (await connection.scalars(query)).all()


async def erase(database: Database, tenant_id: str, run_id: str) -> None:
    """Delete the run's mapping: what was de-identified stays so."""
    await database.writer.write(Write(_DELETE, {"b_tenant_id": tenant_id, "b_run_id": run_id}))


async def after(database: Database, tenant_id: str, run_id: str, count: int) -> Sequence[RowMapping]:
    """The next rows of all tenants in the order of their key, to be sealed anew."""
    table = IdentityMapping
    later = (table.tenant_id > tenant_id) | ((table.tenant_id == tenant_id) & (table.run_id > run_id))
    query = select(table.tenant_id, table.run_id, table.sealed).where(later)
    async with database.reading() as connection:
        rows = await connection.execute(query.order_by(table.tenant_id, table.run_id).limit(count))
        return rows.mappings().all()


async def replace(database: Database, tenant_id: str, run_id: str, sealed: bytes) -> None:
    """Put another sealing in the place of a row that is still there."""
    row = {"b_tenant_id": tenant_id, "b_run_id": run_id, "b_sealed": sealed}
    await database.writer.write(Write(_RESEAL, row))
