"""How many runs wait and for how long: what an operator watches."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from service.database.engine import Database
from service.database.tables import Run, WebhookDelivery, now


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """Of all processes at one database. Waits are in seconds since the run was accepted, None where none waits.

    longest_unblocked_wait: of runs on whose thread no other is executed.
    """

    n_pending: int
    n_running: int
    longest_wait: float | None
    median_wait: float | None
    longest_unblocked_wait: float | None
    webhooks_pending: int


async def read(database: Database) -> QueueStatistics:
    """Read them; each query is answered by an index of runs that have not ended."""
    waiting = select(Run.created_at).where(Run.status == "pending").order_by(Run.run_id).limit(1)
    other = aliased(Run)
    blocked = select(other.run_id).where(other.thread_id == Run.thread_id, other.status == "running").exists()
    moment = now()

    def since(accepted: datetime | None) -> float | None:
        return max(0.0, (moment - accepted).total_seconds()) if accepted is not None else None

    async with database.reading() as connection:
        counts = select(Run.status, func.count()).where(Run.status.in_(("pending", "running"))).group_by(Run.status)
        by_status: dict[str, int] = {row[0]: row[1] for row in await connection.execute(counts)}
        pending = by_status.get("pending", 0)
        oldest = await connection.scalar(waiting) if pending else None
        median = await connection.scalar(waiting.offset(pending // 2)) if pending else None
        unblocked = await connection.scalar(waiting.where(~blocked)) if pending else None
        undelivered = select(func.count()).select_from(WebhookDelivery).where(WebhookDelivery.status == "pending")
        deliveries = await connection.scalar(undelivered) or 0
    return QueueStatistics(
        pending, by_status.get("running", 0), since(oldest), since(median), since(unblocked), deliveries
    )
