"""An MCP server of a user's, with prices; the test of live sources starts it on stdio."""

import sys

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel


class Point(BaseModel):
    day: str
    value: float


class Values(BaseModel):
    currency: str
    points: list[Point]


prices = MCPServer("prices")


@prices.tool()
def daily_values(series_id: str, start: str | None, end: str | None) -> Values:
    known = {"2026-01-05": 1.0, "2026-01-06": 1.01, "2026-01-07": 1.02}
    if series_id == "BROKEN":
        known["2026-01-08"] = -1.0
    if series_id == "NONE":
        raise ToolError("no such series")
    points = [Point(day=day, value=value) for day, value in known.items() if start is None or day >= start]
    return Values(currency="USD", points=points)


@prices.tool()
def other_form(series_id: str, start: str | None, end: str | None) -> dict[str, int]:
    return {"price": 1}


if __name__ == "__main__":
    prices.run(sys.argv[1] if len(sys.argv) > 1 else "stdio")  # pyright: ignore[reportArgumentType, reportCallIssue]
