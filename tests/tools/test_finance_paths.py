"""What happens over time (portfolios, costs, rates, plans) against independent libraries, on real prices."""

from datetime import date
from decimal import Decimal

import numpy as np
import numpy_financial as npf
import pandas as pd
import pytest
from scipy import optimize, stats
from skfolio import Portfolio, RiskMeasure

from tests.tools import real_prices
from tools.finance import allocation, backtest, currency, estimates, fees, measuring, projection, returns, risk
from tools.finance.rebalancing import Position, Tariff, rebalance
from tools.finance.series import Floats, Series
from tools.finance.stressing import replayed, scenarios

NAMES, DAYS, PRICES = real_prices.shares()
FRAME = pd.DataFrame(PRICES, index=pd.DatetimeIndex(DAYS), columns=NAMES)
CHANGE = FRAME.pct_change().dropna()
SHARE = np.random.default_rng(5).dirichlet(np.ones(len(NAMES)))
CLOSE = {"rel": 1e-9, "abs": 1e-9}


def test_a_walk_without_costs_equals_skfolio_s_portfolio():
    held = backtest.walk(DAYS, PRICES, SHARE, "never")
    daily = backtest.walk(DAYS, PRICES, SHARE, "day")
    for walk, drifts in ((held, True), (daily, False)):
        theirs = Portfolio(X=CHANGE, weights=SHARE, weight_drift=drifts, compounded=True)
        assert walk.wealth[1:] == pytest.approx(np.cumprod(1 + theirs.returns), **CLOSE)
        assert risk.drawdowns(walk.wealth).max() == pytest.approx(theirs.max_drawdown, **CLOSE)
        assert float(risk.historical_cvar(returns.simple_returns(walk.wealth))) == pytest.approx(theirs.cvar, **CLOSE)


@pytest.mark.parametrize(("often", "rule"), [("month", "M"), ("quarter", "Q"), ("year", "Y")])
@pytest.mark.parametrize("rate", [0.0, 0.001, 0.01])
def test_a_walk_with_costs_equals_one_by_pandas_and_brent_s_roots(often: backtest.Rebalancing, rule: str, rate: float):
    def after(before: float, held: Floats) -> float:
        def missing(left: float) -> float:
            return left + rate * float(np.abs(SHARE * left - held).sum()) - before

        return float(optimize.brentq(missing, before / 2, before * 1.01, xtol=1e-13, rtol=1e-15))

    wealth, paid, moved = [], 0.0, 0.0
    start = after(1000.0, np.zeros(len(SHARE)))
    units = SHARE * start / PRICES[0]
    paid = 1000.0 - start
    periods = FRAME.index.to_period(rule)
    for place, row in enumerate(PRICES):
        value = float(units @ row)
        last_of_period = place + 1 < len(PRICES) and periods[place] != periods[place + 1]
        if place and last_of_period:
            left = after(value, units * row)
            moved += np.abs(SHARE * left - units * row).sum() / value
            paid += value - left
            units, value = SHARE * left / row, left
        wealth.append(value)
    walked = backtest.walk(DAYS, PRICES, SHARE, often, rate, 1000.0)
    assert walked.wealth == pytest.approx(wealth, rel=1e-9)
    assert (walked.costs, walked.traded) == pytest.approx((paid, moved), **CLOSE)


def test_returns_over_periods_equal_pandas_offsets():
    values = FRAME["AAPL"]
    found = {each.period: each for each in measuring.measure(DAYS, values.to_numpy()).returns}
    end = values.index[-1]
    offsets = {"1M": 1, "3M": 3, "6M": 6, "1Y": 12, "3Y": 36, "5Y": 60, "10Y": 120}
    for name, months in offsets.items():
        total = values.iloc[-1] / values.asof(end - pd.DateOffset(months=months)) - 1
        assert found[name].total == pytest.approx(total, **CLOSE), name
        if months >= 12:
            years = (end - (end - pd.DateOffset(months=months))).days / 365.25
            assert found[name].annualised == pytest.approx((1 + total) ** (1 / years) - 1, **CLOSE)
    assert found["YTD"].total == pytest.approx(values.iloc[-1] / values.asof(f"{end.year - 1}-12-31") - 1, **CLOSE)
    assert found["ALL"].total == pytest.approx(values.iloc[-1] / values.iloc[0] - 1, **CLOSE)


def test_a_drawdown_s_depth_and_days_equal_pandas():
    for name in NAMES[:6]:
        falls = 1 - FRAME[name] / FRAME[name].cummax()
        found = risk.maximum_drawdown(DAYS, FRAME[name].to_numpy())
        trough = falls.idxmax()
        peak = FRAME[name][:trough].idxmax()
        again = FRAME[name][trough:]
        again = again[again >= FRAME[name][peak]]
        assert found.depth == pytest.approx(falls.max(), **CLOSE)
        assert (found.peak, found.trough) == (peak.date(), trough.date())
        assert found.recovered == (again.index[0].date() if len(again) else None)


