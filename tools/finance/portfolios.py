"""A portfolio by its weights: measured, compared, tested in the past, and put under stress."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from tools.errors import InvalidInput
from tools.finance import backtest as walking
from tools.finance import measuring, ratios, risk, weights
from tools.finance.allocation import risk_shares
from tools.finance.backtest import Rebalancing, Walk
from tools.finance.book import Book, Window, stamp, without_cash
from tools.finance.estimates import sample
from tools.finance.market import CASH
from tools.finance.results import (
    Backtest,
    BenchmarkComparison,
    BenchmarkFigures,
    Notice,
    PortfolioMeasured,
    RiskShare,
)
from tools.finance.series import Days, Floats, Frequency, Panel


@dataclass(frozen=True, slots=True)
class Terms:
    """How a portfolio is looked at. currency: of all values. risk_free: a year. confidence: of the loss figures.

    rebalancing: when it is brought back to its weights. cost_rate: of each amount traded. benchmark: a series' id.
    frequency: of the curves that are returned.
    """

    currency: str
    start: date | None = None
    end: date | None = None
    risk_free: float = 0.0
    confidence: float = 0.95
    rebalancing: Rebalancing = "month"
    cost_rate: float = 0.0
    benchmark: str | None = None
    frequency: Frequency = "week"

    def check(self) -> None:
        """Raises InvalidInput for a rate or confidence outside its range."""
        if not 0.5 <= self.confidence < 1:
            raise InvalidInput(f"confidence {self.confidence:g} is not in [0.5, 1)", field="confidence")
        if not -0.5 < self.risk_free < 0.5:
            raise InvalidInput(f"risk_free {self.risk_free:g} is no fraction a year such as 0.02", field="risk_free")
        if not 0 <= self.cost_rate < 0.1:
            raise InvalidInput(f"cost_rate {self.cost_rate:g} is not a fraction in [0, 0.1)", field="cost_rate")


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """A portfolio walked through the past. window: None for all cash."""

    window: Window | None
    names: tuple[str, ...]
    share: Floats
    days: Days
    walk: Walk
    comparison: BenchmarkFigures | None
    benchmark: Floats | None

    def stamp(self, *more: Notice) -> dict[str, object]:
        cash = Notice(code="all_cash", message="All in cash: constant value, no risk, and no interest is assumed")
        if not self.names:
            more = (cash, *more)
        if self.window is None:
            return stamp((), more, None, measuring.UNITS)
        return self.window.stamp(*more, units=measuring.UNITS)


async def _walk(book: Book, found: Mapping[str, float], terms: Terms, initial: float = 1.0) -> _Path:
    terms.check()
    names = tuple(without_cash(found))
    share = np.array([found[name] for name in names])
    if not names and terms.benchmark is None:
        book.check_dates(terms.start, terms.end)
        end = np.datetime64(terms.end or book.today, "D")
        start = np.datetime64(terms.start, "D") if terms.start else end - 3 * 365
        days = np.arange(start, end + 1)
        days = days[np.is_busday(days)]
        flat = Walk(np.full(len(days), initial), 0.0, 0.0, 0, share)
        return _Path(None, names, share, days, flat, None, None)
    ids = (*names, terms.benchmark) if terms.benchmark else names
    window = await book.window(ids, terms.currency, terms.start, terms.end)
    panel = window.panel
    walk = await asyncio.to_thread(
        walking.walk, panel.days, panel.values[:, : len(names)], share, terms.rebalancing, terms.cost_rate, initial
    )
    other = panel.values[:, -1] if terms.benchmark else None
    comparison = None
    if other is not None and terms.benchmark is not None:
        comparison = measuring.compare(
            panel.days, walk.wealth, other, terms.benchmark, terms.risk_free, terms.confidence
        )
    return _Path(window, names, share, panel.days, walk, comparison, other)


async def measure_portfolio(book: Book, given: Mapping[str, float], terms: Terms) -> PortfolioMeasured:
    """Return, risk and drawdown of a portfolio brought back to its weights, and each fund's part in its risk."""
    found = await weights.checked(book, given)
    path = await _walk(book, found, terms)
    measures = measuring.measure(path.days, path.walk.wealth, terms.risk_free, terms.confidence)
    funds = await book.funds()
    shares, ratio, average = _shares(path, found, terms)
    return PortfolioMeasured(
        **path.stamp(*measuring.doubts(measures)),  # pyright: ignore[reportArgumentType], the fields of Sourced
        currency=terms.currency,
        risk_free=terms.risk_free,
        rebalancing=terms.rebalancing,
        weights=found,
        measures=measures,
        shares=shares,
        diversification_ratio=ratio,
        effective_holdings=1.0 / sum(weight * weight for weight in found.values()),
        average_correlation=average,
        weighted_ongoing_fee=sum(found[name] * funds[name].ongoing_fee for name in path.names),
        growth=measuring.points(path.days, path.walk.wealth, terms.frequency),
        drawdown=measuring.points(path.days, risk.drawdowns(path.walk.wealth), terms.frequency),
        comparison=path.comparison,
    )


