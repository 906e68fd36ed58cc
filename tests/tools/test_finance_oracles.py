"""The finance functions against independent libraries, on real prices."""

import empyrical
import numpy as np
import pandas as pd
import pytest
from skfolio import measures
from sklearn.covariance import ledoit_wolf

from tests.tools import real_prices
from tools.finance import estimates, measuring, ratios, returns, risk
from tools.finance.series import Floats

CLOSE = {"rel": 1e-9, "abs": 1e-9}
FREE = ratios.rate_a_period(0.02)


def series(values: Floats) -> pd.Series:
    _, days, _ = real_prices.shares()
    return pd.Series(values, index=pd.DatetimeIndex(days[1:]))


@pytest.fixture(params=range(0, 20, 3))
def one(request: pytest.FixtureRequest) -> Floats:
    return real_prices.returns()[:, request.param]


def test_ratios_equal_empyrical_s(one: Floats):
    market = real_prices.index_returns()
    assert float(returns.annualised_return(one)) == pytest.approx(empyrical.annual_return(one), **CLOSE)
    assert float(risk.volatility(one)) == pytest.approx(empyrical.annual_volatility(one), **CLOSE)
    assert float(risk.downside_deviation(one, FREE)) == pytest.approx(empyrical.downside_risk(one, FREE), **CLOSE)
    assert float(ratios.sharpe(one, FREE)) == pytest.approx(empyrical.sharpe_ratio(one, FREE), **CLOSE)
    assert float(ratios.sortino(one, FREE)) == pytest.approx(empyrical.sortino_ratio(one, FREE), **CLOSE)
    assert float(ratios.beta(one, market)) == pytest.approx(empyrical.beta(one, market), **CLOSE)
    assert float(ratios.alpha(one, market, FREE)) == pytest.approx(empyrical.alpha(one, market, FREE), **CLOSE)
    depth = risk.maximum_drawdown(real_prices.shares()[1], returns.growth(one)).depth
    assert depth == pytest.approx(-empyrical.max_drawdown(one), **CLOSE)
    calmar = ratios.calmar(float(returns.annualised_return(one)), depth)
    assert calmar == pytest.approx(empyrical.calmar_ratio(one), **CLOSE)
    up, down = ratios.capture(one, market)
    assert up == pytest.approx(empyrical.up_capture(series(one), series(market)), **CLOSE)
    assert down == pytest.approx(empyrical.down_capture(series(one), series(market)), **CLOSE)


def test_tail_measures_equal_skfolio_s(one: Floats):
    for confidence in (0.9, 0.95, 0.975, 0.99):
        found = float(risk.historical_var(one, confidence))
        assert found == pytest.approx(measures.value_at_risk(one, beta=confidence), **CLOSE)
        found = float(risk.historical_cvar(one, confidence))
        assert found == pytest.approx(measures.cvar(one, beta=confidence), **CLOSE)


def test_normal_tails_equal_scipy_s(one: Floats):
    from scipy import stats

    mean, deviation = one.mean(), one.std(ddof=1)
    for confidence in (0.9, 0.95, 0.99):
        normal = stats.norm(10 * mean, np.sqrt(10) * deviation)
        assert float(risk.normal_var(one, confidence, 10)) == pytest.approx(-normal.ppf(1 - confidence), **CLOSE)
        below = stats.truncnorm(-np.inf, stats.norm.ppf(1 - confidence), 10 * mean, np.sqrt(10) * deviation)
        assert float(risk.normal_cvar(one, confidence, 10)) == pytest.approx(-below.mean(), **CLOSE)


def test_matrices_equal_pandas_and_scikit_learn_s():
    frame = pd.DataFrame(real_prices.returns())
    assert ratios.correlation(real_prices.returns()) == pytest.approx(frame.corr().to_numpy(), **CLOSE)
    sample = estimates.sample(real_prices.returns())
    assert sample.covariance == pytest.approx(frame.cov().to_numpy() * 252, **CLOSE)
    assert sample.expected == pytest.approx(frame.mean().to_numpy() * 252, **CLOSE)
    shrunk, _ = ledoit_wolf(real_prices.returns())
    assert estimates.shrunk(real_prices.returns()).covariance == pytest.approx(shrunk * 252, **CLOSE)


def test_information_ratio_and_tracking_error_equal_pandas_s(one: Floats):
    market = real_prices.index_returns()
    active = pd.Series(one - market)
    assert ratios.tracking_error(one, market) == pytest.approx(active.std() * np.sqrt(252), **CLOSE)
    assert ratios.information_ratio(one, market) == pytest.approx(
        empyrical.excess_sharpe(one, market) * 252**0.5, **CLOSE
    )


def test_calendar_returns_equal_pandas_resampling():
    _, days, prices = real_prices.shares()
    frame = pd.Series(prices[:, 0], index=pd.DatetimeIndex(days))
    for frequency, rule in (("week", "W-SUN"), ("month", "ME"), ("quarter", "QE"), ("year", "YE")):
        ends = frame.resample(rule).last().dropna()
        expected = ends / ends.shift(1).fillna(frame.iloc[0]) - 1
        found = returns.calendar_returns(days, prices[:, 0], frequency)
        if ends.iloc[0] == frame.iloc[0]:
            expected = expected.iloc[1:]
        assert [each for _, each in found] == pytest.approx(expected.to_numpy(), **CLOSE), frequency


def test_every_figure_of_a_series_is_the_one_of_its_function():
    _, days, prices = real_prices.shares()
    found = measuring.measure(days, prices[:, 0], risk_free=0.02, confidence=0.975)
    one = real_prices.returns()[:, 0]
    assert found.sharpe == pytest.approx(empyrical.sharpe_ratio(one, FREE), **CLOSE)
    assert found.sortino == pytest.approx(empyrical.sortino_ratio(one, FREE), **CLOSE)
    assert found.expected_shortfall == pytest.approx(measures.cvar(one, beta=0.975), **CLOSE)
    assert found.total_return == pytest.approx(empyrical.cum_returns_final(one), **CLOSE)
    years = {each.period: each.total for each in found.calendar_years}
    yearly = empyrical.aggregate_returns(series(one), "yearly")
    assert [years[str(year)] for year in yearly.index] == pytest.approx(yearly.to_numpy(), **CLOSE)


def test_xirr_equals_an_independent_root_finder():
    from scipy.optimize import brentq

    random = np.random.default_rng(3)
    for _ in range(50):
        days = np.datetime64("2015-01-01") + np.sort(random.choice(3000, 12, replace=False))
        amounts = np.append(-random.uniform(10, 1000, 11), random.uniform(500, 20_000))
        years = (days - days[0]).astype(float) / 365

        def worth(rate: float, years: Floats = years, amounts: Floats = amounts) -> float:
            return float(np.sum(amounts / (1 + rate) ** years))

        assert returns.xirr(days, amounts) == pytest.approx(
            brentq(worth, -0.999, 900, xtol=1e-14, rtol=1e-14), rel=1e-9
        )
    published = returns.xirr(
        np.array(["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"], dtype="datetime64[D]"),
        np.array([-10_000.0, 2_750.0, 4_250.0, 3_250.0, 2_750.0]),
    )
    assert published == pytest.approx(0.373362535, abs=5e-9)  # Microsoft's documentation of XIRR
