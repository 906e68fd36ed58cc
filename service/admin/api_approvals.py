"""The admin JSON API: the inbox of approvals."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from service.admin import approvals
from service.admin.access import TheOperator, TheVisitor
from service.admin.approvals import MadeDecision, Waiting
from service.api.access import TheHouse

router = APIRouter(prefix="/admin/api/approvals", tags=["admin"])


class Answer(BaseModel):
    """answer: what the graph is given; it must fit the interrupt's schema."""

    interrupt_id: str = Field(max_length=200)
    answer: Any


@router.get("")
async def inbox(house: TheHouse, visitor: TheVisitor) -> list[Waiting]:
    """What waits for a person, the longest first."""
    return await approvals.inbox(house, visitor)


@router.get("/decided")
async def decided(house: TheHouse, visitor: TheVisitor) -> Sequence[MadeDecision]:
    """The last fifty decisions, newest first."""
    return await approvals.decisions(house, visitor)


@router.get("/{thread_id}")
async def waiting(request: Request, thread_id: str, house: TheHouse, visitor: TheVisitor) -> list[Waiting]:
    """What one thread waits for, with the schema of the answer for those who may decide it."""
    return await approvals.to_decide(request, house, visitor, thread_id)


@router.post("/{thread_id}")
async def decide(thread_id: str, body: Answer, house: TheHouse, visitor: TheOperator) -> MadeDecision:
    """Decide: the run goes on with the answer. 409 when somebody else was first."""
    return await approvals.decide(house, visitor, thread_id, body.interrupt_id, body.answer)
