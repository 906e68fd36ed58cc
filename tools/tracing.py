"""The span of a tool call (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/#execute-tool-span).

Nothing of it is recorded unless the service has set an exporter. The MCP library makes spans of its own below this one,
and takes the trace on to the tool's server in the request's `_meta` (W3C Trace Context).
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from tools.errors import ConsiliaError

_TRACER: Final = trace.get_tracer("consilia")


@contextmanager
def tool_span(server: str, tool: str, node: str) -> Generator[None]:
    """Around the call; of an error its code is kept, never its message."""
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool,
        "gen_ai.tool.type": "extension",
        "consilia.tool.server": server,
        "consilia.node": node,
    }
    with _TRACER.start_as_current_span(
        f"execute_tool {tool}",
        kind=SpanKind.INTERNAL,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", error.code if isinstance(error, ConsiliaError) else type(error).__name__)
            raise
