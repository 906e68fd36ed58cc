"""The finance server's tools on funds and series."""

from typing import Annotated

from pydantic import Field

from tools.finance import catalogue
from tools.finance.market import Category, Currency, Kind, RiskClass
from tools.finance.parameters import AnyCurrency, Confidence, Curve, End, FundIds, Open, RiskFree, Start
from tools.finance.portfolios import Terms
from tools.finance.results import (
    Correlations,
    FundList,
    FundsMeasured,
    Histories,
    SeriesList,
)
from tools.serving import READ_ONLY, Call, ToolServer


def register(finance: ToolServer, book: Open) -> None:
    @finance.tool(
        title="Search funds",
        description=(
            "Find funds by words in their id, English or Chinese name, category or description, and by largest risk "
            "class (R1 lowest to R5 highest), currency or category. Without a query, every fund. Gives their facts: "
            "names, currency, category, risk class, fees, benchmark, lot size, dealing and settlement."
        ),
        annotations=READ_ONLY,
    )
    async def search_funds(  # pyright: ignore[reportUnusedFunction], registered by the decorator, as all below
        context: Call,
        query: Annotated[str | None, Field(description="Words that must all occur", max_length=200)] = None,
        max_risk: Annotated[RiskClass | None, Field(description="Largest risk class")] = None,
        currency: Annotated[Currency | None, Field(description="Only funds in this currency")] = None,
        category: Annotated[Category | None, Field(description="Only funds of this category")] = None,
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
    ) -> FundList:
        return await catalogue.search(
            book(context), query, max_risk=max_risk, currency=currency, category=category, limit=limit
        )

    @finance.tool(
        title="Describe funds",
        description="The facts of named funds, and whether their values are missing or stale.",
        annotations=READ_ONLY,
    )
    async def fund_facts(context: Call, fund_ids: FundIds) -> FundList:  # pyright: ignore[reportUnusedFunction]
        return await catalogue.facts(book(context), fund_ids)

    @finance.tool(
        title="List series",
        description=(
            "Which series of values there are: funds' net asset values (nav), benchmarks, and exchange rates (fx; "
            "EURUSD is dollars for one euro), each with its first and last day, number of values and source."
        ),
        annotations=READ_ONLY,
    )
    async def list_series(  # pyright: ignore[reportUnusedFunction]
        context: Call, kind: Annotated[Kind | None, Field(description="nav, benchmark or fx; null: all")] = None
    ) -> SeriesList:
        return await catalogue.listing(book(context), kind)

    @finance.tool(
        title="NAV history",
        description=(
            "Values of funds, benchmarks or exchange rates over time, at the last value of each day, week, month, "
            "quarter or year. Nothing is interpolated: days without a value are absent."
        ),
        annotations=READ_ONLY,
    )
    async def nav_history(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        series_ids: FundIds,
        currency: AnyCurrency = None,
        start: Start = None,
        end: End = None,
        frequency: Curve = "month",
    ) -> Histories:
        return await catalogue.history(book(context), series_ids, currency, start, end, frequency)

    @finance.tool(
        title="Measure funds",
        description=(
            "Return and risk of each fund or benchmark on its own: returns over 1M to 10Y and calendar years, "
            "annualised return (only from one year on), volatility, maximum drawdown with its days, Sharpe, Sortino, "
            "Calmar, historical and normal VaR and expected shortfall of one day."
        ),
        annotations=READ_ONLY,
    )
    async def measure_funds(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        fund_ids: FundIds,
        currency: AnyCurrency = None,
        start: Start = None,
        end: End = None,
        risk_free: RiskFree = 0.0,
        confidence: Confidence = 0.95,
    ) -> FundsMeasured:
        terms = Terms(currency or "", start, end, risk_free, confidence)
        return await catalogue.measure_funds(book(context), fund_ids, currency, terms)

    @finance.tool(
        title="Correlate funds",
        description="Correlation and annualised covariance of the returns of two or more funds on their common days.",
        annotations=READ_ONLY,
    )
    async def correlate(  # pyright: ignore[reportUnusedFunction]
        context: Call, fund_ids: FundIds, currency: AnyCurrency = None, start: Start = None, end: End = None
    ) -> Correlations:
        return await catalogue.correlations(book(context), fund_ids, currency, start, end)
