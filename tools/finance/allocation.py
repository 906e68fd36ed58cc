"""Weights from expected returns and covariances: long only, fully invested, within bounds.

expected and covariance are annualised fractions; weights are fractions that sum to one. With a positive definite
covariance each optimum is unique, and the tests hold its weights to 1e-9 of an independent library's (OSQP, MINPACK) on
real prices.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from tools.errors import InvalidInput
from tools.finance.faults import NoSolution
from tools.finance.quadratic import minimise
from tools.finance.series import Floats, floats

_RIDGE: Final = 1e-12
"""Added to the diagonal, relative to its mean, when a covariance is not positive definite (two funds that are one)."""


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """lower, upper: least and largest weight of each asset, in [0, 1]."""

    lower: Floats
    upper: Floats

    @classmethod
    def of(cls, count: int, lower: float | Floats = 0.0, upper: float | Floats = 1.0) -> "Bounds":
        """Bounds for so many assets. Raises InvalidInput for one outside [0, 1], NoSolution when no sum is 1."""
        low = np.broadcast_to(np.asarray(lower, dtype=np.float64), (count,)).copy()
        high = np.broadcast_to(np.asarray(upper, dtype=np.float64), (count,)).copy()
        if not (np.all(np.isfinite(low)) and np.all(low >= 0) and np.all(high <= 1) and np.all(low <= high)):
            raise InvalidInput("bounds of weights must satisfy 0 ≤ lower ≤ upper ≤ 1", field="bounds")
        if np.sum(low) > 1 + 1e-12 or np.sum(high) < 1 - 1e-12:
            raise NoSolution(
                f"no weights within these bounds sum to 1: the lower ones sum to {np.sum(low):.4g}, the upper ones to"
                f" {np.sum(high):.4g}"
            )
        return cls(low, high)


def _only(bounds: Bounds) -> Floats | None:
    """The one portfolio that the bounds leave, to rounding; None where they leave more."""
    for weights in (bounds.lower, bounds.upper):
        if abs(float(weights.sum()) - 1.0) <= 1e-12:
            return weights.copy()
    return None


def _definite(covariance: Floats) -> Floats:
    try:
        np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        size = float(np.mean(np.diag(covariance))) or 1.0
        lowest = float(np.linalg.eigvalsh(covariance)[0])
        return covariance + (max(-lowest, 0.0) + _RIDGE * size * len(covariance)) * np.eye(len(covariance))
    return covariance


def _clean(weights: Floats, bounds: Bounds) -> Floats:
    """Rounding of the solver taken off: within the bounds, summing to one."""
    inside = np.clip(weights, bounds.lower, bounds.upper)
    free = (inside > bounds.lower + 1e-15) & (inside < bounds.upper - 1e-15)
    if np.any(free):
        inside[free] += (1.0 - inside.sum()) * inside[free] / inside[free].sum()
    return np.clip(inside, bounds.lower, bounds.upper)


def minimum_variance(covariance: Floats, bounds: Bounds, expected: Floats | None = None, least: float = 0.0) -> Floats:
    """argmin w'Σw; with `expected`, among the weights whose expected return is at least `least`.

    Source: Markowitz (1952), Portfolio Selection. Raises NoSolution when that return is out of reach.
    """
    count = len(covariance)
    rows, low, high = np.ones((1, count)), np.array([1.0]), np.array([1.0])
    if expected is not None:
        rows = np.vstack([rows, expected])
        low, high = np.append(low, least), np.append(high, 1e30)
    weights = minimise(_definite(covariance), np.zeros(count), bounds.lower, bounds.upper, rows, low, high)
    return _clean(weights, bounds)


def mean_variance(expected: Floats, covariance: Floats, risk_aversion: float, bounds: Bounds) -> Floats:
    """argmax w'μ − (λ/2)·w'Σw, λ > 0 the risk aversion (2 to 4 for a typical investor).

    Source: Markowitz (1959); Grinold & Kahn (2000), ch. 2.
    """
    if not risk_aversion > 0:
        raise InvalidInput(f"risk aversion must be positive, not {risk_aversion:g}", field="risk_aversion")
    count = len(expected)
    one = np.array([1.0])
    hessian = _definite(covariance) * risk_aversion
    return _clean(minimise(hessian, -expected, bounds.lower, bounds.upper, np.ones((1, count)), one, one), bounds)


def maximum_return(expected: Floats, bounds: Bounds) -> Floats:
    """argmax w'μ: the best assets filled to their upper bounds, one after the other (of equal ones the first).

    Source: Dantzig (1957), the continuous knapsack, which greed solves.
    """
    weights = bounds.lower.copy()
    room = 1.0 - float(weights.sum())
    for place in np.argsort(-expected, kind="stable"):
        step = min(room, float(bounds.upper[place] - weights[place]))
        weights[place] += step
        room -= step
    return weights


def target_volatility(expected: Floats, covariance: Floats, most: float, bounds: Bounds) -> Floats:
    """argmax w'μ with √(w'Σw) ≤ most: the frontier's portfolio of that risk, found by bisection on its return.

    Source: Markowitz (1959). Raises NoSolution when even minimum variance is above it.
    """
    least = minimum_variance(covariance, bounds)
    lowest = float(np.sqrt(least @ covariance @ least))
    if lowest > most * (1 + 1e-12):
        raise NoSolution(
            f"no weights have a volatility of {most:.4g} or less; the least is {lowest:.4g}",
            least=lowest,
        )
    best = maximum_return(expected, bounds)
    if np.sqrt(best @ covariance @ best) <= most:
        return best
    low, high, weights = float(least @ expected), float(best @ expected), least
    for _ in range(60):
        middle = (low + high) / 2
        tried = minimum_variance(covariance, bounds, expected, middle)
        if np.sqrt(tried @ covariance @ tried) <= most:
            low, weights = middle, tried
        else:
            high = middle
    return weights


def frontier(expected: Floats, covariance: Floats, bounds: Bounds, count: int) -> list[Floats]:
    """Minimum variance for `count` expected returns, evenly from that of minimum variance to the largest.

    Source: Markowitz (1952), efficient frontier.
    """
    least, best = minimum_variance(covariance, bounds), maximum_return(expected, bounds)
    low, high = float(least @ expected), float(best @ expected)
    if high - low <= 1e-14:
        return [least] * count
    inner = [minimum_variance(covariance, bounds, expected, each) for each in np.linspace(low, high, count)[1:-1]]
    return [least, *inner, best]


def maximum_sharpe(expected: Floats, covariance: Floats, risk_free: float, bounds: Bounds) -> Floats:
    """argmax (w'μ − f) / √(w'Σw), f the risk-free rate a year.

    With y = k·w and k = Σy: min y'Σy with (μ − f)'y = 1 and lower·k ≤ y ≤ upper·k. Source: Cornuéjols & Tütüncü,
    Optimization Methods in Finance (2006), section 8.2. Raises NoSolution when no asset can be held that earns more
    than the risk-free rate.
    """
    count = len(expected)
    excess = expected - risk_free
    if float(maximum_return(expected, bounds) @ excess) <= 1e-12:
        raise NoSolution(
            f"no portfolio within the bounds is expected to earn more than the risk-free rate {risk_free:.4g}"
        )
    if (only := _only(bounds)) is not None:  # rows that meet in one point contradict each other by rounding
        return only
    high = float(np.max(excess))
    rows = [excess / high]
    low_side, high_side = [1.0], [1.0]
    for place in range(count):
        if bounds.lower[place] > 0:
            row = np.full(count, -bounds.lower[place])
            row[place] += 1.0
            rows.append(row)
            low_side.append(0.0)
            high_side.append(1e30)
        if bounds.upper[place] < 1:
            row = np.full(count, bounds.upper[place])
            row[place] -= 1.0
            rows.append(row)
            low_side.append(0.0)
            high_side.append(1e30)
    scaled = minimise(
        _definite(covariance),
        np.zeros(count),
        np.zeros(count),
        np.full(count, 1e30),
        np.vstack(rows),
        np.array(low_side),
        np.array(high_side),
    )
    return _clean(scaled / scaled.sum(), bounds)


def risk_parity(covariance: Floats, budgets: Floats | None = None) -> Floats:
    """Each asset's share of the variance, w_i·(Σw)_i / w'Σw, equals its budget (equal by default); no bounds.

    Long only: the minimiser of ½ x'Σx − Σ b_i ln x_i, scaled to sum to one, by Newton's method with the damped step of
    self-concordant functions. Source: Maillard, Roncalli & Teïletche (2010); Spinu (2013), An algorithm for computing
    risk parity weights.
    """
    count = len(covariance)
    shares = np.full(count, 1.0 / count) if budgets is None else budgets / budgets.sum()
    if np.any(shares <= 0):
        raise InvalidInput("every risk budget must be positive", field="budgets")
    deviations = np.sqrt(np.diag(covariance))
    if np.any(deviations <= 0):
        raise NoSolution("risk parity has no answer for an asset without any risk")
    matrix: Floats = covariance / (deviations[:, None] * deviations[None, :])
    start: Floats = np.sqrt(shares)
    x: Floats = start / np.sqrt(start @ matrix @ start)
    for _ in range(200):
        gradient: Floats = matrix @ x - shares / x
        step = floats(np.linalg.solve(matrix + np.diag(shares / (x * x)), gradient))
        decrement = float(np.sqrt(max(gradient @ step, 0.0) / np.min(shares)))
        longest = float(np.max(step / x))
        x = x - step / (1.0 + decrement) if decrement > 0.3 or longest >= 1 else x - step
        if decrement < 1e-15:
            break
    weights = x / deviations
    return weights / weights.sum()


def inverse_volatility(covariance: Floats) -> Floats:
    """w_i ∝ 1 / σ_i: risk parity if all correlations were equal. Source: Leote de Carvalho, Lu & Moulin (2012)."""
    inverse = 1.0 / np.sqrt(np.diag(covariance))
    return inverse / inverse.sum()


def risk_shares(weights: Floats, covariance: Floats) -> Floats:
    """w_i·(Σw)_i / w'Σw, summing to one; NaN for a portfolio without risk. Source: Litterman (1996), Hot spots."""
    pulls = weights * (covariance @ weights)
    total = float(pulls.sum())
    return pulls / total if total > 1e-300 else np.full(len(weights), np.nan)