def _shares(
    path: _Path, found: Mapping[str, float], terms: Terms
) -> tuple[list[RiskShare], float | None, float | None]:
    """(each fund's share of the variance, diversification ratio, average correlation of the pairs).

    Diversification ratio: Σ w_i σ_i / σ_portfolio. Source: Choueifaty & Coignard (2008).
    """
    tail: list[RiskShare] = []
    if CASH in found:
        tail.append(RiskShare(fund_id=CASH, weight=found[CASH], risk=0.0, volatility=0.0, annualised_return=0.0))
    if path.window is None or not path.names:
        return tail, None, None
    panel = path.window.panel
    inner = Panel(path.names, panel.days, panel.values[:, : len(path.names)])
    change = inner.returns
    known = len(change) >= measuring.LEAST_RETURNS
    covariance = sample(change, measuring.periods_a_year(panel.days)).covariance if known else None
    pulls = risk_shares(path.share, covariance) if covariance is not None else np.full(len(path.names), np.nan)
    shares: list[RiskShare] = []
    for place, name in enumerate(path.names):
        own = measuring.measure(panel.days, inner.values[:, place], terms.risk_free, terms.confidence)
        shares.append(
            RiskShare(
                fund_id=name,
                weight=found[name],
                risk=measuring.finite(pulls[place]),
                volatility=own.volatility,
                annualised_return=own.annualised_return,
            )
        )
    if covariance is None:
        return [*shares, *tail], None, None
    deviation = np.sqrt(np.diag(covariance))
    whole = float(np.sqrt(max(path.share @ covariance @ path.share, 0.0)))
    pairs = ratios.correlation(change)[np.triu_indices(len(path.names), 1)]
    average = measuring.finite(float(np.mean(pairs))) if len(pairs) else None
    return [*shares, *tail], (float(path.share @ deviation) / whole if whole > 1e-14 else None), average


async def compare_benchmark(book: Book, given: Mapping[str, float], terms: Terms) -> BenchmarkComparison:
    """A portfolio (one fund is {"ID": 1}) beside a benchmark in the same currency on the same days."""
    if terms.benchmark is None:
        raise InvalidInput("a comparison needs a benchmark", field="benchmark")
    found = await weights.checked(book, given)
    path = await _walk(book, found, terms)
    assert path.comparison is not None and path.benchmark is not None  # noqa: PT018, a benchmark was given
    measures = measuring.measure(path.days, path.walk.wealth, terms.risk_free, terms.confidence)
    return BenchmarkComparison(
        **path.stamp(*measuring.doubts(measures)),  # pyright: ignore[reportArgumentType]
        currency=terms.currency,
        measures=measures,
        comparison=path.comparison,
        growth=measuring.points(path.days, path.walk.wealth, terms.frequency),
        benchmark_growth=measuring.points(path.days, path.benchmark / path.benchmark[0], terms.frequency),
    )


async def backtest(book: Book, given: Mapping[str, float], terms: Terms, initial: float) -> Backtest:
    """A portfolio walked through the past with costs. initial: the amount that is invested on the first day."""
    if not 0 < initial < 1e15:
        raise InvalidInput(f"the initial amount must be positive, not {initial:g}", field="initial")
    found = await weights.checked(book, given)
    path = await _walk(book, found, terms, initial)
    measures = measuring.measure(path.days, path.walk.wealth, terms.risk_free, terms.confidence)
    years = max((measures.end - measures.start).days / 365.25, 1 / 365.25)
    assumed = Notice(
        code="assumption",
        message="Past values with today's weights, divisible units, trades at the day's value; no forecast",
    )
    return Backtest(
        **path.stamp(assumed, *measuring.doubts(measures)),  # pyright: ignore[reportArgumentType]
        currency=terms.currency,
        weights=found,
        rebalancing=terms.rebalancing,
        cost_rate=terms.cost_rate,
        initial=initial,
        final=float(path.walk.wealth[-1]),
        costs=path.walk.costs,
        turnover=path.walk.traded / 2 / years,
        rebalancings=path.walk.rebalancings,
        measures=measures,
        growth=measuring.points(path.days, path.walk.wealth, terms.frequency),
        drawdown=measuring.points(path.days, risk.drawdowns(path.walk.wealth), terms.frequency),
        comparison=path.comparison,
    )
