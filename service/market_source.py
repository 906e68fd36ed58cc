"""A user's own MCP server as a live source of market data."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from service.settings import MarketSourceSettings
from tools.errors import ConsiliaError, InvalidInput
from tools.finance.market import Quotes
from tools.host import Foreign, ToolHost, ToolLimits
from tools.host.settings import ServerSettings, ToolsSettings


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
        arguments: dict[str, Any] = {
            "series_id": series_id,
            "start": start.isoformat() if start else None,
            "end": end.isoformat() if end else None,
        }
        server = ServerSettings(url=told.url, command=told.command, allow_networks=told.allow_networks)
        limits = ToolLimits(seconds=told.seconds)
        try:
            async with ToolHost({}, limits, Foreign(ToolsSettings(servers={"source": server}))) as host:
                result = await host.call("source", told.tool, arguments)
        except ConsiliaError as error:
            why = error.message.replace("tools.servers.source", f"market_sources.{self._name}")
            raise MarketSourceFailed(
                f"the market source {self._name!r} gave no answer for {series_id}: {why}", source=self._name
            ) from error
        try:
            answer = Answer.model_validate(result)
        except ValidationError as error:
            fault = error.errors()[0]
            raise MarketSourceFailed(
                f"the market source {self._name!r} answers in a form that is not read: "
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}",
                source=self._name,
            ) from None
        return Quotes(answer.currency, [(each.day, each.value) for each in answer.points])


def source(name: str, sources: dict[str, MarketSourceSettings]) -> McpSource:
    """The source of this name. Raises InvalidInput with the names that are configured."""
    if name not in sources:
        known = ", ".join(sorted(sources)) or "none; add [market_sources.NAME] to consilia.toml"
        raise InvalidInput(f"there is no market source {name!r}; configured: {known}", field="source")
    return McpSource(name, sources[name])
