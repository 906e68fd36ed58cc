"""Weights proposed for funds from their history, by a method that is named, and the frontier that they lie on."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tools.errors import InvalidInput
from tools.finance import allocation, black_litterman, estimates, measuring, weights
from tools.finance.allocation import Bounds
from tools.finance.book import Book, Window
from tools.finance.estimates import Estimate
from tools.finance.expected_shortfall import minimum_cvar
from tools.finance.faults import NoSolution
from tools.finance.market import CASH
from tools.finance.results import Allocation, AllocationFigures, Frontier, Notice
from tools.finance.risk import historical_cvar
from tools.finance.series import Floats

Method = Literal[
    "equal", "inverse_volatility", "risk_parity", "minimum_variance", "mean_variance", "maximum_sharpe",
    "target_volatility", "minimum_cvar", "black_litterman",
]  # fmt: skip


class Bound(BaseModel):
    """Least and largest weight of one fund, fractions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lower: Annotated[float, Field(ge=0, le=1)] = 0.0
    upper: Annotated[float, Field(ge=0, le=1)] = 1.0


class View(BaseModel):
    """An opinion: the portfolio `weights` will earn `expected_return` over the risk-free rate, a year. One fund at 1 is
    an absolute view; one at 1 and another at -1 says by how much the first will beat the second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: dict[str, float]
    expected_return: Annotated[float, Field(gt=-1, lt=1)]
    confidence: Annotated[float, Field(gt=0, le=1, description="0.5 is the usual; 1 is certainty")] = 0.5


@dataclass(frozen=True, slots=True)
class Brief:
    """What an allocation is asked for. least, most: bounds of every fund; bounds: of single ones, which win."""

    currency: str
    start: date | None = None
    end: date | None = None
    least: float = 0.0
    most: float = 1.0
    bounds: Mapping[str, Bound] | None = None
    risk_free: float = 0.0
    risk_aversion: float = 3.0
    target_volatility: float | None = None
    confidence: float = 0.95
    covariance: Literal["shrunk", "sample"] = "shrunk"
    expected: Mapping[str, float] | None = None
    views: Sequence[View] = ()
    market: Mapping[str, float] | None = None
    current: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """Funds, their estimate, and what bounds them. returns: of each day and fund; cash, where named, earns none."""

    names: tuple[str, ...]
    window: Window
    estimate: Estimate
    returns: Floats
    bounds: Bounds
    brief: Brief

    def figures(self, share: Floats) -> AllocationFigures:
        expected = float(share @ self.estimate.expected)
        deviation = float(np.sqrt(max(share @ self.estimate.covariance @ share, 0.0)))
        ratio = (expected - self.brief.risk_free) / deviation if deviation > 1e-12 else None
        loss = measuring.finite(historical_cvar(self.returns @ share, self.brief.confidence))
        return AllocationFigures(
            weights={name: float(each) for name, each in zip(self.names, share, strict=True)},
            expected_return=expected,
            volatility=deviation,
            sharpe=ratio,
            expected_shortfall=loss,
        )

    def vector(self, given: Mapping[str, float], field: str) -> Floats:
        """Weights by name as a vector. Raises InvalidInput for a fund that is not among these."""
        strange = [name for name in given if name not in self.names]
        if strange:
            raise InvalidInput(
                f"{field} names {', '.join(strange)}, which is not among the funds to allocate", field=field
            )
        return np.array([given.get(name, 0.0) for name in self.names])


async def _field(book: Book, fund_ids: Sequence[str], brief: Brief) -> _Field:
    if len(fund_ids) < 2:
        raise InvalidInput("an allocation needs at least two funds", field="fund_ids")
    cash = any(name.upper() == CASH for name in fund_ids)
    funds = await book.resolve([name for name in fund_ids if name.upper() != CASH])
    ids = [fund.fund_id for fund in funds]
    if not ids:
        raise InvalidInput("an allocation needs at least one fund beside cash", field="fund_ids")
    window = await book.window(ids, brief.currency, brief.start, brief.end, least=measuring.LEAST_RETURNS + 1)
    change = window.panel.returns
    periods = measuring.periods_a_year(window.panel.days)
    estimate = await asyncio.to_thread(
        estimates.shrunk if brief.covariance == "shrunk" else estimates.sample, change, periods
    )
    names = (*ids, CASH) if cash else tuple(ids)
    if cash:
        change = np.column_stack([change, np.zeros(len(change))])
        estimate = Estimate(
            np.append(estimate.expected, brief.risk_free), np.pad(estimate.covariance, (0, 1)), estimate.observations
        )
    expected = estimate.expected.copy()
    for name, value in (brief.expected or {}).items():
        if name not in names:
            raise InvalidInput(
                f"expected_returns names {name!r}, which is not among the funds", field="expected_returns"
            )
        if not -1 < value < 1:
            raise InvalidInput(f"an expected return of {value:g} is no fraction a year", field="expected_returns")
        expected[names.index(name)] = value
    strange = [name for name in brief.bounds or {} if name not in names]
    if strange:
        raise InvalidInput(f"bounds names {', '.join(strange)}, which is not among the funds", field="bounds")
    own = [(brief.bounds or {}).get(name, Bound(lower=brief.least, upper=brief.most)) for name in names]
    low, high = np.array([each.lower for each in own]), np.array([each.upper for each in own])
    estimate = Estimate(expected, estimate.covariance, estimate.observations)
    return _Field(names, window, estimate, change, Bounds.of(len(names), low, high), brief)


async def allocate(book: Book, fund_ids: Sequence[str], method: Method, brief: Brief) -> Allocation:
    """Weights of these funds (CASH may be one) by a method, with what they earn and risk by the estimate.

    Raises NoSolution when nothing satisfies the bounds, or InvalidInput when the method cannot keep them.
    """
    field = await _field(book, fund_ids, brief)
    share, field, objective, told = await asyncio.to_thread(_solved, field, method)
    current = None
    if brief.current is not None:
        current = field.figures(field.vector(await weights.checked(book, brief.current, "current"), "current"))
    pulls = allocation.risk_shares(share, field.estimate.covariance)
    return Allocation(
        **field.window.stamp(*_doubts(field), units=_UNITS),
        currency=brief.currency,
        method=method,
        allocation=field.figures(share),
        risk_shares={name: float(each) for name, each in zip(field.names, pulls, strict=True) if np.isfinite(each)},
        objective=objective,
        objective_is=told,
        expected_returns={name: float(each) for name, each in zip(field.names, field.estimate.expected, strict=True)},
        risk_free=brief.risk_free,
        current=current,
    )


_UNITS = {
    "weights": "fraction", "expected_return": "fraction a year, arithmetic", "volatility": "fraction a year",
    "sharpe": "ratio a year", "expected_shortfall": "fraction lost in a day, positive",
    "risk_shares": "fraction of the variance",
    "expected_returns": "fraction a year, arithmetic", "risk_free": "fraction a year",
}  # fmt: skip


def _doubts(field: _Field) -> list[Notice]:
    panel = field.window.panel
    years = (panel.last - panel.first).days / 365.25
    assumed = f"Expected returns are the mean of {years:.1f} past years unless given; such means are uncertain"
    found = [Notice(code="assumption", message=assumed)]
    if years < 3:
        message = f"The estimate rests on {years:.1f} years of values; three are usual"
        found.append(Notice(code="short_history", message=message))
    return found


def _solved(field: _Field, method: Method) -> tuple[Floats, _Field, float, str]:
    """(weights, the field with the estimate that was used, objective, what the objective is)."""
    mu, sigma, bounds, brief = field.estimate.expected, field.estimate.covariance, field.bounds, field.brief
    count = len(mu)
    free = bool(np.all(bounds.lower == 0) and np.all(bounds.upper == 1))
    unbounded: dict[str, Callable[[], Floats]] = {
        "equal": lambda: np.full(count, 1.0 / count),
        "inverse_volatility": lambda: allocation.inverse_volatility(sigma),
        "risk_parity": lambda: allocation.risk_parity(sigma),
    }
    if method in unbounded:
        if not free:
            raise InvalidInput(
                f"{method} has no bounds; take minimum_variance or maximum_sharpe for these", field="bounds"
            )
        if method != "equal" and np.any(np.diag(sigma) <= 1e-18):
            raise NoSolution(f"{method} has no answer with cash or a fund without risk")
        share = unbounded[method]()
    elif method == "minimum_variance":
        share = allocation.minimum_variance(sigma, bounds)
    elif method == "mean_variance":
        share = allocation.mean_variance(mu, sigma, brief.risk_aversion, bounds)
        utility = float(share @ mu - brief.risk_aversion / 2 * share @ sigma @ share)
        return share, field, utility, "w'μ − (λ/2)·w'Σw, maximised"
    elif method == "maximum_sharpe":
        share = allocation.maximum_sharpe(mu, sigma, brief.risk_free, bounds)
        ratio = float((share @ mu - brief.risk_free) / np.sqrt(share @ sigma @ share))
        return share, field, ratio, "Sharpe ratio, maximised"
    elif method == "target_volatility":
        if brief.target_volatility is None or not 0 < brief.target_volatility < 2:
            raise InvalidInput("target_volatility must be a fraction a year such as 0.1", field="target_volatility")
        share = allocation.target_volatility(mu, sigma, brief.target_volatility, bounds)
        return share, field, float(share @ mu), "expected return, maximised at the volatility"
    elif method == "minimum_cvar":
        share = minimum_cvar(field.returns, brief.confidence, bounds)
        loss = float(historical_cvar(field.returns @ share, brief.confidence))
        return share, field, loss, f"expected shortfall of a day at {brief.confidence:g}, minimised"
    else:
        return _black_litterman(field)
    return (
        share,
        field,
        float(share @ sigma @ share),
        "variance a year" + (", minimised" if "minimum" in method else ""),
    )


def _black_litterman(field: _Field) -> tuple[Floats, _Field, float, str]:
    brief, count = field.brief, len(field.names)
    market = np.full(count, 1.0 / count) if brief.market is None else field.vector(brief.market, "market_weights")
    if abs(market.sum() - 1) > 1e-4 or np.any(market < 0):
        raise InvalidInput("market_weights must be 0 or more and sum to 1", field="market_weights")
    pick = np.array([field.vector(view.weights, "views") for view in brief.views]).reshape(-1, count)
    views = black_litterman.Views(
        pick,
        np.array([view.expected_return for view in brief.views]),
        np.array([view.confidence for view in brief.views]),
    )
    found = black_litterman.posterior(field.estimate.covariance, market, views, brief.risk_aversion)
    estimate = Estimate(found.expected + brief.risk_free, found.covariance, field.estimate.observations)
    share = allocation.mean_variance(found.expected, found.covariance, brief.risk_aversion, field.bounds)
    utility = float(share @ found.expected - brief.risk_aversion / 2 * share @ found.covariance @ share)
    changed = _Field(field.names, field.window, estimate, field.returns, field.bounds, brief)
    return share, changed, utility, "w'μ − (λ/2)·w'Σw with the posterior's excess returns, maximised"


async def frontier(book: Book, fund_ids: Sequence[str], count: int, brief: Brief) -> Frontier:
    """Portfolios of least variance for rising expected returns, from minimum variance to maximum return."""
    if not 2 <= count <= 200:
        raise InvalidInput(f"a frontier has 2 to 200 points, not {count}", field="points")
    field = await _field(book, fund_ids, brief)
    drawn: dict[str, Any] = await asyncio.to_thread(_drawn, field, count)
    current = None
    if brief.current is not None:
        current = field.figures(field.vector(await weights.checked(book, brief.current, "current"), "current"))
    stamped = field.window.stamp(*_doubts(field), units=_UNITS)
    return Frontier(**stamped, **drawn, currency=brief.currency, current=current)


def _drawn(field: _Field, count: int) -> dict[str, Any]:
    mu, sigma, bounds = field.estimate.expected, field.estimate.covariance, field.bounds
    shares = allocation.frontier(mu, sigma, bounds, count)
    try:
        best = field.figures(allocation.maximum_sharpe(mu, sigma, field.brief.risk_free, bounds))
    except NoSolution:
        best = None
    return {
        "points": [field.figures(share) for share in shares],
        "minimum_variance": field.figures(shares[0]),
        "maximum_sharpe": best,
        "funds": {name: field.figures(row) for name, row in zip(field.names, np.eye(len(mu)), strict=True)},
    }
