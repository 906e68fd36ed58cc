"""What was seen here, in the audit log. What is done is written there by the service's own middleware."""

from fastapi import Request

from service.admin.roles import Visitor
from service.database.audit import Act, Detail
from service.house import House


async def record(
    request: Request, house: House, visitor: Visitor, action: str, tenant_id: str, target: str, **details: Detail
) -> None:
    """Returns when it is in the log. action: such as "run.reveal". target: the id of what was seen."""
    address = request.client.host if request.client else ""
    who = visitor.caller.key_id
    await house.audit.write(Act(who, action, target, tenant_id, address, 200, {"name": visitor.name, **details}))
