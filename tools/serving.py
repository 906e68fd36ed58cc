"""The in-house MCP server: an `MCPServer` whose tools may raise `ConsiliaError`."""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, Final

import orjson
from anyio import CapacityLimiter, to_thread
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp_types import CallToolResult, InputRequiredResult, RequestParamsMeta, TextContent, ToolAnnotations
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from tools.errors import ConsiliaError, InvalidInput

ERROR_META: Final = "consilia/error"
"""Key of a tool result's `_meta` under which an error's code, status and details travel."""

READ_ONLY: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""The annotations of a pure domain function: it changes nothing and asks nobody outside."""


class ToolCrashed(ConsiliaError):
    """A tool met an error that it did not expect; of a confidential server only type and place are told."""

    code = "tool_failed"
    status = 502


Call = Context[None, Any]
"""What a tool is told of the call that it answers, beside its arguments."""

TENANT_META: Final = "consilia/tenant"
"""Key of a tool request's `_meta` under which the host names the tenant that the call is made for."""


class NoTenant(ConsiliaError):
    """A tool that reads a tenant's data was called without one: not through the tool host."""

    code = "no_tenant"
    status = 403


def calling_for(tenant_id: str) -> RequestParamsMeta:
    """The `_meta` of a call for a tenant."""
    return RequestParamsMeta({TENANT_META: tenant_id})  # pyright: ignore[reportArgumentType]


def tenant_of(context: Call) -> str:
    """The tenant of the call in hand. Raises NoTenant."""
    meta: Any = context.request_context.meta or {}
    tenant_id = meta.get(TENANT_META)
    if not isinstance(tenant_id, str) or not tenant_id:
        raise NoTenant(f"the call names no tenant; it must come with {TENANT_META!r} in its _meta")
    return tenant_id


class ToolServer(MCPServer[None]):
    """An MCP server over domain functions; a `ConsiliaError` of a tool reaches the client with code and message.

    confidential: its tools see text about people, so an unexpected error keeps its words out of the log too.
    """

    confidential: bool = False

    def serve_in_parts(self, *names: str, at_once: CapacityLimiter | None = None) -> None:
        """Let registered synchronous tools with large results write them in their own threads, one item at a time.

        To check and write a result of many megabytes in one call, as the SDK does on the event loop, held that loop for
        seconds; pydantic's core lets no other thread run meanwhile. The result is a model that the tool has made, so
        it is valid, and its schema stays published. at_once: how many calls of these tools may compute at a moment; a
        crowd of threads that compute keeps the event loop waiting for its turn.
        """
        for name in names:
            tool = self._tool_manager.get_tool(name)
            assert tool is not None, "registered before"
            tool.fn, tool.fn_metadata.output_model = _in_parts(tool.fn, at_once), None
            tool.is_async = True

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError as crash:
            cause = crash.__cause__
            if self.confidential and not isinstance(cause, ConsiliaError):
                cause = ToolCrashed(f"tool {name} failed with {type(cause).__name__} at {_place(cause)}", tool=name)
            if not isinstance(cause, ConsiliaError):
                raise
            return _failed(cause)
        except ToolError as refused:
            if not isinstance(refused.__cause__, ValidationError):
                raise
            return _failed(_wrong_arguments(name, refused.__cause__))


_DEPTH: Final = 2
"""Lists and tables within a model down to which a part is written by itself; what lies deeper is small."""


def _in_parts(
    function: Callable[..., BaseModel], at_once: CapacityLimiter | None
) -> Callable[..., Awaitable[CallToolResult]]:
    def written(*arguments: Any, **named: Any) -> CallToolResult:
        content = in_parts(function(*arguments, **named))
        text = orjson.dumps(content).decode()
        return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=content)

    @wraps(function)
    async def served(*arguments: Any, **named: Any) -> CallToolResult:
        return await to_thread.run_sync(partial(written, *arguments, **named), limiter=at_once)

    return served


def in_parts(model: BaseModel) -> dict[str, Any]:
    """A model as JSON, the items of its lists one by one, so that other threads run in between."""
    return {name: _part(getattr(model, name)) for name in type(model).model_fields}


def _part(value: Any, depth: int = 0) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case list() | tuple() if depth < _DEPTH:
            return [_part(each, depth + 1) for each in value]  # pyright: ignore[reportUnknownVariableType], any model's items
        case dict() if depth < _DEPTH:
            return {str(name): _part(each, depth + 1) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case _:
            return to_jsonable_python(value)


def _failed(error: ConsiliaError) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=error.message)], is_error=True, _meta={ERROR_META: error.as_payload()}
    )


def _wrong_arguments(tool: str, error: ValidationError) -> InvalidInput:
    """Which arguments do not fit and what they should be; their values are left out, since they may be confidential."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults[:5])
    more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
    return InvalidInput(f"arguments of {tool} that do not fit: {told}{more}", tool=tool)


def _place(error: BaseException | None) -> str:
    """File and line where an error was raised."""
    trace = error.__traceback__ if error is not None else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