def test_shares_of_the_risk_equal_skfolio_s_contributions():
    found = allocation.risk_shares(SHARE, estimates.sample(CHANGE.to_numpy()).covariance)
    theirs = Portfolio(X=CHANGE, weights=SHARE).contribution(RiskMeasure.STANDARD_DEVIATION)
    assert found == pytest.approx(
        np.asarray(theirs).ravel() / np.sum(theirs), abs=1e-8
    )  # theirs is a difference quotient
    deviation = CHANGE.cov().to_numpy() @ SHARE
    assert found == pytest.approx(SHARE * deviation / (SHARE @ deviation), **CLOSE)


def test_a_comparison_with_the_index_equals_pandas():
    index = pd.Series(real_prices.index(), index=FRAME.index)
    found = measuring.compare(DAYS, PRICES[:, 0], index.to_numpy(), "INDEX", risk_free=0.02)
    pair = pd.DataFrame({"fund": FRAME.iloc[:, 0], "index": index})
    both = pair.pct_change().dropna()
    assert found.correlation == pytest.approx(both.corr().iloc[0, 1], **CLOSE)
    slope = stats.linregress(both["index"], both["fund"]).slope
    assert found.beta == pytest.approx(slope, **CLOSE)
    months = pair.resample("ME").last().pct_change().dropna()
    assert found.months_ahead == pytest.approx((months["fund"] > months["index"]).mean(), **CLOSE)
    years = (pair.index[-1] - pair.index[0]).days / 365.25
    growth = (pair.iloc[-1] / pair.iloc[0]) ** (1 / years) - 1
    assert found.active_return == pytest.approx(growth["fund"] - growth["index"], **CLOSE)


def test_values_in_another_currency_equal_pandas_joins():
    """Three columns stand for rates; one lacks days, and none is filled."""
    gaps = np.random.default_rng(2).random(len(DAYS)) < 0.9
    euro, yuan = FRAME.iloc[:, 3] / 100, FRAME.iloc[:, 4][gaps] / 10
    series = {"EURUSD": Series(DAYS, euro.to_numpy()), "USDCNY": Series(DAYS[gaps], yuan.to_numpy())}
    rate = currency.rates(series, currency.route(series, "CNY", "EUR"))
    fund = Series(DAYS, PRICES[:, 0])
    told = (FRAME.iloc[:, 0] / (euro * yuan)).dropna()
    found = currency.convert(fund, rate)
    assert found.values == pytest.approx(told.to_numpy(), **CLOSE)
    assert np.array_equal(found.days, told.index.to_numpy().astype("datetime64[D]"))


def test_scenarios_equal_pandas_on_the_prices_of_their_days():
    series = {name: Series(DAYS, FRAME[name].to_numpy()) for name in NAMES}
    covered = 0
    for scenario in scenarios():
        if scenario.shocks is not None:
            continue
        changes, missing = replayed(series, scenario)
        inside = scenario.start >= date(2010, 1, 4) and scenario.end <= DAYS[-1].astype(date)
        assert (missing == []) == inside, scenario.name
        for name, change in changes.items():
            told = FRAME[name].asof(str(scenario.end)) / FRAME[name].asof(str(scenario.start)) - 1
            assert change == pytest.approx(told, **CLOSE)
            covered += 1
    assert covered >= 60


@pytest.mark.parametrize(
    "costs", [fees.Costs(), fees.Costs(0.015, 0.005, 0.012), fees.Costs(0.01, 0.0, 0.008, 0.25, 0.03, 0.28)]
)
def test_wealth_after_fees_and_tax_equals_numpy_financial_year_by_year(costs: fees.Costs):
    gross = float(returns.annualised_return(real_prices.index_returns()))
    found = fees.drag(10_000.0, 20, gross, costs)
    paid_in = 10_000.0 * (1 - costs.entry)
    assert found.without_costs == pytest.approx(npf.fv(gross, 20, 0, -10_000.0), **CLOSE)
    net = (1 + gross) * (1 - costs.ongoing) - 1
    assert found.with_fees == pytest.approx(npf.fv(net, 20, 0, -paid_in) * (1 - costs.exit), **CLOSE)
    wealth, basis = paid_in, 10_000.0
    for _ in range(20):
        income = wealth * costs.income_yield
        basis += income * (1 - costs.income_tax)
        wealth = wealth * (1 + net) - income * costs.income_tax
    proceeds = wealth * (1 - costs.exit)
    final = proceeds - costs.gains_tax * max(proceeds - basis, 0.0)
    assert found.with_fees_and_tax == pytest.approx(final, **CLOSE)
    told = npf.rate(20, 0, -10_000.0, final, guess=0.05, tol=1e-14, maxiter=1000)
    assert found.reduction_in_yield == pytest.approx(gross - told, **CLOSE)


