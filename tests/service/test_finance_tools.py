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


BAD: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "unknown fund": ("fund_facts", {"fund_ids": ["SYN-EQ-WW"]}, "unknown_fund", "SYN-EQ-WO"),
    "a name that is nearly right": ("fund_facts", {"fund_ids": ["Atlas World Equity"]}, "unknown_fund", "SYN-EQ-WO"),
    "negative": (
        "measure_portfolio",
        {"weights": {"SYN-EQ-WO": 1.2, "SYN-GB-US": -0.2}, "currency": "CNY"},
        "invalid_weights",
        "short",
    ),
    "leverage": (
        "measure_portfolio",
        {"weights": {"SYN-EQ-WO": 1.0, "SYN-GB-US": 0.5}, "currency": "CNY"},
        "invalid_weights",
        "leverage",
    ),
    "too little": ("backtest", {"weights": {"SYN-EQ-WO": 0.9}, "currency": "CNY"}, "invalid_weights", '"CASH": 0.1'),
    "per cent": (
        "stress",
        {"weights": {"SYN-EQ-WO": 60, "CASH": 40}, "currency": "CNY"},
        "invalid_weights",
        "per cent",
    ),
    "none": ("stress", {"weights": {}, "currency": "CNY"}, "invalid_weights", "empty"),
    "not a number": (
        "measure_portfolio",
        {"weights": {"SYN-EQ-WO": float("nan")}, "currency": "CNY"},
        "invalid_input",
        "weights.SYN-EQ-WO: Input should be a valid number",
    ),
    "no rate": ("measure_portfolio", {"weights": {"SYN-EQ-WO": 1}, "currency": "GBP"}, "missing_rate", "GBP"),
    "no rate to convert": (
        "convert_currency",
        {"amount": 1, "source": "CHF", "target": "CNY"},
        "missing_rate",
        "CHF",
    ),
    "a rate before the first": (
        "convert_currency",
        {"amount": 1, "source": "EUR", "target": "CNY", "as_of": "2009-05-04"},
        "missing_rate",
        "2009-05-04",
    ),
    "the future": (
        "measure_portfolio",
        {"weights": {"SYN-EQ-WO": 1}, "currency": "CNY", "end": "2031-01-01"},
        "date_in_the_future",
        "2031-01-01",
    ),
    "the wrong way round": (
        "measure_funds",
        {"fund_ids": ["SYN-EQ-WO"], "start": "2024-01-01", "end": "2023-01-01"},
        "invalid_input",
        "after the end",
    ),
    "one data point": (
        "measure_portfolio",
        {"weights": {"SYN-EQ-WO": 1}, "currency": "USD", "start": "2024-01-02", "end": "2024-01-02"},
        "history_too_short",
        "at least 2",
    ),
    "before everything": (
        "measure_funds",
        {"fund_ids": ["SYN-EQ-WO"], "end": "2010-01-01"},
        "no_common_history",
        "2014-01-02",
    ),
    "bounds that cannot be kept": (
        "allocate",
        {"fund_ids": FUNDS, "method": "minimum_variance", "currency": "CNY", "most": 0.1},
        "no_solution",
        "sum to",
    ),
    "a volatility out of reach": (
        "allocate",
        {"fund_ids": FUNDS, "method": "target_volatility", "currency": "CNY", "target_volatility": 0.001},
        "no_solution",
        "the least is",
    ),
    "risk parity with cash": (
        "allocate",
        {"fund_ids": [*FUNDS, "CASH"], "method": "risk_parity", "currency": "CNY"},
        "no_solution",
        "cash",
    ),
    "a debt": (
        "value_holdings",
        {"holdings": [], "cash": [{"currency": "CNY", "amount": -5}], "currency": "CNY"},
        "invalid_input",
        "leverage",
    ),
    "a short position": (
        "rebalance",
        {"holdings": [{"fund_id": "SYN-EQ-WO", "units": -5}], "targets": {"CASH": 1}, "currency": "CNY"},
        "invalid_input",
        "short",
    ),
    "nothing": (
        "rebalance",
        {"holdings": [], "targets": {"SYN-EQ-WO": 1}, "currency": "CNY"},
        "invalid_input",
        "worth nothing",
    ),
    "too many paths": (
        "project_wealth",
        {"currency": "CNY", "months": 1200, "initial": 1, "paths": 100000, "expected_return": 0, "volatility": 0},
        "invalid_input",
        "5000000",
    ),
    "no assumption": ("project_wealth", {"currency": "CNY", "months": 12, "initial": 1}, "invalid_input", "weights"),
    "payments of one sign": (
        "money_weighted_return",
        {"payments": [{"day": "2020-01-01", "amount": 5}, {"day": "2021-01-01", "amount": 5}]},
        "invalid_input",
        "at least one payment",
    ),
    "a shock to nothing": (
        "stress",
        {"weights": {"SYN-EQ-WO": 1}, "currency": "CNY", "shocks": {"tulips": -0.5}},
        "invalid_input",
        "tulips",
    ),
    "named twice": ("correlate", {"fund_ids": ["SYN-EQ-WO", "syn-eq-wo"]}, "invalid_input", "more than once"),
}


