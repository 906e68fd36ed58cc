"""What the finance tools answer with. Every result says what it rests on, how old that is, and in which units it is.

Returns, weights, fees, losses and drawdowns are fractions (0.05 is 5 %); losses and drawdowns are positive. Ratios have
no unit. Amounts are in the result's currency. None stands where a figure cannot be computed; a notice says why.
"""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tools.finance.market import Category, Fund, RiskClass, SeriesFacts

NoticeCode = Literal[
    "synthetic_data", "stale_data", "short_history", "missing_days", "no_data", "not_annualised", "all_cash",
    "rate_of_another_day", "assumption", "undefined_figure", "not_reached", "mixed_sources",
]  # fmt: skip


class Result(BaseModel):
    model_config = ConfigDict(frozen=True)


class Notice(Result):
    """Something that whoever uses the figures must know. subject: the fund or series that it is about."""

    code: NoticeCode
    message: str
    subject: str | None = None


class Sourced(Result):
    """as_of: the last day of the values used, None when none were. sources: labels of the data's sources."""

    as_of: date | None
    sources: list[str]
    synthetic: bool = Field(description="True when any value used is made up for demonstration")
    notices: list[Notice]
    units: dict[str, str] = Field(description="Unit of each figure, by field name")


class FundList(Sourced):
    """total: how many matched; funds: those of this page."""

    funds: list[Fund]
    total: int


class SeriesList(Sourced):
    series: list[SeriesFacts]


class Point(Result):
    day: date
    value: float


class History(Result):
    series_id: str
    currency: str
    points: list[Point]


class Histories(Sourced):
    histories: list[History]


class PeriodReturn(Result):
    """period: 1M, 3M, 6M, YTD, 1Y, 3Y, 5Y, 10Y or ALL. annualised: None below one year (GIPS)."""

    period: str
    start: date
    end: date
    total: float
    annualised: float | None


class DrawdownFigures(Result):
    depth: float
    peak: date
    trough: date
    recovered: date | None


class Measures(Result):
    """Figures of one series of values. Sharpe, Sortino and alpha use the risk-free rate of the call.

    value_at_risk and expected_shortfall: losses over one trading day at `confidence`.
    """

    start: date
    end: date
    observations: int
    total_return: float
    annualised_return: float | None
    volatility: float | None
    downside_deviation: float | None
    maximum_drawdown: DrawdownFigures
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    confidence: float
    value_at_risk: float | None
    expected_shortfall: float | None
    normal_value_at_risk: float | None
    normal_expected_shortfall: float | None
    best_day: float
    worst_day: float
    positive_months: float | None
    returns: list[PeriodReturn]
    calendar_years: list[PeriodReturn]


class FundMeasures(Result):
    fund_id: str
    measures: Measures


class FundsMeasured(Sourced):
    currency: str | None = Field(description="Currency of the values; None: each fund in its own")
    risk_free: float
    funds: list[FundMeasures]


class Correlations(Sourced):
    """matrix[i][j]: correlation of ids[i] and ids[j]; covariance is annualised."""

    ids: list[str]
    matrix: list[list[float | None]]
    covariance: list[list[float]]
    observations: int


class BenchmarkFigures(Result):
    benchmark_id: str
    benchmark: Measures
    beta: float | None
    alpha: float | None
    correlation: float | None
    tracking_error: float | None
    information_ratio: float | None
    active_return: float | None
    up_capture: float | None
    down_capture: float | None
    months_ahead: float | None


class BenchmarkComparison(Sourced):
    currency: str
    measures: Measures
    comparison: BenchmarkFigures
    growth: list[Point]
    benchmark_growth: list[Point]


class RiskShare(Result):
    """weight: of the portfolio; risk: its share of the portfolio's variance (shares add up to 1)."""

    fund_id: str
    weight: float
    risk: float | None
    volatility: float | None
    annualised_return: float | None


class PortfolioMeasured(Sourced):
    """growth: of 1 at the start. drawdown: on the same days. Both at the frequency asked for."""

    currency: str
    risk_free: float
    rebalancing: str
    weights: dict[str, float]
    measures: Measures
    shares: list[RiskShare]
    diversification_ratio: float | None
    effective_holdings: float
    average_correlation: float | None
    weighted_ongoing_fee: float
    growth: list[Point]
    drawdown: list[Point]
    comparison: BenchmarkFigures | None


class ValuedHolding(Result):
    """price: in the fund's currency on price_day; value: in the result's currency; rate: currency for one of the
    fund's."""

    fund_id: str
    units: float
    price: float
    price_currency: str
    price_day: date
    rate: float
    rate_day: date | None
    value: float
    weight: float
    risk_class: RiskClass
    category: Category


