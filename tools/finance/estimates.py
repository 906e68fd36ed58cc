"""Expected returns and covariances from daily returns, annualised."""

from dataclasses import dataclass

import numpy as np

from tools.finance.returns import TRADING_DAYS
from tools.finance.series import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """expected: of each asset, a year. covariance: a year. observations: daily returns that it rests on."""

    expected: Floats
    covariance: Floats
    observations: int


def sample(returns: Floats, periods: int = TRADING_DAYS) -> Estimate:
    """mean(r) · periods and the sample covariance (divisor T − 1) · periods. Source: Markowitz (1952)."""
    centred = returns - np.mean(returns, axis=0)
    covariance = centred.T @ centred / (len(returns) - 1) * periods
    return Estimate(np.mean(returns, axis=0) * periods, covariance, len(returns))


def shrunk(returns: Floats, periods: int = TRADING_DAYS) -> Estimate:
    """The mean as in `sample`; the covariance shrunk towards a multiple of the identity, which conditions it better.

    Σ = (1 − δ)·S + δ·(tr S / n)·I with S the covariance with divisor T and δ the intensity that minimises the expected
    squared error. Source: Ledoit & Wolf (2004), A well-conditioned estimator, Journal of Multivariate Analysis 88.
    """
    count, assets = returns.shape
    centred = returns - np.mean(returns, axis=0)
    covariance = centred.T @ centred / count
    mean = float(np.trace(covariance)) / assets
    squares = centred * centred
    spread = float(np.sum(covariance * covariance)) / assets - mean * mean
    noise = (float(np.sum(squares.T @ squares)) / count - float(np.sum(covariance * covariance))) / (assets * count)
    intensity = 0.0 if spread <= 0 else min(max(noise, 0.0), spread) / spread
    target = (1.0 - intensity) * covariance + intensity * mean * np.eye(assets)
    return Estimate(np.mean(returns, axis=0) * periods, target * periods, count)
