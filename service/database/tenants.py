"""Tenants: who rows belong to, and what each may take."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from service.database.engine import Database
from service.database.tables import DEFAULT_TENANT, Tenant, new_id, now
from service.database.writer import Statement, Write
from tools.errors import ConsiliaError, InvalidInput

LIMITS: Final = ("requests_per_minute", "tokens_per_month", "cost_per_month", "retention_days")
"""What a tenant may have of its own; none of it: the settings hold."""

_UNSEEN: Final = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
NAME: Final = rf"^[^{_UNSEEN}]*[^\s{_UNSEEN}][^{_UNSEEN}]*$"
"""A tenant's name: something that can be seen, and nothing that moves what is written around it."""

_INSERT = Statement(insert(Tenant), rank=3)


class UnknownTenant(ConsiliaError):
    code = "tenant_not_found"
    status = 404


class TenantExists(ConsiliaError):
    code = "tenant_exists"
    status = 409


async def create(database: Database, name: str, limits: Mapping[str, Any] | None = None) -> RowMapping:
    """Make a tenant; its row. Raises InvalidInput, TenantExists."""
    name = name.strip()
    if not 0 < len(name) <= 100 or not re.fullmatch(NAME, name):
        raise InvalidInput(f"a tenant's name has 1 to 100 printable characters; this one has {len(name)}")
    if _is_uuid(name):
        raise InvalidInput("a tenant's name must not look like an id, which also names tenants")
    tenant_id = new_id()
    row = {"tenant_id": tenant_id, "name": name, "created_at": now(), "suspended_at": None, **dict.fromkeys(LIMITS)}
    try:
        await database.writer.write(Write(_INSERT, {**row, **(limits or {})}))
    except IntegrityError:
        raise TenantExists(f"there is a tenant {name!r} already", name=name) from None
    return await find(database, tenant_id)


async def find(database: Database, named: str) -> RowMapping:
    """The tenant by id or name. Raises UnknownTenant."""
    query = select(Tenant.__table__).where(or_(Tenant.tenant_id == named, Tenant.name == named))
    async with database.reading() as connection:
        row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise UnknownTenant(f"there is no tenant {named!r}; consilia tenants list shows them", tenant=named)
    return row


async def get(database: Database, tenant_id: str) -> RowMapping | None:
    """The tenant's row, at most a second old: every new run looks at it."""

    async def read() -> RowMapping | None:
        async with database.reading() as connection:
            query = select(Tenant.__table__).where(Tenant.tenant_id == tenant_id)
            return (await connection.execute(query)).mappings().one_or_none()

    row: RowMapping | None = await database.recent.get(("tenant", tenant_id), read)
    return row


async def named(database: Database, name: str) -> RowMapping:
    """As `find`, at most a second old. Raises UnknownTenant."""

    async def read() -> RowMapping:
        return await find(database, name)

    row: RowMapping = await database.recent.get(("tenant named", name), read)
    return row


async def search(database: Database) -> Sequence[RowMapping]:
    """Every tenant by name; at most 10,000."""
    async with database.reading() as connection:
        return (await connection.execute(select(Tenant.__table__).order_by(Tenant.name).limit(10_000))).mappings().all()


async def change(database: Database, tenant_id: str, changes: Mapping[str, Any]) -> RowMapping:
    """Change limits (None: the settings' again) or suspend; the row. Raises InvalidInput for suspending the default."""
    if changes.get("suspended_at") is not None and tenant_id == DEFAULT_TENANT:
        raise InvalidInput("the default tenant cannot be suspended: nobody could lift it; revoke keys instead")
    if changes:
        async with database.engine.begin() as connection:
            await connection.execute(update(Tenant).where(Tenant.tenant_id == tenant_id).values(**changes))
        database.recent.forget()
    return await find(database, tenant_id)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
