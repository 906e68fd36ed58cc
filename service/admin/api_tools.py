"""The admin JSON API: tool servers, what has changed since it was pinned, and accepting that."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from service import tool_servers
from service.admin.access import TheAdmin, TheVisitor
from service.admin.api_figures import Days
from service.admin.finding import sight_of
from service.admin.roles import Visitor
from service.admin.showing import shown_error
from service.api.access import TheHouse
from service.database import figures
from service.house import House
from service.tool_servers import Difference
from tools.errors import InvalidInput

router = APIRouter(prefix="/admin/api/tools", tags=["admin"])


class OfferedTool(BaseModel):
    """A tool. pin: in-house, pinned, changed or new; the last two are blocked. allowed: which workflows may call it."""

    name: str
    title: str
    description: str
    effects: str
    pin: str
    pinned: str
    allowed: dict[str, str]
    definition: dict[str, Any]


class ToolServer(BaseModel):
    """A server. fault: why there is no session. refused: tools that cannot be used, and why."""

    name: str
    reached: str
    state: str
    fault: str | None
    starts: int
    tools: list[OfferedTool]
    refused: dict[str, str]


class ChangedTool(BaseModel):
    """A tool that is not as it was pinned. diff: unified, of the definitions. seen_digest: what accepting it names."""

    server: str
    tool: str
    kind: str
    diff: str
    seen_digest: str
    seen_at: datetime
    pinned_by: str | None
    pinned_at: datetime | None


class FailedToolCall(BaseModel):
    """A tool call that failed. run_id: in which run."""

    run_id: str
    server: str
    tool: str
    error: Any
    started_at: datetime


class Accepted(BaseModel):
    """The change that is accepted: that of `seen_digest`, and no later one."""

    server: str = Field(max_length=200)
    tool: str = Field(max_length=300)
    seen_digest: str = Field(max_length=100)


@router.get("")
async def tools(house: TheHouse, visitor: TheVisitor) -> list[ToolServer]:
    """Servers with their tools: what they do, their pins, who may call them."""
    shown = await tool_servers.servers(house, wait=False)
    return [ToolServer.model_validate(asdict(each)) for each in shown]


@router.get("/errors")
async def errors(house: TheHouse, visitor: TheVisitor, days: Days = 30) -> list[FailedToolCall]:
    """The last twenty calls that failed, newest first."""
    return await failed(house, visitor, days)


async def failed(house: House, visitor: Visitor, days: float) -> list[FailedToolCall]:
    since = datetime.now(UTC) - timedelta(days=days)
    rows = await figures.failed_tool_calls(house.database, visitor.tenant, since)

    def told() -> list[FailedToolCall]:
        faults = [shown_error(row["error"], sight_of(house, visitor, row["graph_id"])) for row in rows]
        return [FailedToolCall.model_validate({**row, "error": fault}) for row, fault in zip(rows, faults, strict=True)]

    return await asyncio.to_thread(told)


@router.get("/changes")
async def changes(house: TheHouse, visitor: TheAdmin) -> list[ChangedTool]:
    """Tools that are not as they were pinned, and so blocked. For the installation's admins."""
    return [ChangedTool.model_validate(asdict(each)) for each in await changed(house, visitor)]


@router.post("/changes")
async def accept(body: Accepted, house: TheHouse, visitor: TheAdmin) -> list[ChangedTool]:
    """Pin what a server says of a tool now; the changes that are left. 422 when it has changed again since.
    For the installation's admins."""
    await accepted(house, visitor, body.server, body.tool, body.seen_digest)
    return [ChangedTool.model_validate(asdict(each)) for each in await changed(house, visitor)]


async def changed(house: House, visitor: Visitor) -> list[Difference]:
    visitor.caller.require_installation()
    return await tool_servers.differences(house.database)


async def accepted(house: House, visitor: Visitor, server: str, tool: str, digest: str) -> None:
    """Raises NotPermitted; InvalidInput when the tool is no longer as it was shown."""
    visitor.caller.require_installation()
    found = await tool_servers.differences(house.database, server, tool)
    shown = [each for each in found if each.seen_digest == digest]
    if not await tool_servers.accept(house.database, server, tool, f"{visitor.name} ({visitor.caller.key_id})", shown):
        raise InvalidInput(f"{server}/{tool} is no longer as it was shown; look at it anew")
