"""Return for risk, and a portfolio beside its benchmark. Arrays hold one return a period along the first axis."""

import numpy as np

from tools.errors import InvalidInput
from tools.finance.returns import TRADING_DAYS, annualised_return
from tools.finance.risk import downside_deviation, volatility
from tools.finance.series import Floats


def rate_a_period(annual: float, periods: int = TRADING_DAYS) -> float:
    """(1 + annual)^(1 / periods) − 1: an effective annual rate as a rate a period.

    Source: CFA Institute, Quantitative Methods, effective annual rate; so does empyrical.
    """
    if not -1.0 < annual < 10.0:
        raise InvalidInput(f"a rate of {annual:g} a year is not a fraction such as 0.02", value=annual)
    return float((1.0 + annual) ** (1.0 / periods) - 1.0)


def _divided(numerator: Floats, denominator: Floats) -> Floats:
    """NaN where nothing varies: a ratio to no risk says nothing. 1e-14 is the rounding of a constant series."""
    flat = np.abs(denominator) < 1e-14
    return np.asarray(np.where(flat, np.nan, numerator / np.where(flat, 1.0, denominator)), dtype=np.float64)


def sharpe(returns: Floats, risk_free: float = 0.0, periods: int = TRADING_DAYS) -> Floats:
    """mean(r − f) / s(r − f) · √periods, f the risk-free rate a period, s with divisor T − 1; NaN without risk.

    Source: Sharpe (1994), The Sharpe Ratio, ex post.
    """
    excess = returns - risk_free
    return _divided(np.mean(excess, axis=0) * periods, volatility(excess, periods))


def sortino(returns: Floats, target: float = 0.0, periods: int = TRADING_DAYS) -> Floats:
    """mean(r − target) · periods / annualised downside deviation below target (a period); NaN without downside.

    Source: Sortino & Price (1994).
    """
    return _divided(np.mean(returns - target, axis=0) * periods, downside_deviation(returns, target, periods))


def calmar(annual_return: float, depth: float) -> float:
    """Annualised return / maximum drawdown; NaN without a drawdown. Source: Young (1991)."""
    return float("nan") if depth < 1e-14 else annual_return / depth


def beta(returns: Floats, benchmark: Floats) -> Floats:
    """cov(r, b) / var(b), the slope of r on b; NaN for a constant benchmark. Source: Sharpe (1964), CAPM."""
    centred = benchmark - np.mean(benchmark)
    return _divided(
        centred @ (returns - np.mean(returns, axis=0)), np.asarray(np.dot(centred, centred), dtype=np.float64)
    )


def alpha(returns: Floats, benchmark: Floats, risk_free: float = 0.0, periods: int = TRADING_DAYS) -> Floats:
    """Jensen's alpha a year: (1 + mean((r − f) − β·(b − f)))^periods − 1, f a period.

    Source: Jensen (1968); compounded over the year as empyrical does.
    """
    slope = beta(returns - risk_free, benchmark - risk_free)
    average = np.mean(returns, axis=0) - risk_free - slope * (np.mean(benchmark) - risk_free)
    return np.asarray((1.0 + average) ** periods - 1.0, dtype=np.float64)


def correlation(returns: Floats) -> Floats:
    """cov(x, y) / (s_x · s_y) of each two columns, from −1 to 1; NaN beside a constant column, 1 on the diagonal.

    Source: Pearson (1895); CFA Institute, Quantitative Methods, correlation.
    """
    centred = returns - np.mean(returns, axis=0)
    norms: Floats = np.sqrt(np.sum(centred * centred, axis=0))
    matrix = _divided(centred.T @ centred, norms[:, None] * norms[None, :])
    matrix = np.where(np.isnan(matrix), matrix, np.clip(matrix, -1.0, 1.0))
    np.fill_diagonal(matrix, 1.0)
    return matrix


def tracking_error(returns: Floats, benchmark: Floats, periods: int = TRADING_DAYS) -> float:
    """s(r − b) · √periods. Source: CFA Institute, active risk; Grinold & Kahn (2000)."""
    return float(volatility(returns - benchmark, periods))


def information_ratio(returns: Floats, benchmark: Floats, periods: int = TRADING_DAYS) -> float:
    """mean(r − b) · periods / tracking error; NaN when the two never part. Source: Grinold & Kahn (2000), ch. 5."""
    active = returns - benchmark
    return float(_divided(np.asarray(np.mean(active) * periods, dtype=np.float64), volatility(active, periods)))


def capture(returns: Floats, benchmark: Floats, periods: int = TRADING_DAYS) -> tuple[float, float]:
    """(up, down): annualised return over the periods in which the benchmark rose (fell), divided by the benchmark's.

    Source: Morningstar, Upside/Downside Capture Ratio (geometric). NaN where there is no such period.
    """
    found: list[float] = []
    for chosen in (benchmark > 0, benchmark < 0):
        if not np.any(chosen):
            found.append(float("nan"))
            continue
        mine, theirs = annualised_return(returns[chosen], periods), annualised_return(benchmark[chosen], periods)
        found.append(float(_divided(mine, theirs)))
    return found[0], found[1]
