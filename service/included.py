"""What comes with Consilia: three workflows, and the tool servers. Each is imported when it is first needed."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.mcpserver import MCPServer

from service.collecting import pausing
from service.database.engine import Database
from service.settings import Limits, Settings
from tools.documents.limits import Limits as DocumentLimits
from tools.finance.limits import FinanceLimits
from tools.host import ToolHost
from tools.host.in_house import MakeServer
from workflows import contract_review, financial_advisor, medical_translation
from workflows.financial_advisor.limits import AdviceLimits
from workflows.registry import Deferred, Registry, Workflow


def included_workflows(limits: Limits) -> list[Deferred]:
    def review() -> Workflow:
        from workflows.contract_review.graph import workflow

        return workflow()

    def translation() -> Workflow:
        from workflows.medical_translation.graph import workflow

        return workflow()

    def advice() -> Workflow:
        from workflows.financial_advisor.graph import workflow

        return workflow(_advice_limits(limits))

    return [
        Deferred("contract_review", contract_review.DESCRIPTION, review),
        Deferred("medical_translation", medical_translation.DESCRIPTION, translation),
        Deferred("financial_advisor", financial_advisor.DESCRIPTION, advice),
    ]


def included_servers(settings: Settings, database: Database) -> Mapping[str, MakeServer]:
    limits = settings.limits
    reading = document_limits(limits)

    def documents() -> MCPServer[Any]:
        from tools.documents import server

        return server.server(reading)

    def contracts() -> MCPServer[Any]:
        from tools.contracts import server

        return server.server(reading)

    def records() -> MCPServer[Any]:
        from tools.medicine import records_server

        return records_server.server(limits.record_characters, reading)

    def medicine() -> MCPServer[Any]:
        from tools.medicine import server

        return server.server(settings.data_dir / "knowledge")

    def finance() -> MCPServer[Any]:
        from service.database.market import MarketStore
        from tools.finance import server

        return server.server(MarketStore(database), _finance_limits(limits))

    def suitability() -> MCPServer[Any]:
        from tools.suitability import server

        return server.server()

    return {
        "documents": documents,
        "contracts": contracts,
        "records": records,
        "medicine": medicine,
        "finance": finance,
        "suitability": suitability,
    }


@asynccontextmanager
async def preloading(wanted: bool, registry: Registry, host: ToolHost) -> AsyncGenerator[None]:
    """Make in the background what nobody has needed yet, so that the first run does not wait for it.

    wanted: the setting `preload`.
    """
    task = asyncio.create_task(_preload(registry, host), name="preloading") if wanted else None
    try:
        yield
    finally:
        if task is not None:
            await task  # rather than leave a thread at work; it takes a moment at most


async def _preload(registry: Registry, host: ToolHost) -> None:
    with pausing():
        for name in registry.names():
            await asyncio.to_thread(registry.get, name)
        await host.opened([name for name in host.tools() if host.in_house(name)])


def document_limits(limits: Limits) -> DocumentLimits:
    """What reading a document may cost, by the settings."""
    return DocumentLimits(
        max_bytes=limits.upload_bytes,
        max_pages=limits.pages,
        max_seconds=limits.parse_seconds,
        max_memory=limits.parse_memory_bytes,
        max_decompressed=limits.decompressed_bytes,
    )


def _advice_limits(limits: Limits) -> AdviceLimits:
    return AdviceLimits(
        question=limits.question_characters,
        holdings=limits.holdings,
        explored=limits.explorer_calls,
        tokens=limits.explorer_tokens,
        seconds=limits.explorer_seconds,
    )


def _finance_limits(limits: Limits) -> FinanceLimits:
    return FinanceLimits(
        stale_days=limits.stale_days,
        funds=limits.funds,
        cells=limits.projection_cells,
        points=limits.history_points,
    )
