"""API keys: their rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, bindparam, func, insert, or_, select, update

from service.database.engine import Database
from service.database.tables import ApiKey, Tenant, UtcDateTime, now
from service.database.writer import Statement, Write

_INSERT = Statement(insert(ApiKey), rank=5)
_USED = Statement(
    update(ApiKey)
    .where(
        ApiKey.key_id == bindparam("b_key_id"),
        or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < bindparam("b_now", type_=UtcDateTime())),
    )
    .values(last_used_at=bindparam("b_now", type_=UtcDateTime())),
    rank=90,
)


def creation(
    *,
    key_id: str,
    tenant_id: str,
    name: str,
    secret_hash: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    requests_per_minute: int | None,
    created_by: str | None,
) -> Write:
    """The write that makes a key."""
    return Write(
        _INSERT,
        {
            "key_id": key_id,
            "tenant_id": tenant_id,
            "name": name,
            "secret_hash": secret_hash,
            "scopes": list(scopes),
            "created_at": now(),
            "expires_at": expires_at,
            "revoked_at": None,
            "last_used_at": None,
            "requests_per_minute": requests_per_minute,
            "created_by": created_by,
            "replaced_by": None,
        },
    )


def used(key_id: str, moment: datetime) -> Write:
    """The write that says when a key was used last."""
    return Write(_USED, {"b_key_id": key_id, "b_now": moment})


async def count(database: Database) -> int:
    """How many keys were ever made."""
    async with database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(ApiKey)) or 0


async def living(database: Database) -> int:
    """How many keys let somebody in now."""
    query = select(func.count()).select_from(ApiKey).where(ApiKey.revoked_at.is_(None), _unexpired(now()))
    async with database.reading() as connection:
        return await connection.scalar(query) or 0


async def get(database: Database, key_id: str) -> RowMapping | None:
    query = select(ApiKey.__table__).where(ApiKey.key_id == key_id)
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


async def with_tenant(database: Database, key_id: str) -> RowMapping | None:
    """The key's row, with what its tenant says of every key: suspended_at, tenant_requests_per_minute."""
    query = (
        select(
            ApiKey.__table__,
            Tenant.suspended_at,
            Tenant.requests_per_minute.label("tenant_requests_per_minute"),
        )
        .join(Tenant, Tenant.tenant_id == ApiKey.tenant_id)
        .where(ApiKey.key_id == key_id)
    )
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


async def search(database: Database, tenant_id: str | None, *, ended: bool = False) -> Sequence[RowMapping]:
    """The tenant's keys, or everybody's, the newest first, with `tenant`, the tenant's name.

    ended: also those that are revoked or have expired. At most 10,000.
    """
    query = select(ApiKey.__table__, Tenant.name.label("tenant")).join(Tenant, Tenant.tenant_id == ApiKey.tenant_id)
    if tenant_id is not None:
        query = query.where(ApiKey.tenant_id == tenant_id)
    if not ended:
        query = query.where(ApiKey.revoked_at.is_(None), _unexpired(now()))
    async with database.reading() as connection:
        rows = await connection.execute(query.order_by(ApiKey.created_at.desc(), ApiKey.key_id).limit(10_000))
        return rows.mappings().all()


def shown(row: RowMapping) -> dict[str, Any]:
    """A key as lists show it: nothing of its secret. state: good, replaced (its end is near), expired, revoked."""
    moment = now()
    state = "good" if row["replaced_by"] is None else "replaced"
    if row["expires_at"] is not None and row["expires_at"] <= moment:
        state = "expired"
    if row["revoked_at"] is not None:
        state = "revoked"
    names = ("key_id", "name", "tenant_id", "tenant", "scopes", "created_at", "expires_at", "revoked_at")
    more = ("last_used_at", "requests_per_minute", "created_by", "replaced_by")
    return {name: row[name] for name in (*names, *more)} | {"state": state}


async def replaced(database: Database, key_id: str, by: str, until: datetime) -> None:
    """Another key has taken the place of this one, which is good until then."""
    await _change(database, key_id, replaced_by=by, expires_at=until)


async def revoked(database: Database, key_id: str) -> None:
    """End the key; one that is revoked already keeps its time."""
    await _change(database, key_id, revoked_at=func.coalesce(ApiKey.revoked_at, now()))


async def _change(database: Database, key_id: str, **values: object) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(update(ApiKey).where(ApiKey.key_id == key_id).values(**values))


def _unexpired(moment: datetime):
    return or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > moment)
