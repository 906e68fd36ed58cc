"""Everything a service process owns, opened and closed in one place."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from agents.pool import Pool
from service.auth import Keys
from service.database import assistants, migrate, sealing
from service.database.engine import Database, open_database
from service.runs.executor import Executor
from service.runs.schedule import Scheduler
from service.runs.stream import Feeds
from service.settings import Limits, Settings
from tools.contracts import server as contracts
from tools.documents import server as documents
from tools.documents.limits import Limits as DocumentLimits
from tools.host import ToolHost, ToolLimits
from workflows import loading
from workflows.contract_review.graph import workflow as contract_review
from workflows.registry import Registry


@dataclass(frozen=True, slots=True)
class House:
    """The open resources of one process."""

    settings: Settings
    database: Database
    registry: Registry
    host: ToolHost
    keys: Keys
    feeds: Feeds
    executor: Executor
    scheduler: Scheduler


def workflows(settings: Settings) -> Registry:
    """The workflows that come with Consilia, and the user's own. Raises GraphNotLoadable."""
    ours = [contract_review()]
    theirs = [loading.load(name, path, settings.config_dir) for name, path in settings.workflows.items()]
    if settings.langgraph_json is not None:
        declared = loading.read_langgraph_json(settings.langgraph_json)
        loading.apply_environment(declared.environment)
        theirs += [loading.load(name, path, declared.folder, told) for name, (path, told) in declared.graphs.items()]
    return Registry([*ours, *theirs])


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncGenerator[House]:
    """Open the database (a SQLite one is upgraded), the tools and the executor; close them in reverse."""
    limits = settings.limits
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database_url))
        await migrate.ensure(database)
        registry = workflows(settings)
        await assistants.ensure_defaults(database, registry.descriptions())
        tool_limits = ToolLimits(seconds=limits.tool_seconds, result_bytes=limits.tool_result_bytes)
        servers = {"documents": documents.server(_document_limits(limits)), "contracts": contracts.server()}
        host = await stack.enter_async_context(ToolHost(servers, tool_limits))
        feeds = Feeds(database)
        sealer = await asyncio.to_thread(sealing.sealer, settings.sealing, settings.data_dir)
        executor = await stack.enter_async_context(Executor(database, registry, host, Pool(), feeds, limits, sealer))
        scheduler = await stack.enter_async_context(Scheduler(database))
        keys = Keys(database, settings.data_dir)
        yield House(settings, database, registry, host, keys, feeds, executor, scheduler)


def _document_limits(limits: Limits) -> DocumentLimits:
    return DocumentLimits(
        max_bytes=limits.upload_bytes,
        max_pages=limits.pages,
        max_seconds=limits.parse_seconds,
        max_memory=limits.parse_memory_bytes,
        max_decompressed=limits.decompressed_bytes,
    )
