"""The sessions to the in-house servers, in memory. One is made and opened when it is first needed.

A task of its own opens and closes them: what anyio opens in one task cannot be closed in another, and the first to need
a server is some run, which ends sooner.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import Tool

from tools.host.results import trust_results

MakeServer = Callable[[], MCPServer[Any]]
"""What makes a server, and imports what it is made of; called in a thread."""


@dataclass(frozen=True, slots=True)
class Own:
    """An open session to an in-house server, and its tools by name."""

    client: Client
    tools: Mapping[str, Tool]


class InHouse:
    """Those that are given as servers are open as long as this is; those that are to be made, once they were needed."""

    def __init__(self, servers: Mapping[str, MCPServer[Any] | MakeServer]) -> None:
        self._servers = dict(servers)
        self._opened: dict[str, asyncio.Future[Own]] = {}
        self._wanted: asyncio.Queue[str | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._servers

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep(), name="in-house tools")
        for name, server in self._servers.items():
            if isinstance(server, MCPServer):
                await self.opened(name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None, "it was entered"
        self._wanted.put_nowait(None)
        await self._task
        self._opened.clear()

    async def opened(self, name: str) -> Own:
        """The session to this server; whoever comes first has it opened. Raises what making the server raises."""
        if name not in self._opened:
            self._opened[name] = asyncio.get_running_loop().create_future()
            self._wanted.put_nowait(name)
        return await asyncio.shield(self._opened[name])

    def tools(self) -> dict[str, dict[str, Tool]]:
        """By server and name; of a server that is not open none."""
        return {name: dict(self._tools(name)) for name in self._servers}

    def _tools(self, name: str) -> Mapping[str, Tool]:
        future = self._opened.get(name)
        return future.result().tools if future is not None and future.done() and not future.exception() else {}

    async def _keep(self) -> None:
        async with AsyncExitStack() as stack:
            while (name := await self._wanted.get()) is not None:
                try:
                    self._opened[name].set_result(await self._open(stack, self._servers[name]))
                except Exception as error:  # theirs who need it, and again theirs who need it next
                    self._opened.pop(name).set_exception(error)

    async def _open(self, stack: AsyncExitStack, server: MCPServer[Any] | MakeServer) -> Own:
        made = cast("MCPServer[Any]", server) if isinstance(server, MCPServer) else await asyncio.to_thread(server)
        client = await stack.enter_async_context(Client(made))
        trust_results(client)
        listed = await client.list_tools()
        return Own(client, {tool.name: tool for tool in listed.tools})
