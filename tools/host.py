"""The one door through which a workflow calls a tool.

The host opens an MCP session to each server once and keeps it open. A workflow's run gets a `Toolbox`: the host bound
to that run's ledger and to what its workflow may call. Every call is recorded, and a call that had returned before a
crash is answered from its record instead of being made again.
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson
from mcp import Client, MCPError
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, RequestParamsMeta, TextContent, Tool
from pydantic import BaseModel

from tools.errors import ConsiliaError
from tools.record import Place, ToolCall, ToolLedger
from tools.serving import ERROR_META, calling_for

Answer = TypeVar("Answer", bound=BaseModel)


class UnknownTool(ConsiliaError):
    code = "unknown_tool"
    status = 404


class ToolForbidden(ConsiliaError):
    """The workflow's permission does not include the tool."""

    code = "tool_forbidden"
    status = 403


class ToolTimeout(ConsiliaError):
    code = "tool_timeout"
    status = 504


class ToolResultTooLarge(ConsiliaError):
    code = "tool_result_too_large"
    status = 502


class ToolFailed(ConsiliaError):
    """A tool answered with an error that is not one of ours, or broke the protocol."""

    code = "tool_failed"
    status = 502


@dataclass(frozen=True, slots=True)
class ToolLimits:
    """seconds: longest a call may take. result_bytes: largest result, as JSON."""

    seconds: float = 120.0
    result_bytes: int = 64 * 1024 * 1024


class ToolHost:
    """Open MCP sessions, one a server. Use as an async context manager; calls may come from any task."""

    def __init__(self, servers: Mapping[str, MCPServer[Any]], limits: ToolLimits | None = None) -> None:
        self._servers = dict(servers)
        self._limits = limits or ToolLimits()
        self._clients: dict[str, Client] = {}
        self._tools: dict[str, dict[str, Tool]] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for name, server in self._servers.items():
            client = await self._stack.enter_async_context(Client(server))
            _trust(client)
            listed = await client.list_tools()
            self._clients[name] = client
            self._tools[name] = {tool.name: tool for tool in listed.tools}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        self._clients.clear()

    def tools(self) -> dict[str, dict[str, Tool]]:
        """Every tool by server and name."""
        return {server: dict(tools) for server, tools in self._tools.items()}

    async def call(
        self, server: str, tool: str, arguments: dict[str, Any], tenant_id: str | None = None
    ) -> dict[str, Any]:
        """The tool's structured result; a text result comes as `{"text": …}`.

        tenant_id: for whom the call is made. It travels in the request's `_meta`, where a model, which writes only
        arguments, cannot put it; every server here is one of ours and runs in this process.

        Raises UnknownTool, ToolTimeout, ToolResultTooLarge, ToolFailed, or the tool's own ConsiliaError.
        """
        if tool not in self._tools.get(server, {}):
            known = ", ".join(f"{name}/{each}" for name, tools in sorted(self._tools.items()) for each in sorted(tools))
            raise UnknownTool(f"there is no tool {server}/{tool}; known are: {known}", server=server, tool=tool)
        try:
            async with asyncio.timeout(self._limits.seconds):
                meta: RequestParamsMeta | None = None if tenant_id is None else calling_for(tenant_id)
                result = await self._clients[server].call_tool(tool, arguments, meta=meta)
        except TimeoutError:
            message = f"tool {server}/{tool} gave no answer within {self._limits.seconds:g} s"
            raise ToolTimeout(message, server=server, tool=tool, seconds=self._limits.seconds) from None
        except MCPError as error:
            raise ToolFailed(f"tool {server}/{tool} failed: {error}", server=server, tool=tool) from error
        return self._checked(server, tool, result)

    def _checked(self, server: str, tool: str, result: CallToolResult) -> dict[str, Any]:
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        if result.is_error:
            payload = (result.meta or {}).get(ERROR_META)
            if isinstance(payload, dict):
                raise ConsiliaError.from_payload(payload)  # pyright: ignore[reportUnknownArgumentType]
            raise ToolFailed(f"tool {server}/{tool} failed: {text or 'no message'}", server=server, tool=tool)
        content: dict[str, Any] = {"text": text}
        if isinstance(result.structured_content, dict):
            content = {str(key): value for key, value in result.structured_content.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType, reportUnknownArgumentType]
        size = len(text)
        if size > self._limits.result_bytes:
            raise ToolResultTooLarge(
                f"tool {server}/{tool} answered with {size} bytes; the limit is {self._limits.result_bytes}",
                server=server,
                tool=tool,
                size=size,
            )
        return content


