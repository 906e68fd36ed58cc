"""Market data brought into the database: the synthetic set for demonstrations."""

from datetime import date

from service.database import market
from service.database.engine import Database
from service.database.market import MarketStore
from tools.finance import synthetic


async def load_synthetic(database: Database, tenant_id: str, until: date | None = None) -> int:
    """Keep the synthetic funds, benchmarks and rates up to a day (the last weekday by default); how many series.

    They replace earlier synthetic ones of the same ids. Deterministic: the same day has the same value whenever made.
    """
    made = synthetic.make(until or synthetic.last_weekday())
    await market.put_funds(database, tenant_id, made.funds)
    await market.put_series(database, tenant_id, made.series)
    return len(made.series)


async def ensure_synthetic(database: Database, tenant_id: str) -> bool:
    """Keep the synthetic set where there is no market data at all; whether it was made. For the demonstration."""
    if await MarketStore(database).listing(tenant_id):
        return False
    await load_synthetic(database, tenant_id)
    return True
