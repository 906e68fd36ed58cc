"""Webhook deliveries: kept from the end of their run until they are made, or given up."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, delete, func, insert, select, update

from service.database.engine import Database
from service.database.sealed import confidential
from service.database.tables import WebhookDelivery, new_id, now
from service.database.writer import Statement, Write

_INSERT = Statement(insert(WebhookDelivery), rank=75)


def creation(tenant_id: str, run_id: str, url: str, body: str, *, sealed: bool = False) -> Write:
    """The write, for the transaction that ends the run, by which its webhook will be called. body: JSON text."""
    moment = now()
    return Write(
        _INSERT,
        {
            "delivery_id": new_id(),
            "tenant_id": tenant_id,
            "run_id": run_id,
            "url": url,
            "body": confidential(body, sealed),
            "status": "pending",
            "attempts": 0,
            "next_attempt_at": moment,
            "last_error": None,
            "created_at": moment,
            "updated_at": moment,
        },
    )


async def due(database: Database, moment: datetime, limit: int) -> Sequence[RowMapping]:
    """Deliveries whose next attempt is due, the longest due first."""
    query = (
        select(WebhookDelivery.__table__)
        .where(WebhookDelivery.status == "pending", WebhookDelivery.next_attempt_at <= moment)
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(limit)
    )
    async with database.reading() as connection:
        return (await connection.execute(query)).mappings().all()


async def next_due(database: Database) -> datetime | None:
    """When the next attempt of any delivery is due."""
    query = select(func.min(WebhookDelivery.next_attempt_at)).where(WebhookDelivery.status == "pending")
    async with database.reading() as connection:
        return await connection.scalar(query)


async def take(database: Database, delivery: RowMapping, moment: datetime, lease: timedelta) -> bool:
    """Take the right to make the next attempt; it counts as made. False where another process was first.

    If the process dies before it says how it went, the delivery is due again after the lease.
    """
    mine = update(WebhookDelivery).where(
        WebhookDelivery.delivery_id == delivery["delivery_id"],
        WebhookDelivery.status == "pending",
        WebhookDelivery.attempts == delivery["attempts"],
    )
    taken = mine.values(attempts=delivery["attempts"] + 1, next_attempt_at=moment + lease, updated_at=moment)
    async with database.engine.begin() as connection:
        return (await connection.execute(taken)).rowcount == 1


async def delivered(database: Database, delivery_id: str) -> None:
    """Its receiver has answered with success: nothing is left to send."""
    await _change(database, delivery_id, status="delivered", body="", last_error=None)


async def failed(database: Database, delivery_id: str, error: str, again: datetime | None) -> None:
    """The attempt has failed. again: when the next one is due, None to give up."""
    if again is None:
        await _change(database, delivery_id, status="failed", last_error=error)
    else:
        await _change(database, delivery_id, next_attempt_at=again, last_error=error)


async def _change(database: Database, delivery_id: str, **values: object) -> None:
    change = update(WebhookDelivery).where(WebhookDelivery.delivery_id == delivery_id)
    async with database.engine.begin() as connection:
        await connection.execute(change.values(**values, updated_at=now()))


async def of_run(database: Database, tenant_id: str, run_id: str) -> Sequence[RowMapping]:
    """The run's deliveries, oldest first."""
    query = select(WebhookDelivery.__table__).where(
        WebhookDelivery.tenant_id == tenant_id, WebhookDelivery.run_id == run_id
    )
    async with database.reading() as connection:
        return (await connection.execute(query.order_by(WebhookDelivery.delivery_id))).mappings().all()


async def forget(database: Database, before: datetime) -> None:
    """Delete the records of deliveries that were made or given up before this moment."""
    old = delete(WebhookDelivery).where(WebhookDelivery.status != "pending", WebhookDelivery.updated_at < before)
    async with database.engine.begin() as connection:
        await connection.execute(old)
