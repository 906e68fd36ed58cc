"""The finance tools over MCP, on the synthetic market in a real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.database import migrate
from service.database.engine import open_database
from service.database.market import MarketStore
from service.database.tables import DEFAULT_TENANT
from service.market import load_synthetic
from tools.errors import ConsiliaError
from tools.finance import server as finance
from tools.finance import synthetic
from tools.host import ToolHost

UNTIL = date(2026, 11, 20)
TODAY = date(2026, 11, 24)


@asynccontextmanager
async def tools(folder: Path) -> AsyncIterator[ToolHost]:
    async with open_database(f"sqlite:///{folder / 'market.db'}") as database:
        await migrate.upgrade(database.engine)
        await load_synthetic(database, DEFAULT_TENANT, UNTIL)
        async with ToolHost({"finance": finance.server(MarketStore(database), today=lambda: TODAY)}) as host:
            yield host


async def call(host: ToolHost, tool: str, tenant: str | None = DEFAULT_TENANT, **arguments: Any) -> dict[str, Any]:
    return await host.call("finance", tool, arguments, tenant)


PORTFOLIO = {"SYN-EQ-WO": 0.4, "SYN-GB-CN": 0.3, "SYN-EQ-CN": 0.2, "CASH": 0.1}
FUNDS = ["SYN-EQ-WO", "SYN-GB-CN", "SYN-EQ-CN", "SYN-GO-CN", "SYN-GB-US"]


async def test_every_tool_answers_with_source_date_units_and_notices(tmp_path: Path):
    asked: dict[str, dict[str, Any]] = {
        "search_funds": {"query": "gold"},
        "fund_facts": {"fund_ids": FUNDS},
        "list_series": {"kind": "fx"},
        "nav_history": {"series_ids": ["SYN-EQ-WO"], "currency": "CNY"},
        "measure_funds": {"fund_ids": FUNDS, "currency": "CNY", "risk_free": 0.02},
        "correlate": {"fund_ids": FUNDS, "currency": "CNY"},
        "value_holdings": {
            "holdings": [{"fund_id": "SYN-EQ-WO", "units": 100}],
            "cash": [{"currency": "EUR", "amount": 1000}],
            "currency": "CNY",
        },
        "measure_portfolio": {"weights": PORTFOLIO, "currency": "CNY", "benchmark": "SYN-IX-WORLD"},
        "compare_benchmark": {"weights": {"SYN-EQ-WO": 1}, "currency": "USD", "benchmark": "SYN-IX-WORLD"},
        "backtest": {"weights": PORTFOLIO, "currency": "CNY", "start": "2018-01-01"},
        "stress": {"weights": PORTFOLIO, "currency": "CNY", "amount": 100000},
        "rebalance": {
            "holdings": [{"fund_id": "SYN-EQ-WO", "units": 1000}],
            "targets": PORTFOLIO,
            "currency": "CNY",
            "cost_rate": 0.001,
        },
        "allocate": {"fund_ids": FUNDS, "method": "maximum_sharpe", "currency": "CNY", "risk_free": 0.01},
        "efficient_frontier": {
            "fund_ids": [*FUNDS, "CASH"],
            "currency": "CNY",
            "current": PORTFOLIO,
            "risk_free": 0.01,
        },
        "convert_currency": {"amount": 100, "source": "EUR", "target": "CNY"},
        "fee_drag": {"amount": 1e5, "years": 20, "gross_return": 0.05, "currency": "CNY", "weights": PORTFOLIO},
        "project_wealth": {"currency": "CNY", "months": 360, "initial": 1e5, "weights": PORTFOLIO, "target": 5e5},
    }
    async with tools(tmp_path) as host:
        assert set(host.tools()["finance"]) == {*asked, "money_weighted_return"}
        for tool, arguments in asked.items():
            said = await call(host, tool, **arguments)
            assert said["synthetic"] is True, tool
            assert said["notices"][0]["code"] == "synthetic_data", tool
            assert said["sources"] == [synthetic.SOURCE], tool
            assert said["units"] or tool == "list_series", tool
        said = await call(
            host,
            "money_weighted_return",
            payments=[{"day": "2020-01-01", "amount": -1000}, {"day": "2021-01-01", "amount": 1100}],
        )
        assert said["rate"] == pytest.approx(0.1, abs=3e-4)


async def test_a_call_without_a_tenant_sees_nothing(tmp_path: Path):
    async with tools(tmp_path) as host:
        with pytest.raises(ConsiliaError) as caught:
            await call(host, "search_funds", None)
        assert caught.value.code == "no_tenant"
        said = await call(host, "search_funds", "another tenant")
        assert said["total"] == 0


async def test_a_portfolio_without_cash_one_with_one_fund_and_one_of_cash_alone_are_measured(tmp_path: Path):
    async with tools(tmp_path) as host:
        said = await call(host, "measure_portfolio", weights={"SYN-EQ-WO": 0.5, "SYN-GB-US": 0.5}, currency="CNY")
        assert sum(each["risk"] for each in said["shares"]) == pytest.approx(1)
        one = await call(host, "measure_portfolio", weights={"SYN-EQ-WO": 1}, currency="USD", rebalancing="never")
        alone = await call(host, "measure_funds", fund_ids=["SYN-EQ-WO"])
        for name in ("total_return", "volatility", "sharpe", "expected_shortfall"):
            assert one["measures"][name] == pytest.approx(alone["funds"][0]["measures"][name], rel=1e-12)
        cash = await call(host, "measure_portfolio", weights={"CASH": 1}, currency="CNY", start="2024-01-01")
        assert (cash["measures"]["volatility"], cash["measures"]["sharpe"]) == (0, None)
        assert "all_cash" in [each["code"] for each in cash["notices"]]