async def test_bad_input_gets_a_clear_error_with_a_code(tmp_path: Path):
    async with tools(tmp_path) as host:
        for name, (tool, arguments, code, said) in BAD.items():
            with pytest.raises(ConsiliaError) as caught:
                await call(host, tool, **arguments)
            assert caught.value.code == code, (name, caught.value.message)
            assert said in caught.value.message, (name, caught.value.message)


async def test_arguments_of_the_wrong_shape_are_refused_before_any_work(tmp_path: Path):
    async with tools(tmp_path) as host:
        for arguments in (
            {"weights": "everything", "currency": "CNY"},
            {"weights": {"SYN-EQ-WO": 1}, "currency": "yuan"},
            {"weights": {"SYN-EQ-WO": 1}, "currency": "CNY", "rebalancing": "hourly"},
            {"weights": {"SYN-EQ-WO": 1}, "currency": "CNY", "start": "yesterday"},
        ):
            with pytest.raises(ConsiliaError) as caught:
                await call(host, "measure_portfolio", **arguments)
            assert caught.value.code == "invalid_input"
            assert "yesterday" not in caught.value.message


async def test_stale_and_short_histories_are_said(tmp_path: Path):
    async with open_database(f"sqlite:///{tmp_path / 'market.db'}") as database:
        await migrate.upgrade(database.engine)
        await load_synthetic(database, DEFAULT_TENANT, date(2025, 9, 30))
        server = finance.server(MarketStore(database), today=lambda: date(2026, 3, 31))
        async with ToolHost({"finance": server}) as host:
            said = await call(host, "measure_portfolio", weights={"SYN-EQ-NEW": 0.5, "CASH": 0.5}, currency="CNY")
            codes = {each["code"]: each["message"] for each in said["notices"]}
            assert "182 days before 2026-03-31" in codes["stale_data"]
            assert {"short_history", "not_annualised", "synthetic_data"} <= set(codes)
            assert said["measures"]["annualised_return"] is None
            assert said["as_of"] == "2025-09-30"
            asked = {"weights": {"SYN-EQ-NEW": 0.5, "SYN-EQ-WO": 0.5}, "currency": "CNY", "start": "2020-01-01"}
            late = await call(host, "measure_portfolio", **asked)
            assert any("SYN-EQ-NEW starts on 2025-06-03" in each["message"] for each in late["notices"])
            past = await call(host, "measure_portfolio", weights={"SYN-EQ-WO": 1}, currency="CNY", end="2024-06-28")
            assert "stale_data" not in [each["code"] for each in past["notices"]]
            stressed = await call(host, "stress", weights={"SYN-EQ-NEW": 1}, currency="CNY")
            covid = next(each for each in stressed["scenarios"] if each["scenario"] == "covid_2020")
            assert (covid["change"], covid["not_covered"]) == (None, ["SYN-EQ-NEW"])


async def test_holdings_are_valued_rebalanced_and_conserved(tmp_path: Path):
    held = [{"fund_id": "SYN-EQ-WO", "units": 100}, {"fund_id": "SYN-EQ-CNX", "units": 12_345}]
    cash = [{"currency": "USD", "amount": 1234.56}, {"currency": "CNY", "amount": 10_000}]
    async with tools(tmp_path) as host:
        worth = await call(host, "value_holdings", holdings=held, cash=cash, currency="CNY")
        assert sum(worth["weights"].values()) == pytest.approx(1)
        assert worth["total"] == pytest.approx(sum(each["value"] for each in worth["holdings"] + worth["cash"]))
        [rate] = [each["rate"] for each in worth["cash"] if each["currency"] == "USD"]
        converted = await call(host, "convert_currency", amount=1234.56, source="USD", target="CNY")
        assert converted["rate"] == rate
        targets = {"SYN-EQ-WO": 0.3, "SYN-EQ-CNX": 0.2, "SYN-GB-CN": 0.45, "CASH": 0.05}
        asked = {"holdings": held, "cash": cash, "targets": targets, "currency": "CNY", "cost_rate": 0.002}
        said = await call(host, "rebalance", least_cost=5.0, **asked)
        assert said["cash_after"] == pytest.approx(
            said["cash_before"] + said["sold"] - said["bought"] - said["costs"], abs=0.005
        )
        assert said["cash_after"] >= 0
        assert said["largest_gap"] < 0.01
        [lots] = [each for each in said["orders"] if each["fund_id"] == "SYN-EQ-CNX"]
        assert lots["units"] == 100 * abs(lots["lots"])


async def test_tools_say_that_they_only_read_and_describe_what_they_give(tmp_path: Path):
    async with tools(tmp_path) as host:
        for tool in host.tools()["finance"].values():
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint is True
            assert tool.output_schema
            assert tool.description
            assert "context" not in tool.input_schema["properties"]
            assert "tenant" not in str(tool.input_schema)


async def test_the_same_call_gives_the_same_answer(tmp_path: Path):
    asked = {"currency": "CNY", "months": 120, "initial": 1e5, "weights": PORTFOLIO, "method": "bootstrap", "seed": 9}
    async with tools(tmp_path) as host:
        assert await call(host, "project_wealth", **asked) == await call(host, "project_wealth", **asked)
        other = await call(host, "project_wealth", **{**asked, "seed": 10})
        assert other["bands"] != (await call(host, "project_wealth", **asked))["bands"]
