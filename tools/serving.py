"""The in-house MCP server: an `MCPServer` whose tools may raise `ConsiliaError`."""

from typing import Any, Final

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import UnexpectedToolError
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations

from tools.errors import ConsiliaError

ERROR_META: Final = "consilia/error"
"""Key of a tool result's `_meta` under which an error's code, status and details travel."""

READ_ONLY: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""The annotations of a pure domain function: it changes nothing and asks nobody outside."""


class ToolServer(MCPServer[None]):
    """An MCP server over domain functions; a `ConsiliaError` of a tool reaches the client with code and message."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError as crash:
            cause = crash.__cause__
            if not isinstance(cause, ConsiliaError):
                raise
            return CallToolResult(
                content=[TextContent(type="text", text=cause.message)],
                is_error=True,
                _meta={ERROR_META: cause.as_payload()},
            )
