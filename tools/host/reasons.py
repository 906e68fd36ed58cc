"""Why a session ended or could not be opened, in words."""

from typing import cast

from mcp import MCPError
from mcp_types import CONNECTION_CLOSED

from tools.errors import ConsiliaError
from tools.host.listing import visible


def innermost(error: BaseException) -> BaseException:
    """The innermost of a group of errors; one of ours where there is one."""
    while isinstance(error, BaseExceptionGroup):
        inner = cast(BaseExceptionGroup[BaseException], error).exceptions
        error = next((each for each in inner if isinstance(each, ConsiliaError)), inner[0])
    return error


def told(error: BaseException) -> str:
    """An error for people; a server's own words are made visible and cut."""
    if isinstance(error, ConsiliaError):
        return error.message
    if isinstance(error, MCPError):
        return visible(error.message, 500)
    return f"{type(error).__name__}: {error}"[:500]


def closed(error: BaseException) -> bool:
    """Whether an error says no more than that the connection ended."""
    return isinstance(error, MCPError) and error.code == CONNECTION_CLOSED
