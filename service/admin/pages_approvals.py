"""The inbox of approvals, and deciding one."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from service.admin import approvals, web
from service.admin.access import TheOperator, TheVisitor
from service.admin.answer_form import answer, forms, worded
from service.admin.masking import Sight, masked
from service.admin.roles import Visitor
from service.api.access import TheHouse
from service.house import House
from tools.errors import ConsiliaError

router = APIRouter(prefix="/approvals", include_in_schema=False)


@router.get("")
async def inbox(request: Request, house: TheHouse, visitor: TheVisitor) -> Response:
    waits = await approvals.inbox(house, visitor)
    decided = await approvals.decisions(house, visitor, limit=20)
    return web.page(request, "approvals.html", visitor, waits=waits, decided=decided)


@router.get("/{thread_id}")
async def one(request: Request, thread_id: str, house: TheHouse, visitor: TheVisitor) -> Response:
    return await _page(request, house, visitor, thread_id)


async def _page(
    request: Request, house: House, visitor: Visitor, thread_id: str, error: ConsiliaError | None = None
) -> Response:
    waits = await approvals.to_decide(request, house, visitor, thread_id)
    asked = [
        (each, forms(worded(each.answer_schema)), visitor.may("approve", each.graph_id), masked(each.answer_schema))
        for each in waits
    ]
    return web.page(
        request,
        "approval.html",
        visitor,
        error.status if error else 200,
        asked=asked,
        fault=error.message if error else "",
        thread_id=thread_id,
    )


@router.post("/{thread_id}/{interrupt_id}")
async def decide(
    request: Request, thread_id: str, interrupt_id: str, house: TheHouse, visitor: TheOperator
) -> Response:
    form = await request.form()
    given: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            given.setdefault(name, []).append(value)
    try:
        waits = await approvals.of_thread(house, visitor, thread_id, Sight.SEEN)
        schemas: dict[str, Any] = {each.interrupt_id: each.answer_schema for each in waits}
        told = answer(schemas[interrupt_id], given) if interrupt_id in schemas else None
        made = await approvals.decide(house, visitor, thread_id, interrupt_id, told)
    except ConsiliaError as error:
        if error.status == 403:
            raise
        return await _page(request, house, visitor, thread_id, error)
    return RedirectResponse(f"/admin/runs/{made.resumed_by}", 303)
