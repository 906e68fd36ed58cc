"""The finance server's tools on portfolios and holdings."""

from typing import Annotated

from pydantic import Field

from tools.finance import holdings as held
from tools.finance import ordering, portfolios, stressing
from tools.finance.parameters import (
    AsOf,
    Benchmark,
    Confidence,
    Curve,
    End,
    HeldCash,
    HeldFunds,
    OneCurrency,
    Open,
    RiskFree,
    Start,
    Weights,
    WhenRebalanced,
)
from tools.finance.portfolios import Terms
from tools.finance.results import (
    Backtest,
    BenchmarkComparison,
    PortfolioMeasured,
    Rebalanced,
    Stress,
    Valuation,
)
from tools.serving import READ_ONLY, Call, ToolServer


def register(finance: ToolServer, book: Open) -> None:
    @finance.tool(
        title="Value holdings",
        description=(
            "What units of funds and cash in any currency are worth in one currency on a day, with prices, rates, "
            "weights (ready for the other tools) and shares by category, currency and risk class."
        ),
        annotations=READ_ONLY,
    )
    async def value_holdings(  # pyright: ignore[reportUnusedFunction]
        context: Call, holdings: HeldFunds, currency: OneCurrency, cash: HeldCash = None, as_of: AsOf = None
    ) -> Valuation:
        return await held.value(book(context), holdings, cash or [], currency, as_of)

    @finance.tool(
        title="Measure a portfolio",
        description=(
            "Return and risk of a portfolio of weights in one currency, as measure_funds gives them, with each fund's "
            "share of the risk, diversification, weighted fee, growth and drawdown curves, and, with a benchmark, "
            "beta, alpha, tracking error and information ratio."
        ),
        annotations=READ_ONLY,
    )
    async def measure_portfolio(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        weights: Weights,
        currency: OneCurrency,
        start: Start = None,
        end: End = None,
        risk_free: RiskFree = 0.0,
        confidence: Confidence = 0.95,
        rebalancing: WhenRebalanced = "month",
        benchmark: Benchmark = None,
        frequency: Curve = "week",
    ) -> PortfolioMeasured:
        terms = Terms(currency, start, end, risk_free, confidence, rebalancing, 0.0, benchmark, frequency)
        return await portfolios.measure_portfolio(book(context), weights, terms)

    @finance.tool(
        title="Compare with a benchmark",
        description=(
            "A portfolio (one fund is a weight of 1) beside a benchmark on the same days in the same currency: both "
            "measured, active return, beta, alpha, correlation, tracking error, information ratio, up and down capture."
        ),
        annotations=READ_ONLY,
    )
    async def compare_benchmark(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        weights: Weights,
        benchmark: Annotated[str, Field(description="A benchmark's series id, as list_series gives it")],
        currency: OneCurrency,
        start: Start = None,
        end: End = None,
        risk_free: RiskFree = 0.0,
        confidence: Confidence = 0.95,
        rebalancing: WhenRebalanced = "month",
        frequency: Curve = "week",
    ) -> BenchmarkComparison:
        terms = Terms(currency, start, end, risk_free, confidence, rebalancing, 0.0, benchmark, frequency)
        return await portfolios.compare_benchmark(book(context), weights, terms)

    @finance.tool(
        title="Backtest a portfolio",
        description=(
            "What an amount in a portfolio of weights would have become, with periodic rebalancing and trading costs: "
            "final wealth, costs, turnover, all measures, growth and drawdown curves. The past is no forecast."
        ),
        annotations=READ_ONLY,
    )
    async def backtest(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        weights: Weights,
        currency: OneCurrency,
        start: Start = None,
        end: End = None,
        initial: Annotated[float, Field(description="Amount invested on the first day")] = 100_000.0,
        rebalancing: WhenRebalanced = "month",
        cost_rate: Annotated[float, Field(description="Cost as a fraction of each amount traded")] = 0.001,
        risk_free: RiskFree = 0.0,
        confidence: Confidence = 0.95,
        benchmark: Benchmark = None,
        frequency: Curve = "week",
    ) -> Backtest:
        terms = Terms(currency, start, end, risk_free, confidence, rebalancing, cost_rate, benchmark, frequency)
        return await portfolios.backtest(book(context), weights, terms, initial)

    @finance.tool(
        title="Stress a portfolio",
        description=(
            "What a portfolio would lose in known crises that its history covers (2008, 2015, 2018, 2020, 2022) and in "
            "assumed shocks to shares, rates, inflation and currencies; own shocks by fund id or category may be added."
        ),
        annotations=READ_ONLY,
    )
    async def stress(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        weights: Weights,
        currency: OneCurrency,
        amount: Annotated[float | None, Field(description="Worth of the portfolio, to give losses as amounts")] = None,
        shocks: Annotated[
            dict[str, float] | None, Field(description='Own scenario, such as {"equity_china": -0.4}')
        ] = None,
    ) -> Stress:
        return await stressing.stress(book(context), weights, currency, amount, shocks)

    @finance.tool(
        title="Rebalance holdings",
        description=(
            "Orders in whole lots that bring holdings to target weights, sales first, never spending more than there "
            "is; costs, cash left and weights before and after, to the cent. Nothing is traded."
        ),
        annotations=READ_ONLY,
    )
    async def rebalance(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        holdings: HeldFunds,
        targets: Weights,
        currency: OneCurrency,
        cash: HeldCash = None,
        cost_rate: Annotated[float, Field(description="Cost as a fraction of each order's amount")] = 0.0,
        least_cost: Annotated[float, Field(description="Least cost of an order, in the currency")] = 0.0,
        least_trade: Annotated[float, Field(description="Amount below which no order is made, in the currency")] = 0.0,
        as_of: AsOf = None,
    ) -> Rebalanced:
        return await ordering.rebalance(
            book(context), holdings, cash or [], targets, currency, cost_rate, least_cost, least_trade, as_of
        )
