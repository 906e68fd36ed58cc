"""From values on days to every figure that describes them."""

import math
from collections.abc import Iterator
from datetime import date
from typing import Final

import numpy as np

from tools.finance import ratios, returns, risk
from tools.finance.results import BenchmarkFigures, DrawdownFigures, Measures, Notice, PeriodReturn, Point
from tools.finance.series import Days, Floats, Frequency, as_date, as_dates, period_ends

LEAST_RETURNS: Final = 20
"""Returns below which no risk figure is given."""

_PERIODS: Final = (("1M", 1), ("3M", 3), ("6M", 6), ("1Y", 12), ("3Y", 36), ("5Y", 60), ("10Y", 120))

UNITS: Final = {
    "total_return": "fraction", "total": "fraction", "annualised": "fraction a year",
    "annualised_return": "fraction a year, geometric, by calendar days (365.25)",
    "volatility": "fraction a year", "downside_deviation": "fraction a year",
    "depth": "fraction, positive", "sharpe": "ratio a year", "sortino": "ratio a year", "calmar": "ratio",
    "confidence": "fraction", "value_at_risk": "fraction lost in one period of the data, positive",
    "expected_shortfall": "fraction lost in one period of the data, positive",
    "normal_value_at_risk": "fraction lost in one period of the data, positive",
    "normal_expected_shortfall": "fraction lost in one period of the data, positive",
    "best_day": "fraction", "worst_day": "fraction", "positive_months": "fraction of months",
    "growth": "wealth of 1 at the start", "drawdown": "fraction below the peak, positive",
    "risk_free": "fraction a year", "weight": "fraction", "weights": "fraction",
    "risk": "fraction of the variance", "beta": "ratio",
    "alpha": "fraction a year", "correlation": "from -1 to 1", "tracking_error": "fraction a year",
    "information_ratio": "ratio a year", "active_return": "fraction a year", "up_capture": "ratio",
    "down_capture": "ratio", "months_ahead": "fraction of months",
}  # fmt: skip
"""Units of the figures of Measures and BenchmarkFigures, by field name."""


def finite(value: float | Floats) -> float | None:
    """None for a figure that is undefined."""
    number = float(value)
    return number if math.isfinite(number) else None


def periods_a_year(days: Days) -> int:
    """Values a year by the median distance of neighbours: 252 daily, 52 weekly, 12 monthly, 4 quarterly, 1 yearly."""
    if len(days) < 2:
        return returns.TRADING_DAYS
    gap = float(np.median(np.diff(days).astype(np.int64)))
    for most, count in ((4, returns.TRADING_DAYS), (10, 52), (45, 12), (135, 4)):
        if gap <= most:
            return count
    return 1


def measure(days: Days, values: Floats, risk_free: float = 0.0, confidence: float = 0.95) -> Measures:
    """Every figure of one series of values, from two on. risk_free: a fraction a year. Undefined figures are None.

    Formula, annualisation and source of each: the functions of `returns`, `risk` and `ratios`; units: UNITS.
    """
    change = returns.simple_returns(values)
    periods = periods_a_year(days)
    span = int((days[-1] - days[0]).astype(np.int64))
    annual = returns.compound_annual_growth(float(values[0]), float(values[-1]), span) if span >= 365 else None
    fall = risk.maximum_drawdown(days, values)
    enough = len(change) >= LEAST_RETURNS
    tail = enough and (1 - confidence) * len(change) >= 1 - 1e-9
    rate = ratios.rate_a_period(risk_free, periods)
    months = [each for _, each in returns.calendar_returns(days, values, "month")][1:]
    return Measures(
        start=as_date(days[0]),
        end=as_date(days[-1]),
        observations=len(days),
        total_return=float(returns.total_return(values)),
        annualised_return=annual,
        volatility=finite(risk.volatility(change, periods)) if enough else None,
        downside_deviation=finite(risk.downside_deviation(change, 0.0, periods)) if enough else None,
        maximum_drawdown=DrawdownFigures(
            depth=fall.depth, peak=fall.peak, trough=fall.trough, recovered=fall.recovered
        ),
        sharpe=finite(ratios.sharpe(change, rate, periods)) if enough else None,
        sortino=finite(ratios.sortino(change, rate, periods)) if enough else None,
        calmar=None if annual is None else finite(ratios.calmar(annual, fall.depth)),
        confidence=confidence,
        value_at_risk=finite(risk.historical_var(change, confidence)) if tail else None,
        expected_shortfall=finite(risk.historical_cvar(change, confidence)) if tail else None,
        normal_value_at_risk=finite(risk.normal_var(change, confidence)) if enough else None,
        normal_expected_shortfall=finite(risk.normal_cvar(change, confidence)) if enough else None,
        best_day=float(change.max()),
        worst_day=float(change.min()),
        positive_months=sum(each > 0 for each in months) / len(months) if months else None,
        returns=list(_trailing(days, values)),
        calendar_years=list(_years(days, values)),
    )


