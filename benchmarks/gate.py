"""Time what every request costs before its route: the key's check, both limits, and its place in the audit log.

    python -m benchmarks.gate            # SQLite and PostgreSQL

One process, requests one after the other, over a key with limits that it stays below.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.postgresql import new_postgresql
from service.auth import Keys
from service.auth.audit import Audit
from service.auth.gate import Gate
from service.auth.leases import LeasedRates
from service.database import migrate
from service.database.audit import Act
from service.database.engine import make_engine, open_database
from service.settings import Settings


async def _measure(url: str, folder: Path, requests: int) -> dict[str, float]:
    """Milliseconds a request."""
    engine = make_engine(url)
    await migrate.upgrade(engine)
    await engine.dispose()
    limits = {"key_requests_per_minute": 600_000, "tenant_requests_per_minute": 600_000}
    settings = Settings.model_validate({"data_dir": folder, "limits": limits})
    took: list[float] = []
    async with open_database(url) as database, Audit(database, b"of the benchmark") as audit:
        keys = Keys(database, folder)
        key = (await keys.create("measured", ["read"])).key
        gate = Gate(keys, settings, None if database.is_sqlite else LeasedRates(database))
        for number in range(requests):
            begun = time.perf_counter()
            caller, _ = await gate.enter(key, "127.0.0.1")
            audit.record(Act(caller.key_id, "threads.create", f"thread {number}", caller.tenant_id, "127.0.0.1", 200))
            took.append((time.perf_counter() - begun) * 1000)
            if number % 100 == 0:
                await asyncio.sleep(0.1)  # so that half a second passes and the row is read again
    ordered = sorted(took)
    p50, p99 = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
    return {"p50_ms": round(p50, 4), "p99_ms": round(p99, 4), "most_ms": round(ordered[-1], 2)}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {"sqlite": await _measure(f"sqlite:///{folder / 'gate.db'}", folder, asked.requests)}
        with new_postgresql(folder) as url:
            found["postgresql"] = await _measure(url, folder, asked.requests)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    asyncio.run(main())
