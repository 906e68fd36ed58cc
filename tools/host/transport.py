"""How a server is reached, by its settings: a program on stdio, or a URL; watched for its end and for floods."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self, cast

from mcp.client.streamable_http import streamable_http_client
from mcp_types import JSONRPCError, JSONRPCResponse

from tools.host.faults import ServerUnavailable
from tools.host.flood import Flooded, FloodGate
from tools.host.http import GuardedClient
from tools.host.reaper import Reaper
from tools.host.secret_source import SecretSource
from tools.host.settings import ServerSettings
from tools.host.stdio import StdioServer

Transport = AbstractAsyncContextManager[Any]
Ended = Callable[[str | None], None]
"""Told when the reading side ends: with the reason where it was a flood, else None."""


def program(name: str, told: ServerSettings, folder: Path, reaper: Reaper) -> StdioServer:
    """The program of a server on stdio. Raises ServerUnavailable where a secret is not there."""
    return StdioServer(
        name,
        told.command,
        {variable: _value(name, each) for variable, each in told.env.items()},
        ((folder / told.folder) if told.folder else folder).absolute(),
        longest_line=told.result_bytes + 1024,
        unasked_per_second=told.unasked_per_second,
        secrets=[each.bare() for each in told.env.values() if isinstance(each, SecretSource)],
        reaper=reaper,
    )


async def over_http(name: str, told: ServerSettings, connect_seconds: float, stack: AsyncExitStack) -> Transport:
    """The transport to a URL; its client is closed with the stack. Raises ServerUnavailable where a secret is not
    there."""
    headers = {header: _value(name, each) for header, each in told.headers.items()}
    try:
        http = GuardedClient(name, told, headers, connect_seconds)
    except ValueError as error:
        raise ServerUnavailable(f"tools.servers.{name}: {error}", server=name) from None
    await stack.enter_async_context(http)
    return streamable_http_client(told.url, http_client=http, max_sse_event_size=told.result_bytes + 1024)


def _value(server: str, told: str | SecretSource) -> str:
    try:
        return told if isinstance(told, str) else told.read()
    except ValueError as error:
        raise ServerUnavailable(f"tools.servers.{server}: {error}", server=server) from None


@asynccontextmanager
async def watched(inner: Transport, gate: FloodGate, ended: Ended) -> AsyncGenerator[tuple[Any, Any]]:
    """The transport, telling when its reading side ends, and ended when the server floods it."""
    async with inner as (read, write):
        yield _Watched(read, gate, ended), write


class _Watched:
    """A read stream that tells why it ends, and counts what answers no request."""

    def __init__(self, inner: Any, gate: FloodGate, ended: Ended) -> None:
        self._inner = inner
        self._gate = gate
        self._ended = ended

    @property
    def last_context(self) -> Any:
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Any:
        return await self._inner.receive()

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __aiter__(self) -> AsyncIterator[Any]:
        return cast(AsyncIterator[Any], self)

    async def __anext__(self) -> Any:
        try:
            item = await self._inner.__anext__()
            if not isinstance(getattr(item, "message", None), JSONRPCResponse | JSONRPCError):
                self._gate.unasked()
            return item
        except Flooded as flooded:
            self._ended(str(flooded))
            raise StopAsyncIteration from None
        except BaseException:
            self._ended(None)
            raise

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *about: Any) -> Any:
        return await self._inner.__aexit__(*about)