def _period(name: str, start: date, end: date, total: float) -> PeriodReturn:
    span = (end - start).days
    annual = returns.compound_annual_growth(1.0, 1.0 + total, span) if span >= 365 else None
    return PeriodReturn(period=name, start=start, end=end, total=total, annualised=annual)


def _trailing(days: Days, values: Floats) -> Iterator[PeriodReturn]:
    end = as_date(days[-1])
    starts = [(name, returns.trailing_start(end, months)) for name, months in _PERIODS]
    starts.insert(3, ("YTD", date(end.year - 1, 12, 31)))
    for name, start in starts:
        total = returns.return_since(days, values, start)
        if total is not None:
            yield _period(name, start, end, total)
    yield _period("ALL", as_date(days[0]), end, float(values[-1] / values[0] - 1.0))


def _years(days: Days, values: Floats) -> Iterator[PeriodReturn]:
    start = as_date(days[0])
    for end, total in returns.calendar_returns(days, values, "year"):
        yield PeriodReturn(period=str(end.year), start=start, end=end, total=total, annualised=None)
        start = end


def doubts(measures: Measures, subject: str | None = None) -> list[Notice]:
    """What the length of the history keeps the figures from saying."""
    found: list[Notice] = []
    who = f"{subject}: " if subject else ""
    if measures.annualised_return is None:
        message = (
            f"{who}less than a year of values ({measures.start} to {measures.end}): returns are not annualised (GIPS)"
        )
        found.append(Notice(code="not_annualised", message=message, subject=subject))
    if measures.observations <= LEAST_RETURNS:
        message = f"{who}{measures.observations} values are too few for risk figures; {LEAST_RETURNS + 1} are needed"
        found.append(Notice(code="short_history", message=message, subject=subject))
    elif (measures.end - measures.start).days < 3 * 365:
        message = f"{who}figures rest on {(measures.end - measures.start).days / 365.25:.1f} years; three are usual"
        found.append(Notice(code="short_history", message=message, subject=subject))
    return found


def compare(
    days: Days,
    values: Floats,
    benchmark: Floats,
    benchmark_id: str,
    risk_free: float = 0.0,
    confidence: float = 0.95,
) -> BenchmarkFigures:
    """A series beside its benchmark, both on the same days and in the same currency. Formulas and sources: `ratios`.

    active_return: the difference of the annualised returns (Grinold & Kahn 2000). months_ahead: the share of the
    calendar months, the first left out, in which the series earned more.
    """
    mine, theirs = returns.simple_returns(values), returns.simple_returns(benchmark)
    periods = periods_a_year(days)
    rate = ratios.rate_a_period(risk_free, periods)
    measured = measure(days, benchmark, risk_free, confidence)
    own = measure(days, values, risk_free, confidence).annualised_return
    enough = len(mine) >= LEAST_RETURNS
    up, down = ratios.capture(mine, theirs, periods) if enough else (math.nan, math.nan)
    ours = returns.calendar_returns(days, values, "month")[1:]
    others = returns.calendar_returns(days, benchmark, "month")[1:]
    ahead = [a > b for (_, a), (_, b) in zip(ours, others, strict=True)]
    active = None if own is None or measured.annualised_return is None else own - measured.annualised_return
    return BenchmarkFigures(
        benchmark_id=benchmark_id,
        benchmark=measured,
        beta=finite(ratios.beta(mine, theirs)) if enough else None,
        alpha=finite(ratios.alpha(mine, theirs, rate, periods)) if enough else None,
        correlation=finite(ratios.correlation(np.column_stack([mine, theirs]))[0, 1]) if enough else None,
        tracking_error=finite(ratios.tracking_error(mine, theirs, periods)) if enough else None,
        information_ratio=finite(ratios.information_ratio(mine, theirs, periods)) if enough else None,
        active_return=active,
        up_capture=finite(up),
        down_capture=finite(down),
        months_ahead=sum(ahead) / len(ahead) if ahead else None,
    )


def points(days: Days, values: Floats, frequency: Frequency = "week") -> list[Point]:
    """The values at the first day and at the ends of periods."""
    chosen = np.unique(np.append(0, period_ends(days, frequency)))
    return [
        Point(day=day, value=float(value)) for day, value in zip(as_dates(days[chosen]), values[chosen], strict=True)
    ]