class ValuedCash(Result):
    currency: str
    amount: float
    rate: float
    value: float
    weight: float


class Valuation(Sourced):
    currency: str
    total: float
    holdings: list[ValuedHolding]
    cash: list[ValuedCash]
    weights: dict[str, float] = Field(description="By fund id, all cash under CASH; ready for the other tools")
    by_category: dict[str, float]
    by_currency: dict[str, float]
    by_risk_class: dict[str, float]


class Conversion(Sourced):
    amount: float
    currency: str
    converted: float
    target: str
    rate: float
    rate_day: date | None
    path: list[str] = Field(description="The pairs that the rate was made of")


class FeeDrag(Sourced):
    """Wealth after the years without and with fees and tax, and what they cost. reduction_in_yield: a year."""

    currency: str
    years: float
    invested: float
    without_costs: float
    with_fees: float
    with_fees_and_tax: float
    fee_cost: float
    tax_cost: float
    share_of_gain_lost: float | None
    reduction_in_yield: float
    assumptions: dict[str, float]


class Band(Result):
    """Wealth at the end of a month of the projection, by percentile of the paths."""

    month: int
    day: date
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float


class Projection(Sourced):
    """real: True when wealth is in today's money. shortfall: among the failing paths, the mean amount missing."""

    currency: str
    months: int
    paths: int
    seed: int
    method: Literal["lognormal", "bootstrap"]
    real: bool
    paid_in: float
    bands: list[Band]
    final_mean: float
    target: float | None
    probability_of_target: float | None
    probability_of_ruin: float
    median_ruin_month: int | None
    shortfall: float | None
    assumptions: dict[str, float]


class Order(Result):
    """lots: whole lots, negative to sell; amount: of the trade in the portfolio's currency, positive; cost: on top."""

    fund_id: str
    side: Literal["buy", "sell"]
    lots: int
    units: float
    price: float
    amount: float
    cost: float


class Rebalanced(Sourced):
    """cash_after = cash_before + sold − bought − costs, to the cent. weights_* include CASH."""

    currency: str
    total_before: float
    total_after: float
    cash_before: float
    cash_after: float
    sold: float
    bought: float
    costs: float
    orders: list[Order]
    weights_before: dict[str, float]
    weights_after: dict[str, float]
    targets: dict[str, float]
    largest_gap: float = Field(description="Largest |weight after − target|, left by whole lots and cash")
    turnover: float


class AllocationFigures(Result):
    """expected_return and volatility: annualised, from the estimate that the method used."""

    weights: dict[str, float]
    expected_return: float
    volatility: float
    sharpe: float | None
    expected_shortfall: float | None


class Allocation(Sourced):
    """objective: the value that the method minimised or maximised, as `objective_is` says."""

    currency: str
    method: str
    allocation: AllocationFigures
    risk_shares: dict[str, float]
    objective: float
    objective_is: str
    expected_returns: dict[str, float]
    risk_free: float
    current: AllocationFigures | None = Field(description="The weights passed as current, by the same estimate")


class Frontier(Sourced):
    """points: from minimum variance to maximum return; expected return and volatility both rise."""

    currency: str
    points: list[AllocationFigures]
    minimum_variance: AllocationFigures
    maximum_sharpe: AllocationFigures | None
    funds: dict[str, AllocationFigures]
    current: AllocationFigures | None


class Backtest(Sourced):
    currency: str
    weights: dict[str, float]
    rebalancing: str
    cost_rate: float
    initial: float
    final: float
    costs: float
    turnover: float = Field(description="Bought and sold, halved, as a share of wealth, a year")
    rebalancings: int
    measures: Measures
    growth: list[Point]
    drawdown: list[Point]
    comparison: BenchmarkFigures | None


class ScenarioOutcome(Result):
    """change: of the portfolio, negative is a loss. by_fund: each fund's own change."""

    scenario: str
    kind: Literal["historical", "hypothetical"]
    title_en: str
    title_zh: str
    start: date | None
    end: date | None
    change: float | None
    amount: float | None
    by_fund: dict[str, float]
    source: str
    not_covered: list[str] = Field(description="Funds without values over the window; then there is no change")


class Stress(Sourced):
    currency: str
    weights: dict[str, float]
    scenarios: list[ScenarioOutcome]


class Rate(Sourced):
    """Money-weighted return a year of the payments."""

    rate: float
    first: date
    last: date
    net: float
