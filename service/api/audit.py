"""The audit log over REST: for admins, each for its own tenant; those of the default tenant for all."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from service.api.access import TheCaller, TheHouse
from service.api.forms import When
from service.database import audit

router = APIRouter(prefix="/audit", tags=["audit"])

Name = Annotated[str | None, Query(max_length=200)]


class Event(BaseModel):
    """Who did what to what, when, from where. status: the HTTP status, 0 for a command."""

    seq: int
    at: datetime
    tenant_id: str | None
    actor: str
    action: str
    target: str
    address: str
    status: int
    details: dict[str, Any]
    hash: str


class Verification(BaseModel):
    """fault: what is wrong with which event; null: the log is whole."""

    events: int
    head: str
    fault: str | None


@router.get("")
async def search(
    house: TheHouse,
    caller: TheCaller,
    actor: Name = None,
    action: Annotated[str | None, Query(max_length=200, description='Or its beginning: "keys."')] = None,
    target: Name = None,
    since: When = None,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Only events before this number.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[Event]:
    """Events, newest first."""
    owner = None if caller.runs_the_installation else caller.tenant_id
    rows = await audit.search(
        house.database, owner, actor=actor, action=action, target=target, since=since, before=before, limit=limit
    )
    return [Event.model_validate(dict(row)) for row in rows]


@router.get("/verification")
async def verify(house: TheHouse, caller: TheCaller) -> Verification:
    """Check the whole log: that no event was changed, removed or put in between."""
    caller.require_installation()
    found = await house.audit.verify()
    return Verification(events=found.events, head=found.head, fault=found.fault)
