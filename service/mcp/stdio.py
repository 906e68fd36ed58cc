"""Our MCP server over stdio, self-contained: the house is opened in this process."""

from collections.abc import Sequence
from pathlib import Path

from mcp.server.stdio import stdio_server

from service.auth import Caller
from service.database.tables import DEFAULT_TENANT
from service.house import open_house
from service.mcp.calls import Calls, Context
from service.mcp.reception import Reception
from service.mcp.server import build
from service.settings import Settings

_USER = Caller(DEFAULT_TENANT, "stdio", ("admin",), "stdio")
"""Whoever can start this process can read its database: there is nobody else to tell apart."""


async def serve(settings: Settings, folders: Sequence[Path]) -> None:
    """Serve one client on standard input and output until it closes them.

    folders: what may be read of this machine where the client names no roots.
    """

    def caller(context: Context) -> Caller:
        return _USER

    async with open_house(settings) as house:
        calls = Calls(house)
        server, watches = build(Reception(house, calls, caller, folders))
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())
        calls.closing.set()
        watches.close()
