"""Real prices for tests: twenty US shares and an index, daily, as skfolio ships them."""

from functools import cache

import numpy as np
from skfolio.datasets import load_sp500_dataset, load_sp500_index

from tools.finance.series import Days, Floats, floats


@cache
def shares() -> tuple[tuple[str, ...], Days, Floats]:
    """(tickers, days, adjusted closing prices), 2010 to 2022."""
    frame = load_sp500_dataset().loc["2010-01-01":]
    return tuple(frame.columns), frame.index.to_numpy().astype("datetime64[D]"), floats(frame.to_numpy())


@cache
def index() -> Floats:
    """The S&P 500's closing values on the same days."""
    return floats(load_sp500_index().loc["2010-01-01":].iloc[:, 0].to_numpy())


@cache
def returns() -> Floats:
    _, _, prices = shares()
    return floats(prices[1:] / prices[:-1] - 1)


@cache
def index_returns() -> Floats:
    return floats(np.diff(index()) / index()[:-1])