def _trust(client: Client) -> None:
    """Leave out the check of an in-house server's results against its own schema.

    Pydantic has checked them when they were made and does again when they are used; the check between, in pure Python,
    held the event loop for seconds on the result of a long document (4.9 s of 6 s for 500 pages).
    """

    async def unchecked(name: str, result: CallToolResult) -> None: ...

    setattr(client.session, "validate_tool_result", unchecked)  # noqa: B010, a method is no attribute to pyright


@dataclass(slots=True)
class Toolbox:
    """The tools of one run: `await tools.call(place, "contracts", "split_clauses", {...}, Structure)`.

    allowed: server/tool names, or server/*, that the workflow may call. tenant_id: whose run it is; tools that read
    what belongs to a tenant (market data) see this tenant's alone.
    """

    host: ToolHost
    ledger: ToolLedger
    workflow: str
    allowed: frozenset[str]
    tenant_id: str | None = None
    _calls: dict[str, int] = field(default_factory=dict[str, int])

    async def call(
        self,
        place: Place,
        server: str,
        tool: str,
        arguments: dict[str, Any],
        answer: type[Answer],
        *,
        private: bool = False,
    ) -> Answer:
        """Call the tool, record the call, and return its result as `answer`.

        private: arguments and result may identify a person, so the record says only how large they were, an unexpected
        error keeps its words to itself, and after a crash the call is made again.
        """
        raw = await self.call_raw(place, server, tool, arguments, private=private)
        return answer.model_validate(raw)

    async def call_raw(
        self, place: Place, server: str, tool: str, arguments: dict[str, Any], *, private: bool = False
    ) -> dict[str, Any]:
        """Like `call`, for a result of any shape."""
        permission = self._permission(server, tool)
        key = self._key(place, server, tool, arguments)
        kept = await self.ledger.returned(key)
        if kept is not None:
            return kept
        started, clock = datetime.now(UTC), time.perf_counter()
        result: dict[str, Any] | None = None
        failure: dict[str, Any] | None = None
        try:
            result = await self.host.call(server, tool, arguments, self.tenant_id)
            return result
        except ConsiliaError as error:
            if private and isinstance(error, ToolFailed):
                withheld_error = ToolFailed(f"tool {server}/{tool} failed on a private call", server=server, tool=tool)
                failure = withheld_error.as_payload()
                raise withheld_error from None
            failure = error.as_payload()
            raise
        except asyncio.CancelledError:
            failure = {"code": "cancelled", "message": "the run was cancelled during the call"}
            raise
        finally:
            await self.ledger.tool_called(
                ToolCall(
                    key=key,
                    node=place.node,
                    server=server,
                    tool=tool,
                    arguments=withheld(arguments) if private else abbreviated(arguments),
                    result=None if private else result,
                    error=failure,
                    permission=permission,
                    started_at=started,
                    duration_ms=(time.perf_counter() - clock) * 1000,
                )
            )

    def _permission(self, server: str, tool: str) -> str:
        for entry in (f"{server}/{tool}", f"{server}/*"):
            if entry in self.allowed:
                return f"allowed to {self.workflow} by {entry}"
        allowed = ", ".join(sorted(self.allowed)) or "none"
        raise ToolForbidden(
            f"workflow {self.workflow!r} may not call {server}/{tool}; it may call: {allowed}", server=server, tool=tool
        )

    def _key(self, place: Place, server: str, tool: str, arguments: dict[str, Any]) -> str:
        packed = orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.sha256(f"{place.task_id}\0{server}\0{tool}\0".encode() + packed).hexdigest()[:32]
        ordinal = self._calls[digest] = self._calls.get(digest, -1) + 1
        return f"{digest}.{ordinal}"


def withheld(arguments: dict[str, Any]) -> dict[str, Any]:
    """What the record of a private call says of its arguments: their names and sizes."""
    return {name: f"withheld ({len(orjson.dumps(value))} bytes)" for name, value in arguments.items()}


def abbreviated(value: Any, longest: int = 2_000) -> Any:
    """The value with every string over `longest` characters cut, its length and SHA-256 said: a record stays small."""
    match value:
        case str() if len(value) > longest:
            digest = hashlib.sha256(value.encode()).hexdigest()
            return f"{value[:200]}… ({len(value)} characters, sha256 {digest})"
        case dict():
            return {key: abbreviated(each, longest) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list() | tuple():
            return [abbreviated(each, longest) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
