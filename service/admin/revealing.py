"""Seeing what is masked: for whom it is, for how long, and on whose record."""

from typing import Any, Final

from fastapi import Request

from service.admin import auditing, sessions
from service.admin.roles import Role, Visitor
from service.house import House

COOKIE: Final = "consilia_reveal"
"""Beside a run's own path only, so that one run's permit never goes to another's."""


def revealed(request: Request, house: House, visitor: Visitor, run_id: str) -> bool:
    """Whether this session has asked to see the run unmasked, and still may."""
    if visitor.role is not Role.ADMIN or not visitor.csrf:
        return False
    given = request.cookies.get(COOKIE, "")
    return sessions.is_permit(house.secret, visitor.csrf, run_id, given)


def permit_cookie(house: House, visitor: Visitor, run_id: str) -> dict[str, Any]:
    """The cookie that keeps a run unmasked, as the arguments of `set_cookie`."""
    seconds = house.settings.admin.reveal_minutes * 60
    return {
        "key": COOKIE,
        "value": sessions.permit(house.secret, visitor.csrf, run_id, seconds),
        "max_age": int(seconds),
        "path": f"/admin/runs/{run_id}",
        "httponly": True,
        "samesite": "lax",
    }


async def record_reveal(request: Request, house: House, visitor: Visitor, row: dict[str, Any]) -> None:
    """Write down who sees a run unmasked. row: the run's."""
    await auditing.record(request, house, visitor, "run.reveal", row["tenant_id"], row["run_id"])
