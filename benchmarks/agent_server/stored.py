"""Does a run cost more when many are stored? The same figures with an empty database and with many runs in it."""

import asyncio
import random
import sqlite3
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from uuid_utils import uuid7

from benchmarks.agent_server.load import Figure, Load
from benchmarks.agent_server.servers import Running, consilia
from service.database.tables import DEFAULT_TENANT

_COLUMNS = {
    "threads": (
        "thread_id, tenant_id, status, metadata, config, interrupts, temporary, created_at, updated_at, "
        "state_updated_at"
    ),
    "runs": (
        "run_id, tenant_id, thread_id, assistant_id, graph_id, status, input, output, kwargs, metadata, "
        "multitask_strategy, attempt, degraded, created_at, updated_at, started_at, finished_at"
    ),
    "run_events": "run_id, seq, kind, data, created_at",
}


def fill(path: str, count: int) -> None:
    """Write `count` threads, each with a run and three events, as they stand after a run of the graph `three`."""
    dice = random.Random(1)
    threads: list[tuple[Any, ...]] = []
    runs: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    now = datetime.now(UTC)
    graphs = ("three", "slow", "contract_review")
    for index in range(count):
        thread, run = str(uuid7()), str(uuid7())
        moment = (now - timedelta(seconds=(count - index) * 3)).replace(tzinfo=None).isoformat(" ")
        graph = graphs[dice.randrange(3)]
        status = dice.choices(["success", "error", "interrupted"], [90, 8, 2])[0]
        about = orjson.dumps({"graph_id": graph, "customer": f"c{index % 500}"}).decode()
        values = orjson.dumps({"text": "hi", "log": ["hi"] * 3}).decode()
        threads.append((thread, DEFAULT_TENANT, "idle", about, "{}", "{}", 0, moment, moment, moment))
        runs.append(
            (run, DEFAULT_TENANT, thread, graph, graph, status, values, values, "{}", about, "enqueue", 1, 0)
            + (moment,) * 4
        )
        events += [(run, seq, "values", values, moment) for seq in (1, 2, 3)]
    with sqlite3.connect(path) as connection:
        for table, rows in (("threads", threads), ("runs", runs), ("run_events", events)):
            columns = _COLUMNS[table]
            marks = ", ".join("?" * len(columns.split(",")))
            connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608
    connection.close()


async def _figures(server: Running, runs: int) -> list[Figure]:
    load = Load(server.url, server.headers, server.assistants)
    try:
        for _ in range(10):
            await load.wait()
        thread = (await load._post("/threads", {}))["thread_id"]
        by_customer = lambda: load._post("/threads/search", {"metadata": {"customer": "c7"}, "limit": 10})  # noqa: E731
        return [
            await load.measure("runs/wait, 1 client", 1, max(60, runs // 4), load.wait),
            await load.measure("runs/wait, 16 clients", 16, runs, load.wait),
            await load.measure("threads/search", 1, 60, load.search),
            await load.measure("threads/search by metadata", 1, 60, by_customer),
            await load.measure("runs of a thread", 1, 60, lambda: load.list_runs(thread)),
        ]
    finally:
        await load.close()


def compare(count: int, runs: int) -> dict[str, Any]:
    """Figures with an empty database, and with `count` runs in it."""
    with consilia() as server:
        empty = asyncio.run(_figures(server, runs))
    with consilia() as server:
        assert server.data_dir is not None
        fill(str(server.data_dir / "consilia.db"), count)
        full = asyncio.run(_figures(server, runs))
    return {
        each.name: {"empty": asdict(each), f"{count} runs stored": asdict(more)}
        for each, more in zip(empty, full, strict=True)
    }
