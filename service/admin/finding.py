"""Finding a run as far as the visitor may see it."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from service.admin.masking import Sight
from service.admin.roles import Role, Visitor
from service.api.finding import UnknownRun, checked_uuid
from service.auth import Caller
from service.database.tables import Run
from service.house import House


async def find_run(house: House, visitor: Visitor, run_id: str) -> dict[str, Any]:
    """The run's row. Raises UnknownRun, also for one of a tenant that the visitor may not see."""
    query = select(Run.__table__).where(Run.run_id == checked_uuid("run", run_id))
    if visitor.tenant is not None:
        query = query.where(Run.tenant_id == visitor.tenant)
    async with house.database.reading() as connection:
        row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise UnknownRun(f"there is no run {run_id}, or it is not yours to see", run_id=run_id)
    return dict(row)


def keeps_hidden(house: House, workflow: str | None) -> bool:
    """Whether nothing of what runs of the workflow read and wrote is shown before it is asked for; so it is with what
    is sealed at rest, too. None: of no known workflow."""
    named = house.settings.admin.hidden_workflows
    if workflow is None:
        return bool(named) or house.database.is_sensitive(None)
    return workflow in named or "*" in named or house.database.is_sensitive(workflow)


def sight_of(house: House, visitor: Visitor, workflow: str | None, reveal: bool = False) -> Sight:
    """How much of the content of a workflow's runs is shown to the visitor. reveal: who may see it has asked to."""
    if reveal:
        return Sight.SEEN
    if keeps_hidden(house, workflow):
        return Sight.HIDDEN
    acts = workflow is not None and (visitor.may("invoke", workflow) or visitor.may("approve", workflow))
    return Sight.MASKED if acts or visitor.role is Role.ADMIN else Sight.HIDDEN


def acting_for(visitor: Visitor, tenant_id: str) -> Caller:
    """The caller in whose name something is done to a tenant's rows: the visitor's key, that tenant."""
    return replace(visitor.caller, tenant_id=tenant_id)
