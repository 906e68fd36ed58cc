"""A user's own MCP server as a live source of market data."""

from datetime import date
from typing import Any, cast

from mcp import Client, MCPError, StdioServerParameters
from mcp_types import TextContent
from pydantic import BaseModel, ConfigDict, ValidationError

from service.settings import MarketSourceSettings
from tools.errors import ConsiliaError, InvalidInput
from tools.finance.market import Quotes


class MarketSourceFailed(ConsiliaError):
    """A live source that cannot be reached, answers with an error, or not in the form that is documented."""

    code = "market_source_failed"
    status = 502


class Point(BaseModel):
    """One value of the answer. Fields beyond these are ignored."""

    model_config = ConfigDict(frozen=True)

    day: date
    value: float


class Answer(BaseModel):
    """What the source's tool answers with, as structured content."""

    model_config = ConfigDict(frozen=True)

    currency: str | None = None
    points: list[Point]


class McpSource:
    """`tools.finance.market.MarketSource` over MCP.

    Calls the tool with `series_id`, `start` and `end` (ISO 8601 or null), and reads
    `{"currency": "USD", "points": [{"day": "2026-01-02", "value": 1.0}]}` from its structured content.
    """

    def __init__(self, name: str, settings: MarketSourceSettings) -> None:
        self._name = name
        self._settings = settings

    @property
    def label(self) -> str:
        return self._settings.label or self._name

    async def fetch(self, series_id: str, start: date | None, end: date | None) -> Quotes:
        told = self._settings
        server = told.url or StdioServerParameters(command=told.command[0], args=told.command[1:])
        arguments: dict[str, Any] = {
            "series_id": series_id,
            "start": start.isoformat() if start else None,
            "end": end.isoformat() if end else None,
        }
        try:
            async with Client(server, read_timeout_seconds=told.seconds) as client:
                result = await client.call_tool(told.tool, arguments)
        except (MCPError, OSError, ExceptionGroup) as error:
            raise MarketSourceFailed(
                f"the market source {self._name!r} gave no answer for {series_id}: {_first(error)}", source=self._name
            ) from error
        if result.is_error:
            text = " ".join(part.text for part in result.content if isinstance(part, TextContent))
            raise MarketSourceFailed(
                f"the market source {self._name!r} refused {series_id}: {text[:300]}", source=self._name
            )
        try:
            answer = Answer.model_validate(result.structured_content)
        except ValidationError as error:
            fault = error.errors()[0]
            raise MarketSourceFailed(
                f"the market source {self._name!r} answers in a form that is not read: "
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}",
                source=self._name,
            ) from None
        return Quotes(answer.currency, [(each.day, each.value) for each in answer.points])


def _first(error: BaseException) -> str:
    found = error
    while isinstance(found, BaseExceptionGroup):
        found = cast(BaseExceptionGroup[BaseException], found).exceptions[0]
    return f"{type(found).__name__}: {found}"


def source(name: str, sources: dict[str, MarketSourceSettings]) -> McpSource:
    """The source of this name. Raises InvalidInput with the names that are configured."""
    if name not in sources:
        known = ", ".join(sorted(sources)) or "none; add [market_sources.NAME] to consilia.toml"
        raise InvalidInput(f"there is no market source {name!r}; configured: {known}", field="source")
    return McpSource(name, sources[name])
