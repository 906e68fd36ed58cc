"""Our MCP server over stdio, self-contained: the house is opened in this process."""

from collections.abc import Sequence
from pathlib import Path

from service.auth import Caller
from service.database import runs
from service.database.engine import sqlite_path
from service.database.tables import DEFAULT_TENANT
from service.house import House, open_house
from service.mcp.calls import Calls, Context
from service.mcp.reception import Reception
from service.mcp.server import build
from service.mcp.wire import standard_streams
from service.runs.presence import Presence
from service.settings import Settings

_USER = Caller(DEFAULT_TENANT, "stdio", ("admin",), "stdio")
"""Whoever can start this process can read its database: there is nobody else to tell apart."""


async def _take_up(house: House) -> None:
    """Go on with runs that the client's last process was cut off from; where a service has the database, it does."""
    owner = house.queue.owner
    if owner is None:
        return
    path = sqlite_path(house.settings.database_url)
    presence = Presence(path.with_name(f"{path.name}.processes"), owner)
    if presence.served():
        return
    for row in await runs.unfinished(house.database):
        left_by: str | None = row["executor"]
        if left_by is not None and presence.alive(left_by):
            continue
        taken = await runs.adopt(house.database, row["run_id"], left_by, owner)
        if taken is not None:
            house.queue.submit(dict(taken))


async def serve(settings: Settings, folders: Sequence[Path]) -> None:
    """Serve one client on standard input and output until it closes them.

    folders: what may be read of this machine where the client names no roots.
    """

    def caller(context: Context) -> Caller:
        return _USER

    async with open_house(settings) as house:
        await _take_up(house)
        calls = Calls(house)
        server, watches = build(Reception(house, calls, caller, folders))
        async with standard_streams() as (read, write):
            await server.run(read, write, server.create_initialization_options())
        calls.closing.set()
        watches.close()
