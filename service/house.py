"""Everything a service process owns, opened and closed in one place."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
from mcp.server.mcpserver import MCPServer
from pydantic import ValidationError

from agents.pool import Pool
from service.auth import Keys, pepper
from service.auth.audit import Audit
from service.auth.budgets import Budgets
from service.auth.gate import Gate
from service.auth.leases import LeasedRates
from service.auth.tokens import ExternalTokens
from service.collecting import collecting
from service.database import assistants, migrate, sealing
from service.database.engine import Database, conninfo, open_database, sqlite_path
from service.database.tool_pins import DatabasePins
from service.draining import Draining
from service.included import included_servers, included_workflows
from service.runs.checkpoints import DatabaseSaver
from service.runs.desks import Desks
from service.runs.executor import Executor
from service.runs.loop_guard import LoopGuard
from service.runs.node_threads import NodeThreads
from service.runs.presence import Presence, process_name
from service.runs.queue import LocalQueue, Queue
from service.runs.schedule import Scheduler
from service.runs.serializing import serializer
from service.runs.stream import Feeds
from service.runs.sweeping import Sweeper
from service.runs.webhooks import Courier, signing_key
from service.settings import InvalidSettings, Settings, ThreadSettings
from service.telemetry.meters import Meters
from tools.errors import ConsiliaError
from tools.host import Foreign, ToolHost, ToolLimits
from workflows import loading
from workflows.registry import Registry, Workflow


class WorkerNeedsPostgresql(ConsiliaError):
    code = "worker_needs_postgresql"
    status = 409


@dataclass(frozen=True, slots=True)
class House:
    """The open resources of one process. secret: of this installation, for hashes that nobody else can make."""

    settings: Settings
    database: Database
    registry: Registry
    host: ToolHost
    pool: Pool
    keys: Keys
    gate: Gate
    audit: Audit
    budgets: Budgets
    feeds: Feeds
    queue: Queue
    saver: DatabaseSaver
    scheduler: Scheduler
    meters: Meters
    secret: bytes

    def saver_of(self, graph_id: str) -> DatabaseSaver:
        """The saver that reads the checkpoints of one workflow, and none but its types. Raises UnknownWorkflow."""
        return DatabaseSaver(self.database, serde=serializer(self.database, self.registry.get(graph_id)))


@dataclass(frozen=True, slots=True)
class Additions:
    """What a program that embeds Consilia brings along: workflows, and tool servers by name."""

    workflows: Sequence[Workflow] = ()
    servers: Mapping[str, MCPServer[Any]] = field(default_factory=dict[str, MCPServer[Any]])


def workflows(settings: Settings, added: Sequence[Workflow] = ()) -> Registry:
    """The workflows that come with Consilia, and the user's own. Raises GraphNotLoadable."""
    theirs = [loading.load(name, path, settings.config_dir) for name, path in settings.workflows.items()]
    if settings.langgraph_json is not None:
        declared = loading.read_langgraph_json(settings.langgraph_json)
        loading.apply_environment(declared.environment)
        theirs += [loading.load(name, path, declared.folder, told) for name, (path, told) in declared.graphs.items()]
    return Registry([*included_workflows(settings.limits), *theirs, *added])


def _with_declared_ttl(settings: Settings) -> Settings:
    """The settings, with the time to live of threads that a langgraph.json declares where they have none themselves."""
    if settings.langgraph_json is None or settings.threads.ttl_minutes is not None:
        return settings
    declared = loading.read_langgraph_json(settings.langgraph_json).thread_ttl
    names = {"ttl_minutes": "default_ttl", "ttl_strategy": "strategy"}
    given = {ours: declared[theirs] for ours, theirs in names.items() if declared.get(theirs) is not None}
    if (pause := declared.get("sweep_interval_minutes")) is not None:
        given["sweep_seconds"] = pause * 60
    try:
        threads = ThreadSettings.model_validate({**settings.threads.model_dump(), **given})
    except ValidationError as error:
        fault = error.errors()[0]
        where = f"{settings.langgraph_json}: checkpointer.ttl"
        raise InvalidSettings(f"{where}: {fault['loc'][0]} = {fault['input']!r}: {fault['msg']}") from None
    return settings.model_copy(update={"threads": threads})


Role = Literal["service", "worker", "command"]
"""What a process is: the service takes up what dead processes left on SQLite; a worker only executes, on PostgreSQL; a
command executes its own runs and no others."""


