"""Risk of a series of returns. Losses are positive fractions: a VaR of 0.02 is a loss of two per cent.

Array arguments hold one return a period along the first axis; a second axis is one fund a column.
"""

from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np

from tools.errors import InvalidInput
from tools.finance.returns import TRADING_DAYS
from tools.finance.series import Days, Floats, as_date


def volatility(returns: Floats, periods: int = TRADING_DAYS) -> Floats:
    """Annualised: s · √periods with the sample standard deviation s (divisor T − 1), returns taken as independent.

    Source: CFA Institute, Quantitative Methods; GIPS 2020 glossary, standard deviation.
    """
    return np.asarray(np.std(returns, axis=0, ddof=1) * np.sqrt(periods), dtype=np.float64)


def downside_deviation(returns: Floats, target: float = 0.0, periods: int = TRADING_DAYS) -> Floats:
    """Annualised target semideviation: √(Σ min(r_t − target, 0)² / T) · √periods, target a period, T all periods.

    Source: Sortino & van der Meer (1991); CFA Institute, target downside deviation (with divisor T).
    """
    below = np.minimum(returns - target, 0.0)
    return np.asarray(np.sqrt(np.mean(below * below, axis=0)) * np.sqrt(periods), dtype=np.float64)


def drawdowns(values: Floats) -> Floats:
    """1 − V_t / max_{s ≤ t} V_s, from 0 (at the peak) to below 1. Source: Magdon-Ismail & Atiya (2004)."""
    return 1.0 - values / np.maximum.accumulate(values, axis=0)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall from a peak. depth: in [0, 1). recovered: the first day at the peak's value again, or None."""

    depth: float
    peak: date
    trough: date
    recovered: date | None


def maximum_drawdown(days: Days, values: Floats) -> Drawdown:
    """The largest drawdown of daily values, with its days. Source: Magdon-Ismail & Atiya (2004)."""
    falls = drawdowns(values)
    trough = int(np.argmax(falls))
    peak = int(np.argmax(values[: trough + 1]))
    again = np.flatnonzero(values[trough:] >= values[peak])
    recovered = as_date(days[trough + int(again[0])]) if len(again) else None
    return Drawdown(float(falls[trough]), as_date(days[peak]), as_date(days[trough]), recovered)


def _tail(returns: Floats, confidence: float) -> float:
    if not 0.5 <= confidence < 1.0:
        raise InvalidInput(f"confidence {confidence:g} is not in [0.5, 1)", field="confidence", value=confidence)
    if not len(returns):
        raise InvalidInput("a tail needs at least one return")
    return (1.0 - confidence) * len(returns)


def historical_var(returns: Floats, confidence: float = 0.95) -> Floats:
    """The loss that the worst (1 − confidence) of the periods reach or exceed, over one period.

    The order statistic −r_(k), k = ⌈(1 − confidence) · T⌉: no interpolation, so CVaR ≥ VaR always holds.
    Source: Jorion, Value at Risk (2007), ch. 10; Rockafellar & Uryasev (2002), upper VaR of a discrete distribution.
    """
    tail = _tail(returns, confidence)
    place = max(0, int(np.ceil(tail - 1e-9)) - 1)
    return np.asarray(-np.partition(returns, place, axis=0)[place], dtype=np.float64)


def historical_cvar(returns: Floats, confidence: float = 0.95) -> Floats:
    """The mean loss of the worst (1 − confidence) of the periods, the last of them counted by its share of the tail.

    (1 / a) · (Σ_{i<k} −r_(i) + (a − k + 1) · −r_(k)), a = (1 − confidence) · T, k = ⌈a⌉.
    Source: Rockafellar & Uryasev (2002), proposition 8; expected shortfall of Acerbi & Tasche (2002).
    """
    tail = _tail(returns, confidence)
    place = max(0, int(np.ceil(tail - 1e-9)) - 1)
    ordered = np.partition(returns, place, axis=0)
    full = np.sum(ordered[:place], axis=0)
    return np.asarray(-(full / tail + ordered[place] * (1.0 - place / tail)), dtype=np.float64)


def normal_var(returns: Floats, confidence: float = 0.95, horizon: int = 1) -> Floats:
    """−(h·μ + √h·σ·z), z the (1 − confidence) quantile of the standard normal, h periods ahead.

    Source: J.P. Morgan/Reuters, RiskMetrics Technical Document (1996); understates fat tails.
    """
    _tail(returns, confidence)
    z = NormalDist().inv_cdf(1.0 - confidence)
    mean, deviation = np.mean(returns, axis=0), np.std(returns, axis=0, ddof=1)
    return np.asarray(-(horizon * mean + np.sqrt(horizon) * deviation * z), dtype=np.float64)


def normal_cvar(returns: Floats, confidence: float = 0.95, horizon: int = 1) -> Floats:
    """−h·μ + √h·σ·φ(z) / (1 − confidence): expected shortfall of a normal distribution.

    Source: McNeil, Frey & Embrechts, Quantitative Risk Management (2015), example 2.14.
    """
    _tail(returns, confidence)
    normal = NormalDist()
    density = normal.pdf(normal.inv_cdf(1.0 - confidence))
    mean, deviation = np.mean(returns, axis=0), np.std(returns, axis=0, ddof=1)
    return np.asarray(-horizon * mean + np.sqrt(horizon) * deviation * density / (1.0 - confidence), dtype=np.float64)
