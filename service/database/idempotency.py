"""Idempotency keys: which runs a request with a key has made."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, delete, insert, select

from service.database.engine import Database
from service.database.tables import IdempotencyKey, now
from service.database.writer import Statement, Write

_INSERT = Statement(insert(IdempotencyKey), rank=4)


def claim(tenant_id: str, key: str, request_sha256: str, run_ids: Sequence[str], kept: timedelta) -> Write:
    """The write, for the transaction that makes these runs, by which the key is theirs; fails if it is taken."""
    moment = now()
    return Write(
        _INSERT,
        {
            "tenant_id": tenant_id,
            "key": key,
            "request_sha256": request_sha256,
            "run_ids": list(run_ids),
            "created_at": moment,
            "expires_at": moment + kept,
        },
    )


async def find(database: Database, tenant_id: str, key: str) -> RowMapping | None:
    """What the key has made; None for a key that is new or forgotten."""
    query = select(IdempotencyKey.__table__).where(
        IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key, IdempotencyKey.expires_at > now()
    )
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().one_or_none()


async def forget(database: Database, moment: datetime, key: tuple[str, str] | None = None) -> None:
    """Delete keys that expired before the moment; all of them, or one (tenant, key)."""
    over = delete(IdempotencyKey).where(IdempotencyKey.expires_at <= moment)
    if key is not None:
        over = over.where(IdempotencyKey.tenant_id == key[0], IdempotencyKey.key == key[1])
    async with database.engine.begin() as connection:
        await connection.execute(over)
