"""What models were asked and what it took, in totals."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from service.api.access import TheCaller, TheHouse
from service.database import usage

router = APIRouter(tags=["usage"])


class Total(BaseModel):
    """name: of the model, workflow, run or tenant. cost: in the currency of the pool's prices."""

    name: str
    calls: int
    tokens_in: int
    tokens_out: int
    tokens_thinking: int
    tokens_cached: int
    cost: float


@router.get("/usage")
async def totals(
    house: TheHouse,
    caller: TheCaller,
    by: Annotated[usage.By, Query(description="What to add up by; tenant: for the installation's admins.")] = "model",
    days: Annotated[float, Query(gt=0, le=3660, description="How far back.")] = 30,
) -> list[Total]:
    """Calls, tokens and cost by model, workflow, run or tenant; of runs and of /v1 together."""
    everybody = by == "tenant"
    if everybody:
        caller.require_installation()
    since = datetime.now(UTC) - timedelta(days=days)
    rows = await usage.totals(house.database, None if everybody else caller.tenant_id, by, since)
    return [Total.model_validate(dict(row)) for row in rows]