@asynccontextmanager
async def open_house(
    settings: Settings, role: Role = "command", additions: Additions | None = None
) -> AsyncGenerator[House]:
    """Open the database (a SQLite one is upgraded), the tools and the queue; close them in reverse."""
    settings = _with_declared_ttl(settings)
    limits, added = settings.limits, additions or Additions()
    async with AsyncExitStack() as stack:
        sealer = await asyncio.to_thread(sealing.sealer, settings.sealing, settings.data_dir)
        opened = open_database(
            settings.database_url, limits.database_seconds, limits.stalled_seconds, sealer, settings.sealing.workflows
        )
        database = await stack.enter_async_context(opened)
        await migrate.ensure(database)
        registry = workflows(settings, added.workflows)
        await assistants.ensure_defaults(database, registry.descriptions())
        tool_limits = ToolLimits(seconds=limits.tool_seconds, result_bytes=limits.tool_result_bytes)
        servers = {**included_servers(settings, database), **added.servers}
        foreign = Foreign(settings.tools, DatabasePins(database), settings.config_dir, eager=role != "command")
        host = await stack.enter_async_context(ToolHost(servers, tool_limits, foreign))
        feeds, name = Feeds(database), process_name()
        pool = await stack.enter_async_context(Pool(settings.pool))
        await stack.enter_async_context(Draining(database, pool))
        secret = pepper(settings.data_dir)
        desks = Desks(database, host, pool, sealer, secret)
        key = await asyncio.to_thread(signing_key, settings.webhooks, settings.data_dir)
        courier = Courier(database, settings.webhooks, key)
        if role != "command":  # which ends too soon to begin what others can do
            await stack.enter_async_context(courier)
        nodes = NodeThreads(limits.node_threads)
        asyncio.get_running_loop().set_default_executor(nodes)
        await stack.enter_async_context(LoopGuard(limits.block_seconds))
        meters = Meters()
        executor = Executor(database, registry, desks, feeds, courier, nodes, limits, name, meters)
        if role != "command":
            await stack.enter_async_context(collecting(lambda: len(executor.executing())))
        if database.is_sqlite:
            queue = await _local_queue(stack, settings, database, executor, feeds, role)
        else:
            queue = await _job_queue(stack, settings, database, executor, feeds, role)
        scheduler = await stack.enter_async_context(Scheduler(database))
        keys = Keys(database, settings.data_dir, await _tokens(stack, database, settings))
        saver = DatabaseSaver(database)
        if role != "command":
            await stack.enter_async_context(
                Sweeper(database, saver, settings.threads.sweep_seconds, settings.retention_days)
            )
        gate = Gate(keys, settings, None if database.is_sqlite else LeasedRates(database))
        audit = await stack.enter_async_context(Audit(database, secret, settings.data_dir))
        yield House(
            settings=settings,
            database=database,
            registry=registry,
            host=host,
            pool=pool,
            keys=keys,
            gate=gate,
            audit=audit,
            budgets=Budgets(database, limits),
            feeds=feeds,
            queue=queue,
            saver=saver,
            scheduler=scheduler,
            meters=meters,
            secret=secret,
        )


async def _tokens(stack: AsyncExitStack, database: Database, settings: Settings) -> ExternalTokens | None:
    """What knows the tokens of external issuers, where there are any."""
    if not settings.auth.issuers:
        return None
    client = await stack.enter_async_context(httpx.AsyncClient(timeout=5, follow_redirects=False))
    return ExternalTokens(database, settings.auth.issuers, client)


async def _local_queue(
    stack: AsyncExitStack, settings: Settings, database: Database, executor: Executor, feeds: Feeds, role: Role
) -> Queue:
    """The queue over SQLite: each process executes what it accepted; the service also what dead ones left."""
    if role == "worker":
        raise WorkerNeedsPostgresql(
            "a worker needs PostgreSQL, the database is SQLite, whose runs `consilia serve` executes itself; set "
            'database = "postgresql://…" (docs/running.md)'
        )
    path = sqlite_path(settings.database_url)
    folder = path.with_name(f"{path.name}.processes")
    presence = stack.enter_context(Presence(folder, executor.name, only_service=role == "service"))
    taking_up = presence if role == "service" else None
    local = LocalQueue(database, executor, feeds, settings.limits.queued_runs, taking_up)
    return await stack.enter_async_context(local)


async def _job_queue(
    stack: AsyncExitStack, settings: Settings, database: Database, executor: Executor, feeds: Feeds, role: Role
) -> Queue:
    """The queue over PostgreSQL. A command's runs go to a queue of its own, which only itself takes from."""
    from service.runs.jobs import RUNS, JobQueue  # with procrastinate and psycopg, which SQLite does without
    from service.runs.worker import Worker

    url, limits = conninfo(settings.database_url), settings.limits
    name = f"command {executor.name}" if role == "command" else RUNS
    queue = await stack.enter_async_context(JobQueue(database, executor, feeds, limits.queued_runs, url, name))
    if role != "service" or settings.execute:
        await stack.enter_async_context(Worker(url, database, executor, limits, (name,)))
    return queue
