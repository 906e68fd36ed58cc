"""The user's tool servers as people see them: what they offer, what is pinned, what has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from mcp_types import Tool
from sqlalchemy import RowMapping

from service.database import tool_pins
from service.database.engine import Database
from service.house import House
from tools.host import UnknownTool, policy, visible
from tools.host.permission import effects
from tools.host.pins import difference
from tools.host.session import Session
from tools.host.stdio import command_shown

PinState = Literal["in-house", "pinned", "changed", "new"]
"""in-house: needs no pin. pinned: as it was accepted. changed, new: blocked until an admin accepts it."""


@dataclass(frozen=True, slots=True)
class ToolShown:
    """A tool as its server lists it. allowed: which workflows may call it, and how ("", "without approval", "after
    untrusted"); in-house tools are named by the workflows themselves. pinned: by whom and when."""

    server: str
    name: str
    title: str
    description: str
    effects: str
    pin: PinState
    pinned: str
    allowed: dict[str, str]
    definition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServerShown:
    """A server. reached: its URL or command; empty for an in-house one. fault: why there is no session. refused: tools
    that cannot be used, with the reason."""

    name: str
    reached: str
    state: str
    fault: str | None
    starts: int
    tools: tuple[ToolShown, ...]
    refused: dict[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A tool that is not as it was pinned. diff: unified, of the definitions as JSON; of a new tool all of it."""

    server: str
    tool: str
    kind: Literal["changed", "new"]
    diff: str
    seen_digest: str
    seen_at: datetime
    pinned_by: str | None
    pinned_at: datetime | None


async def servers(house: House, only: str | None = None, *, wait: bool = True) -> list[ServerShown]:
    """Every server, in-house ones first; or the one named. wait: for the sessions that are not open yet.

    Raises UnknownTool for a server there is not.
    """
    known = [*house.host.tools()]
    if only is not None and only not in known:
        raise UnknownTool(f"there is no tool server {visible(only)!r}; there are: {', '.join(known)}", server=only)
    chosen = known if only is None else [only]
    await house.host.opened([name for name in chosen if wait or house.host.in_house(name)])
    pins = {(row["server"], row["tool"]): row for row in await tool_pins.listing(house.database)}
    return [_server(house, name, pins) for name in chosen]


async def differences(database: Database, server: str | None = None, tool: str | None = None) -> list[Difference]:
    """The tools that are not as they were pinned, as their servers were last seen; read from the database alone."""
    rows = await tool_pins.listing(database, server, tool)
    return [_difference(row) for row in rows if row["digest"] != row["seen_digest"]]


async def accept(
    database: Database, server: str, tool: str | None, by: str, shown: Sequence[Difference] | None = None
) -> list[str]:
    """Pin what the server was last seen to say of the tool, or of all its tools; the names of those that it changed.

    by: who accepts, for the record. shown: what they were shown; a tool that has changed again since is not pinned.
    Raises UnknownTool where nothing was ever seen.
    """
    rows = await tool_pins.listing(database, server, tool)
    if not rows:
        named = f"tool {server}/{visible(tool)}" if tool else f"tool of server {visible(server)!r}"
        raise UnknownTool(f"no {named} was ever seen; consilia tools list {visible(server)} opens it", server=server)
    changed = [row for row in rows if row["digest"] != row["seen_digest"]]
    digests = {each.tool: each.seen_digest for each in shown} if shown is not None else None
    accepted = [row for row in changed if digests is None or digests.get(row["tool"]) == row["seen_digest"]]
    for row in accepted:
        await tool_pins.accept(database, row["server"], row["tool"], row["seen_digest"], by)
    return [row["tool"] for row in accepted]


def _server(house: House, name: str, pins: dict[tuple[str, str], RowMapping]) -> ServerShown:
    session = house.host.sessions.get(name)
    tools = house.host.tools()[name]
    shown = tuple(_tool(house, name, tools[tool], session, pins.get((name, tool))) for tool in sorted(tools))
    if session is None:
        return ServerShown(name, "", "in-house", None, 1, shown, {})
    told = session.settings
    return ServerShown(
        name=name,
        reached=told.url.partition("?")[0] or command_shown(told.command),
        state=session.state,
        fault=session.fault,
        starts=session.starts,
        tools=shown,
        refused=dict(session.offer.listing.refused),
    )


def _tool(house: House, server: str, tool: Tool, session: Session | None, pin: RowMapping | None) -> ToolShown:
    state: PinState = "in-house"
    believe, definition, pinned = True, tool.model_dump(mode="json", by_alias=True, exclude_none=True), ""
    if session is not None:
        believe, definition = not session.settings.ignore_annotations, session.offer.definitions[tool.name].content
        digest = pin["digest"] if pin is not None else None
        state = (
            "new"
            if digest is None
            else "pinned"
            if digest == session.offer.definitions[tool.name].digest
            else "changed"
        )
        if pin is not None and pin["pinned_at"] is not None:
            pinned = f"{pin['pinned_by']}, {cast(datetime, pin['pinned_at']):%Y-%m-%d %H:%M} UTC"
    return ToolShown(
        server=server,
        name=tool.name,
        title=visible(tool.title or ""),
        description=visible(tool.description or "", 2000),
        effects=str(effects(tool, in_house=session is None, believe=believe)),
        pin=state,
        pinned=pinned,
        allowed=_allowed(house, server, tool.name),
        definition=definition,
    )


def _allowed(house: House, server: str, tool: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in house.registry.names():
        given = policy(house.settings.tools, name, house.registry.get(name).tools)
        if given.entry(server, tool) is not None:
            after = given.excuse(server, tool, tainted=True)
            found[name] = (after or given.excuse(server, tool, tainted=False) or "").replace("_", " ")
    return found


def _difference(row: RowMapping) -> Difference:
    return Difference(
        server=row["server"],
        tool=row["tool"],
        kind="new" if row["digest"] is None else "changed",
        diff=difference(f"{row['server']}/{row['tool']}", row["definition"], row["seen_definition"]),
        seen_digest=row["seen_digest"],
        seen_at=row["seen_at"],
        pinned_by=row["pinned_by"],
        pinned_at=row["pinned_at"],
    )
