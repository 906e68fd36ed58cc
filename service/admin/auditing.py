"""What is done and seen here, in the audit log."""

import structlog
from fastapi import Request

from service.admin.roles import Visitor
from service.house import House

log = structlog.get_logger("service.audit")


async def record(
    request: Request, house: House, visitor: Visitor, action: str, tenant_id: str, target: str, **details: object
) -> None:
    """action: such as "run.reveal". target: the id of what was acted on."""
    address = request.client.host if request.client else ""
    log.info(
        "audit", action=action, actor=visitor.caller.key_id, tenant=tenant_id, target=target, address=address, **details
    )
