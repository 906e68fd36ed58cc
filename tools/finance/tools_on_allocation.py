"""The finance server's tools that propose weights."""

from typing import Annotated, Literal

from pydantic import Field

from tools.finance import allocating
from tools.finance.allocating import Bound, Brief, Method, View
from tools.finance.parameters import Confidence, End, FundIds, OneCurrency, Open, RiskFree, Start
from tools.finance.results import (
    Allocation,
    Frontier,
)
from tools.serving import READ_ONLY, Call, ToolServer


def register(finance: ToolServer, book: Open) -> None:
    bounds_field = Field(description='Bounds of single funds, such as {"ID": {"lower": 0.1, "upper": 0.4}}')

    @finance.tool(
        title="Propose an allocation",
        description=(
            "Weights for funds (CASH may be one of them) from their history, long only and fully invested: equal, "
            "inverse_volatility, risk_parity, minimum_variance, mean_variance (risk_aversion), maximum_sharpe, "
            "target_volatility (most return at that risk), minimum_cvar (least expected shortfall), or black_litterman "
            "(market_weights and views). Bounds hold for all but the first three."
        ),
        annotations=READ_ONLY,
    )
    async def allocate(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        fund_ids: FundIds,
        method: Method,
        currency: OneCurrency,
        start: Start = None,
        end: End = None,
        least: Annotated[float, Field(ge=0, le=1, description="Least weight of every fund")] = 0.0,
        most: Annotated[float, Field(ge=0, le=1, description="Largest weight of every fund")] = 1.0,
        bounds: Annotated[dict[str, Bound] | None, bounds_field] = None,
        risk_free: RiskFree = 0.0,
        risk_aversion: Annotated[float, Field(gt=0, le=1000, description="2 to 4 is typical")] = 3.0,
        target_volatility: Annotated[float | None, Field(description="A year, for the method of this name")] = None,
        confidence: Confidence = 0.95,
        covariance: Annotated[
            Literal["shrunk", "sample"], Field(description="Ledoit-Wolf shrinkage, or the plain sample")
        ] = "shrunk",
        expected_returns: Annotated[
            dict[str, float] | None, Field(description="Your own expected returns a year; the rest from history")
        ] = None,
        views: Annotated[list[View] | None, Field(description="For black_litterman", max_length=50)] = None,
        market_weights: Annotated[
            dict[str, float] | None, Field(description="For black_litterman; null: equal weights")
        ] = None,
        current: Annotated[dict[str, float] | None, Field(description="Today's weights, measured alike")] = None,
    ) -> Allocation:
        brief = Brief(
            currency, start, end, least, most, bounds, risk_free, risk_aversion, target_volatility, confidence,
            covariance, expected_returns, tuple(views or ()), market_weights, current,
        )  # fmt: skip
        return await allocating.allocate(book(context), fund_ids, method, brief)

    @finance.tool(
        title="Efficient frontier",
        description=(
            "Portfolios of least volatility for rising expected return, from minimum variance to maximum return, with "
            "the maximum Sharpe portfolio, each fund alone, and today's weights, all by the same estimate."
        ),
        annotations=READ_ONLY,
    )
    async def efficient_frontier(  # pyright: ignore[reportUnusedFunction]
        context: Call,
        fund_ids: FundIds,
        currency: OneCurrency,
        points: Annotated[int, Field(description="Portfolios on the frontier, 2 to 200")] = 20,
        start: Start = None,
        end: End = None,
        least: Annotated[float, Field(ge=0, le=1, description="Least weight of every fund")] = 0.0,
        most: Annotated[float, Field(ge=0, le=1, description="Largest weight of every fund")] = 1.0,
        bounds: Annotated[dict[str, Bound] | None, bounds_field] = None,
        risk_free: RiskFree = 0.0,
        covariance: Annotated[
            Literal["shrunk", "sample"], Field(description="Ledoit-Wolf shrinkage, or the plain sample")
        ] = "shrunk",
        expected_returns: Annotated[
            dict[str, float] | None, Field(description="Your own expected returns a year; the rest from history")
        ] = None,
        current: Annotated[dict[str, float] | None, Field(description="Today's weights, measured alike")] = None,
    ) -> Frontier:
        brief = Brief(
            currency, start, end, least, most, bounds, risk_free, covariance=covariance, expected=expected_returns,
            current=current,
        )  # fmt: skip
        return await allocating.frontier(book(context), fund_ids, points, brief)
