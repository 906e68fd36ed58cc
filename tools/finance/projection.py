"""Wealth in the future: payments in and out over months, on many random paths."""

from dataclasses import dataclass

import numpy as np

from tools.errors import InvalidInput
from tools.finance.series import Floats


@dataclass(frozen=True, slots=True)
class Plan:
    """A saving or retirement plan. Amounts in one currency; rates are fractions a year.

    saving: paid in at the end of each of the first `saving_months`. spending: taken out at the end of each month after
    that. Both rise with `growth` a year from today on (inflation keeps their worth). months: in all.
    """

    initial: float
    months: int
    saving: float = 0.0
    saving_months: int = 0
    spending: float = 0.0
    growth: float = 0.0

    def flows(self) -> Floats:
        """The payment of each month: positive in, negative out."""
        month = np.arange(1, self.months + 1)
        amount = np.where(month <= self.saving_months, self.saving, -self.spending)
        return np.asarray(amount * (1.0 + self.growth) ** (month / 12.0), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Paths:
    """wealth: (months + 1, paths), never below zero. ruined: the month in which each path ran dry, 0 if it did not."""

    wealth: Floats
    ruined: np.ndarray[tuple[int], np.dtype[np.int64]]


def lognormal_factors(expected: float, deviation: float, months: int, paths: int, seed: int) -> Floats:
    """Monthly growth factors, independent and lognormal, (months, paths).

    Their year has mean 1 + expected and standard deviation `deviation`: s² = ln(1 + (σ / (1 + μ))²) and
    m = ln(1 + μ) − s²/2, each month normal with m / 12 and s / √12 in logs. Random numbers: PCG64 from the seed.
    Source: Campbell, Lo & MacKinlay (1997), 1.4.2; Hull, Options, Futures and Other Derivatives, ch. 15.
    """
    if not expected > -1 or not deviation >= 0:
        raise InvalidInput(f"an expected return of {expected:g} and a volatility of {deviation:g} are no distribution")
    spread = float(np.log1p((deviation / (1.0 + expected)) ** 2))
    drift = float(np.log1p(expected)) - spread / 2
    normal = np.random.default_rng(seed).standard_normal((months, paths))
    normal *= np.sqrt(spread / 12.0)
    normal += drift / 12.0
    return np.exp(normal, out=normal)


def bootstrap_factors(monthly: Floats, months: int, paths: int, seed: int, block: float = 6.0) -> Floats:
    """Monthly growth factors drawn from real months in blocks of random length (mean `block`), (months, paths).

    Keeps fat tails and part of the months' dependence. Source: Politis & Romano (1994), The stationary bootstrap.
    """
    if len(monthly) < 12:
        raise InvalidInput(f"a bootstrap from {len(monthly)} months says little; at least 12 are needed")
    random = np.random.default_rng(seed)
    fresh = random.random((months, paths)) < 1.0 / block
    fresh[0] = True
    jumps = random.integers(0, len(monthly), (months, paths))
    index = np.empty((months, paths), dtype=np.int64)
    index[0] = jumps[0]
    for month in range(1, months):
        index[month] = np.where(fresh[month], jumps[month], (index[month - 1] + 1) % len(monthly))
    return 1.0 + monthly[index]


def project(plan: Plan, factors: Floats) -> Paths:
    """W_m = max(W_{m−1} · factor_m + payment_m, 0); a path that cannot pay is ruined and stays at zero.

    Source: Bengen (1994) and Milevsky (2006), The Calculus of Retirement Income, probability of ruin.
    """
    months, paths = factors.shape
    flows = plan.flows()
    wealth = np.empty((months + 1, paths))
    wealth[0] = plan.initial
    ruined = np.zeros(paths, dtype=np.int64)
    for month in range(months):
        now = wealth[month + 1]
        np.multiply(wealth[month], factors[month], out=now)
        now += flows[month]
        if flows[month] < 0:
            dry = (now < 0.0) & (ruined == 0)
            ruined[dry] = month + 1
        if flows[month] < 0 or np.any(ruined):
            now[ruined > 0] = 0.0
    return Paths(wealth, ruined)


PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)


def percentiles(wealth: Floats) -> Floats:
    """(rows, 5): the 5th, 25th, 50th, 75th and 95th percentile of each row, linear between order statistics.

    Source: Hyndman & Fan (1996), definition 7.
    """
    return np.ascontiguousarray(np.percentile(wealth, PERCENTILES, axis=1).T)