def test_a_projection_equals_scipy_s_distribution_and_numpy_financial_s_annuity():
    index = real_prices.index_returns()
    mean, deviation = float(index.mean() * 252), float(index.std(ddof=1) * np.sqrt(252))
    factors = projection.lognormal_factors(mean, deviation, 360, 200, 11)
    spread = np.log(1 + (deviation / (1 + mean)) ** 2)
    month = stats.lognorm(np.sqrt(spread / 12), scale=np.exp((np.log(1 + mean) - spread / 2) / 12))
    draws = np.random.default_rng(11).standard_normal((360, 200))
    assert factors == pytest.approx(month.ppf(stats.norm.cdf(draws)), rel=1e-9)
    year = stats.lognorm(np.sqrt(spread), scale=np.exp(np.log(1 + mean) - spread / 2))
    assert (year.mean() - 1, year.std()) == pytest.approx((mean, deviation), **CLOSE)

    plan = projection.Plan(20_000.0, 360, 500.0, 240, 1_500.0, 0.02)
    found = projection.project(plan, factors)
    wealth = pd.DataFrame(found.wealth)
    for path in range(5):
        left = plan.initial
        for step in range(360):
            flow = plan.saving if step < plan.saving_months else -plan.spending
            left = max(left * factors[step, path] + flow * 1.02 ** ((step + 1) / 12), 0.0)
        assert found.wealth[-1, path] == pytest.approx(left, rel=1e-9, abs=1e-9)
    told = wealth.quantile([0.05, 0.25, 0.5, 0.75, 0.95], axis=1).T.to_numpy()
    assert projection.percentiles(found.wealth) == pytest.approx(told, **CLOSE)

    rate = (1 + mean) ** (1 / 12) - 1
    certain = projection.project(projection.Plan(20_000.0, 240, 500.0, 240), np.full((240, 1), 1 + rate))
    assert certain.wealth[-1, 0] == pytest.approx(npf.fv(rate, 240, -500.0, -20_000.0), **CLOSE)


def test_bootstrapped_months_are_real_ones_in_blocks_of_the_mean_length():
    monthly = np.array([each for _, each in returns.calendar_returns(DAYS, real_prices.index(), "month")][1:])
    factors = projection.bootstrap_factors(monthly, 240, 400, 3)
    distance = np.abs(factors.ravel()[:, None] - 1 - monthly[None, :])
    index = distance.argmin(axis=1)
    assert distance[np.arange(len(index)), index].max() < 1e-12
    follows = np.mean(np.diff(index.reshape(factors.shape), axis=0) % len(monthly) == 1)
    assert follows == pytest.approx(1 - 1 / 6 + 1 / 6 / len(monthly), abs=0.01)


def test_money_weighted_returns_of_savings_in_real_shares_equal_numpy_financial_s():
    monthly = FRAME.resample("ME").last()
    for name in NAMES[:5]:
        units = (1000 / monthly[name].iloc[:-1]).sum()
        amounts = np.append(np.full(len(monthly) - 1, -1000.0), units * monthly[name].iloc[-1])
        days = np.arange(len(amounts)) * 73 + np.datetime64(
            "2000-01-01"
        )  # a fifth of 365 days, so that irr's steps fit
        step = npf.irr(amounts)
        assert returns.xirr(days, amounts) == pytest.approx((1 + step) ** 5 - 1, **CLOSE)


def test_orders_lie_within_a_lot_of_the_best_integers_that_milp_finds():
    """Lots make the optimum a whole number, not a decimal one: ours may miss SciPy's best by less than one lot."""
    prices = PRICES[-1, :8]
    target = SHARE[:8] / SHARE[:8].sum()
    total, lot = 250_000.0, 10
    positions = {
        NAMES[place]: Position(Decimal(f"{prices[place]:.4f}"), Decimal(lot), Decimal(0), float(target[place]))
        for place in range(8)
    }
    plan = rebalance(positions, Decimal("250000.00"), Tariff())
    units = {each.fund_id: float(each.units) for each in plan.trades}
    paid = np.array([units.get(name, 0.0) for name in NAMES[:8]]) * np.round(prices, 4)
    assert float(plan.cash) == pytest.approx(total - paid.sum(), abs=0.05)
    lots = prices * lot
    cost = np.concatenate([np.zeros(8), np.ones(8)])
    rows = [
        optimize.LinearConstraint(np.hstack([np.diag(lots), -np.eye(8)]), ub=target * total),
        optimize.LinearConstraint(np.hstack([-np.diag(lots), -np.eye(8)]), ub=-target * total),
        optimize.LinearConstraint(np.concatenate([lots, np.zeros(8)])[None, :], ub=total),
    ]
    best = optimize.milp(cost, constraints=rows, integrality=np.concatenate([np.ones(8), np.zeros(8)]))
    assert best.success
    missed = float(np.abs(paid - target * total).sum())
    assert best.fun - 0.1 <= missed <= best.fun + lots.max()
