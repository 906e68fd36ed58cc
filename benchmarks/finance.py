"""Speed of the portfolio mathematics: 50 funds with ten years of daily NAV, on one core.

Run: make bench-finance. Prints a table; the limits hold for CPU time, which other work on the machine
changes least. Data: made up, seeded; the figures measure time, not markets.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy is imported

import numpy as np  # noqa: E402

FUNDS, YEARS, REPEATS = 50, 10, 5
UNTIL = date(2026, 11, 20)


async def fill(database: Any) -> list[str]:
    """Fifty funds in three currencies with ten years of values, and the synthetic set for rates and benchmarks."""
    from service.database import market
    from service.database.tables import DEFAULT_TENANT
    from service.market import load_synthetic
    from tools.finance.market import Fund, SeriesFacts
    from tools.finance.series import Series, floats

    await load_synthetic(database, DEFAULT_TENANT, UNTIL)
    random = np.random.default_rng(7)
    days = np.arange(np.datetime64(f"{UNTIL.year - YEARS}-11-20"), np.datetime64(UNTIL) + 1)
    days = days[np.is_busday(days)]
    shared = random.standard_normal((len(days), 5)) * 0.008
    loads = random.uniform(0, 0.6, (5, FUNDS))
    returns = shared @ loads + random.standard_normal((len(days), FUNDS)) * 0.006 + random.uniform(0, 0.0005, FUNDS)
    values = 10 * np.cumprod(1 + returns, axis=0)
    series: list[tuple[SeriesFacts, Series]] = []
    funds: list[Fund] = []
    for place in range(FUNDS):
        name, currency = f"BENCH-{place:02}", ("CNY", "USD", "EUR")[place % 3]
        own = Series(days, floats(values[:, place]))
        facts = {"name": name, "currency": currency, "source": "benchmark", "synthetic": True}
        spans = {"first": own.first, "last": own.last, "observations": len(own)}
        series.append((SeriesFacts(series_id=name, kind="nav", **facts, **spans), own))
        told = {"name_en": name, "name_zh": name, "currency": currency, "source": "benchmark", "synthetic": True}
        funds.append(Fund(fund_id=name, category="balanced", risk_class="R3", ongoing_fee=0.01, **told))
    await market.put_funds(database, DEFAULT_TENANT, funds)
    await market.put_series(database, DEFAULT_TENANT, series)
    return [fund.fund_id for fund in funds]


async def measure() -> list[tuple[str, float, float, float, float | None]]:
    """(what, least CPU seconds, least wall seconds, CPU seconds of the first call, limit)."""
    from service.database import migrate
    from service.database.engine import open_database
    from service.database.market import MarketStore
    from service.database.tables import DEFAULT_TENANT
    from tools.finance import server
    from tools.host import ToolHost

    found: list[tuple[str, float, float, float, float | None]] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(f"sqlite:///{folder}/bench.db") as database:
            await migrate.upgrade(database.engine)
            ids = await fill(database)
            store = MarketStore(database)
            weights = dict.fromkeys(ids, 1 / FUNDS)
            async with ToolHost({"finance": server.server(store, today=lambda: UNTIL)}) as host:

                async def tool(name: str, **arguments: Any) -> Any:
                    return await host.call("finance", name, arguments, DEFAULT_TENANT)

                async def full() -> None:
                    await tool("measure_funds", fund_ids=ids, currency="CNY", risk_free=0.02)
                    await tool("measure_portfolio", weights=weights, currency="CNY", benchmark="SYN-IX-WORLD")
                    await tool("correlate", fund_ids=ids, currency="CNY")
                    for method in ("minimum_variance", "maximum_sharpe", "risk_parity"):
                        await tool("allocate", fund_ids=ids, method=method, currency="CNY")
                    await tool("efficient_frontier", fund_ids=ids, currency="CNY", points=20)
                    await tool("stress", weights=weights, currency="CNY")

                work: list[tuple[str, Callable[[], Awaitable[Any]], float | None]] = [
                    ("full analysis of 50 funds × 10 years, over MCP", full, 1.0),
                    ("· measure_funds", lambda: tool("measure_funds", fund_ids=ids, currency="CNY"), None),
                    (
                        "· measure_portfolio, with benchmark",
                        lambda: tool("measure_portfolio", weights=weights, currency="CNY", benchmark="SYN-IX-WORLD"),
                        None,
                    ),
                    ("· correlate", lambda: tool("correlate", fund_ids=ids, currency="CNY"), None),
                    (
                        "· allocate maximum_sharpe",
                        lambda: tool("allocate", fund_ids=ids, method="maximum_sharpe", currency="CNY"),
                        None,
                    ),
                    (
                        "· efficient_frontier, 20 points",
                        lambda: tool("efficient_frontier", fund_ids=ids, currency="CNY", points=20),
                        None,
                    ),
                    ("· stress", lambda: tool("stress", weights=weights, currency="CNY"), None),
                    (
                        "allocate minimum_cvar (not in the full analysis)",
                        lambda: tool("allocate", fund_ids=ids, method="minimum_cvar", currency="CNY"),
                        None,
                    ),
                    (
                        "backtest, monthly rebalancing, costs",
                        lambda: tool("backtest", weights=weights, currency="CNY", cost_rate=0.001),
                        2.0,
                    ),
                    (
                        "Monte Carlo, 1,000 paths × 360 months",
                        lambda: tool(
                            "project_wealth", currency="CNY", months=360, initial=1e5, monthly_saving=1000.0,
                            expected_return=0.05, volatility=0.12, target=1e6, paths=1000,
                        ),
                        0.5,
                    ),
                ]  # fmt: skip
                for name, call, limit in work:
                    taken: list[tuple[float, float]] = []
                    for _ in range(REPEATS):
                        wall, cpu = time.perf_counter(), time.process_time()
                        await call()
                        taken.append((time.process_time() - cpu, time.perf_counter() - wall))
                    best = min(each for each, _ in taken), min(each for _, each in taken)
                    found.append((name, *best, taken[0][0], limit))
    return found


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"{'best of 5':52} {'CPU':>10} {'wall':>10} {'first, CPU':>10} {'limit':>8}")
    late = False
    for name, cpu, wall, first, limit in asyncio.run(measure()):
        told = f"{limit:.1f} s" if limit else ""
        late |= limit is not None and cpu > limit
        print(f"{name:52} {cpu * 1000:7.0f} ms {wall * 1000:7.0f} ms {first * 1000:7.0f} ms {told:>8}")
    if late:
        raise SystemExit("slower than the limit")


if __name__ == "__main__":
    main()
