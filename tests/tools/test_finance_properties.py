"""What must hold for every portfolio, price path and plan."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tools.finance import allocation, backtest, currency, estimates, fees, measuring, projection, ratios, returns, risk
from tools.finance.allocation import Bounds
from tools.finance.expected_shortfall import minimum_cvar
from tools.finance.faults import MissingRate
from tools.finance.rebalancing import Position, Tariff, rebalance
from tools.finance.series import Floats, Series, align, floats

DAILY = st.floats(-0.2, 0.2).map(lambda each: round(each, 6))
RETURNS = arrays.arrays(np.float64, st.integers(25, 120), elements=DAILY)
SEEDS = st.integers(0, 2**32 - 1)
FAST = settings(max_examples=60, deadline=None)


def panel(seed: int, count: int, days: int = 160) -> Floats:
    random = np.random.default_rng(seed)
    shared = random.standard_t(4, (days, 2)) * 0.006
    noise = random.standard_t(5, (days, count)) * random.uniform(0.001, 0.02, count)
    return floats(shared @ random.normal(size=(2, count)) + noise + random.normal(0, 0.0005, count))


def calendar(count: int) -> np.ndarray:
    return np.datetime64("2020-01-01") + np.arange(count)


@given(change=RETURNS)
@FAST
def test_a_drawdown_is_a_share_of_the_peak_and_its_days_are_in_order(change: Floats):
    values = returns.growth(change)
    falls = risk.drawdowns(values)
    assert np.all((falls >= 0) & (falls < 1))
    found = risk.maximum_drawdown(calendar(len(values)), values)
    assert found.depth == falls.max()
    assert found.peak <= found.trough
    assert found.recovered is None or found.recovered >= found.trough


@given(change=RETURNS, confidence=st.sampled_from([0.5, 0.9, 0.95, 0.975, 0.99, 0.999]))
@FAST
def test_expected_shortfall_is_no_less_than_value_at_risk_and_rises_with_confidence(change: Floats, confidence: float):
    var, cvar = risk.historical_var(change, confidence), risk.historical_cvar(change, confidence)
    assert cvar >= var - 1e-15
    assert cvar <= -change.min() + 1e-15
    assert risk.historical_cvar(change, 0.5) <= cvar + 1e-15
    assert risk.normal_cvar(change, confidence) >= risk.normal_var(change, confidence) - 1e-15


@given(change=RETURNS, factor=st.floats(1e-3, 1e6), leverage=st.floats(0.1, 0.9))
@FAST
def test_figures_do_not_depend_on_the_unit_of_prices_and_scale_with_exposure(
    change: Floats, factor: float, leverage: float
):
    assume(change.std() > 1e-6)
    values = returns.growth(change)
    one, other = (
        measuring.measure(calendar(len(values)), values),
        measuring.measure(calendar(len(values)), values * factor),
    )
    assert one.total_return == pytest.approx(other.total_return, abs=1e-9)
    assert one.volatility == pytest.approx(other.volatility, rel=1e-9)
    assert one.maximum_drawdown.depth == pytest.approx(other.maximum_drawdown.depth, abs=1e-12)
    assert float(ratios.sharpe(change * leverage)) == pytest.approx(float(ratios.sharpe(change)), rel=1e-9)
    assert float(risk.volatility(change * leverage)) == pytest.approx(float(risk.volatility(change)) * leverage)
    assert float(risk.historical_cvar(change * leverage)) == pytest.approx(
        float(risk.historical_cvar(change)) * leverage, abs=1e-12
    )
    assert float(ratios.beta(change * leverage, change)) == pytest.approx(leverage)


@given(seed=SEEDS, count=st.integers(2, 25), low=st.floats(0, 1), high=st.floats(0, 1))
@FAST
def test_every_allocation_sums_to_one_within_its_bounds(seed: int, count: int, low: float, high: float):
    change = panel(seed, count)
    bounds = Bounds.of(count, low / count, 1 / count + high * (1 - 1 / count))
    estimate = estimates.shrunk(change)
    mu, sigma = estimate.expected, estimate.covariance
    found = {
        "minimum variance": allocation.minimum_variance(sigma, bounds),
        "mean-variance": allocation.mean_variance(mu, sigma, 3.0, bounds),
        "maximum return": allocation.maximum_return(mu, bounds),
        "cvar": minimum_cvar(change, 0.9, bounds),
        "frontier": allocation.frontier(mu, sigma, bounds, 3)[1],
    }
    if float(found["maximum return"] @ mu) > 1e-6:
        found["maximum sharpe"] = allocation.maximum_sharpe(mu, sigma, 0.0, bounds)
    for name, weights in found.items():
        assert weights.sum() == pytest.approx(1, abs=1e-10), name
        assert np.all(weights >= bounds.lower - 1e-12), name
        assert np.all(weights <= bounds.upper + 1e-12), name
    for weights in (allocation.risk_parity(sigma), allocation.inverse_volatility(sigma)):
        assert weights.sum() == pytest.approx(1, abs=1e-12)
        assert np.all(weights > 0)
    parity = allocation.risk_shares(allocation.risk_parity(sigma), sigma)
    assert parity == pytest.approx(np.full(count, 1 / count), abs=1e-10)


@pytest.mark.parametrize(("seed", "count", "low"), [(14, 24, 0.5), (21, 8, 0.0), (24, 24, 0.0)])
def test_bounds_that_leave_one_portfolio_give_it(seed: int, count: int, low: float):
    """Found by the property above: rounding made the solver call these bounds contradictory."""
    estimate, bounds = estimates.shrunk(panel(seed, count)), Bounds.of(count, low / count, 1 / count)
    for weights in (
        allocation.maximum_sharpe(estimate.expected, estimate.covariance, 0.0, bounds),
        allocation.minimum_variance(estimate.covariance, bounds),
        allocation.mean_variance(estimate.expected, estimate.covariance, 3.0, bounds),
    ):
        assert weights == pytest.approx(np.full(count, 1 / count), abs=1e-12)


@given(seed=SEEDS, count=st.integers(2, 12))
@FAST
def test_no_random_portfolio_beats_an_optimal_one(seed: int, count: int):
    change = panel(seed, count)
    estimate, bounds = estimates.sample(change), Bounds.of(count)
    least = allocation.minimum_variance(estimate.covariance, bounds)
    tail = minimum_cvar(change, 0.95, bounds)
    best = allocation.mean_variance(estimate.expected, estimate.covariance, 4.0, bounds)

    def utility(weights: Floats) -> float:
        return float(weights @ estimate.expected - 2 * weights @ estimate.covariance @ weights)

    for weights in np.random.default_rng(seed).dirichlet(np.full(count, 0.5), 200):
        assert weights @ estimate.covariance @ weights >= least @ estimate.covariance @ least - 1e-12
        assert risk.historical_cvar(change @ weights, 0.95) >= risk.historical_cvar(change @ tail, 0.95) - 1e-11
        assert utility(weights) <= utility(best) + 1e-10


@given(seed=SEEDS, factor=st.floats(0.01, 100))
@FAST
def test_allocations_do_not_depend_on_the_scale_of_the_covariance(seed: int, factor: float):
    sigma, bounds = estimates.sample(panel(seed, 8)).covariance, Bounds.of(8, 0.0, 0.5)
    first, second = allocation.minimum_variance(sigma, bounds), allocation.minimum_variance(sigma * factor, bounds)
    assert first == pytest.approx(second, abs=1e-8)
    assert allocation.risk_parity(sigma) == pytest.approx(allocation.risk_parity(sigma * factor), abs=1e-10)


MONEY = st.decimals(0, 200_000, places=2)
POSITIONS = st.lists(
    st.tuples(
        st.decimals("0.5", 500, places=4),
        st.sampled_from(["0.01", "1", "10", "100"]),
        st.decimals(0, 3000, places=2),
        st.integers(0, 10),
    ),
    min_size=1,
    max_size=8,
)


@given(held=POSITIONS, cash=MONEY, rate=st.decimals(0, "0.02", places=4), least=st.decimals(0, 20, places=2))
@settings(max_examples=300, deadline=None)
def test_rebalancing_never_spends_more_than_there_is_and_cash_is_conserved_to_the_cent(
    held: list[tuple[Decimal, str, Decimal, int]], cash: Decimal, rate: Decimal, least: Decimal
):
    total = sum(share for *_, share in held) + 1
    positions = {
        f"F{place}": Position(price, Decimal(lot), units, share / total)
        for place, (price, lot, units, share) in enumerate(held)
    }
    assume(cash + sum(each.price * each.units for each in positions.values()) > 0)
    plan = rebalance(positions, cash, Tariff(rate, least))
    sold = sum((trade.amount for trade in plan.trades if trade.lots < 0), Decimal(0))
    bought = sum((trade.amount for trade in plan.trades if trade.lots > 0), Decimal(0))
    costs = sum((trade.cost for trade in plan.trades), Decimal(0))
    assert plan.cash == cash + sold - bought - costs
    assert plan.cash >= 0
    assert len({trade.fund_id for trade in plan.trades}) == len(plan.trades)
    running = cash
    for trade in plan.trades:
        running += (trade.amount if trade.lots < 0 else -trade.amount) - trade.cost
        assert running >= 0
        position = positions[trade.fund_id]
        assert trade.units == position.lot * abs(trade.lots)
        assert trade.amount == trade.amount.quantize(Decimal("0.01"))
        if trade.lots < 0:
            assert trade.units <= position.units


@given(seed=SEEDS)
@FAST
def test_with_small_lots_and_no_costs_rebalancing_reaches_its_targets(seed: int):
    random = np.random.default_rng(seed)
    share = random.dirichlet(np.ones(5)) * 0.95
    prices = [Decimal(f"{each:.4f}") for each in random.uniform(1, 50, 5)]
    held = [Decimal(f"{each:.2f}") for each in random.uniform(0, 900, 5)]
    positions = {
        f"F{place}": Position(prices[place], Decimal("0.01"), held[place], float(share[place])) for place in range(5)
    }
    cash = Decimal("5000.00")
    total = cash + sum(each.price * each.units for each in positions.values())
    plan = rebalance(positions, cash, Tariff())
    units = {name: each.units for name, each in positions.items()}
    for trade in plan.trades:
        units[trade.fund_id] += trade.units if trade.lots > 0 else -trade.units
    for name, each in positions.items():
        assert float(each.price * units[name] / total) == pytest.approx(each.target, abs=5e-4)


@given(seed=SEEDS, cost=st.floats(0, 0.02), often=st.sampled_from(["never", "week", "month", "quarter"]))
@FAST
def test_a_backtest_is_self_financing(seed: int, cost: float, often: backtest.Rebalancing):
    change = panel(seed, 4, 300)
    values = returns.growth(change) * np.array([1.0, 20.0, 300.0, 0.5])
    days = calendar(301)
    share = np.array([0.4, 0.3, 0.2, 0.0])
    walked = backtest.walk(days, values, share, often, cost, 1000.0)
    free = backtest.walk(days, values, share, often, 0.0, 1000.0)
    assert walked.wealth[0] == pytest.approx(1000 / (1 + cost * 0.9), rel=1e-12)
    assert np.all(walked.wealth <= free.wealth * (1 + 1e-12))
    assert np.all(walked.wealth > 0)
    if often == "never":
        assert free.wealth[-1] == pytest.approx(1000 * (0.1 + share @ (values[-1] / values[0])), rel=1e-12)
    daily = backtest.walk(days, values, share, "day", 0.0, 1.0)
    assert daily.wealth == pytest.approx(returns.growth(change @ share), rel=1e-10)


@given(seed=st.integers(0, 10_000), spending=st.floats(0, 2000), saving=st.floats(0, 2000))
@FAST
def test_a_projection_repeats_with_its_seed_never_falls_below_zero_and_stays_ruined(
    seed: int, spending: float, saving: float
):
    plan = projection.Plan(50_000.0, 120, saving, 60, spending, 0.02)
    factors = projection.lognormal_factors(0.05, 0.15, 120, 200, seed)
    first, second = projection.project(plan, factors), projection.project(plan, factors.copy())
    assert np.array_equal(first.wealth, second.wealth)
    again = projection.lognormal_factors(0.05, 0.15, 120, 200, seed)
    assert np.array_equal(factors, again)
    assert np.all(first.wealth >= 0)
    for path in np.flatnonzero(first.ruined):
        assert np.all(first.wealth[first.ruined[path] :, path] == 0)
    bands = projection.percentiles(first.wealth)
    assert np.all(np.diff(bands, axis=1) >= 0)
    more = projection.project(projection.Plan(50_000.0, 120, saving + 100, 60, spending, 0.02), factors)
    assert np.all(more.wealth >= first.wealth)


def test_a_plan_that_pays_everything_is_ruined_only_by_the_month_after():
    paid = projection.project(projection.Plan(1000.0, 10, spending=100.0), np.ones((10, 1)))
    assert (paid.ruined[0], paid.wealth[-1, 0]) == (0, 0)
    assert projection.project(projection.Plan(1000.0, 12, spending=100.0), np.ones((12, 1))).ruined[0] == 11


def test_a_projection_s_years_have_the_mean_and_deviation_that_were_asked_for():
    factors = projection.lognormal_factors(0.06, 0.18, 12, 200_000, 4)
    year = factors.prod(axis=0) - 1
    assert year.mean() == pytest.approx(0.06, abs=0.0015)
    assert year.std() == pytest.approx(0.18, abs=0.0015)
    certain = projection.project(
        projection.Plan(1000.0, 24, 100.0, 24), projection.lognormal_factors(0.05, 0.0, 24, 2, 1)
    )
    month = 1.05 ** (1 / 12)
    assert certain.wealth[-1, 0] == pytest.approx(1000 * 1.05**2 + 100 * (month**24 - 1) / (month - 1), rel=1e-12)


@given(
    entry=st.floats(0, 0.05), ongoing=st.floats(0, 0.03), exit=st.floats(0, 0.05), tax=st.floats(0, 0.5),
    gross=st.floats(-0.05, 0.15), years=st.floats(0.5, 40),
)  # fmt: skip
@FAST
def test_fees_and_tax_never_add_wealth(
    entry: float, ongoing: float, exit: float, tax: float, gross: float, years: float
):
    told = fees.drag(1000.0, years, gross, fees.Costs(entry, exit, ongoing, tax, 0.02, tax))
    assert told.with_fees_and_tax <= told.with_fees + 1e-9 <= told.without_costs + 2e-9
    assert told.reduction_in_yield >= -1e-12
    free = fees.drag(1000.0, years, gross, fees.Costs())
    assert free.with_fees_and_tax == pytest.approx(free.without_costs, rel=1e-12)
    assert free.reduction_in_yield == pytest.approx(0, abs=1e-9)


@given(rate=st.floats(-0.5, 3.0), days=st.integers(30, 6000), amount=st.floats(1, 1e9))
@FAST
def test_xirr_of_one_payment_is_its_growth(rate: float, days: int, amount: float):
    when = np.array(["2001-05-17", "2001-05-17"], dtype="datetime64[D]")
    when[1] += days
    worth = amount * (1 + rate) ** (days / 365)
    assert returns.xirr(when, floats([-amount, worth])) == pytest.approx(rate, abs=1e-9)


@given(eur=st.floats(0.2, 5), cny=st.floats(0.2, 20), hkd=st.floats(0.2, 20))
@FAST
def test_crossed_rates_allow_no_arbitrage_and_a_missing_one_is_an_error(eur: float, cny: float, hkd: float):
    days = calendar(3)
    series = {
        "EURUSD": Series(days, np.full(3, eur)),
        "USDCNY": Series(days, np.full(3, cny)),
        "USDHKD": Series(days, np.full(3, hkd)),
    }

    def rate(source: str, target: str) -> float:
        return float(currency.rates(series, currency.route(series, source, target)).values[0])

    assert rate("EUR", "CNY") == pytest.approx(eur * cny)
    assert rate("HKD", "EUR") == pytest.approx(1 / (hkd * eur))
    assert rate("EUR", "HKD") * rate("HKD", "CNY") * rate("CNY", "EUR") == pytest.approx(1)
    with pytest.raises(MissingRate, match="GBP"):
        currency.route(series, "EUR", "GBP")


@given(seed=SEEDS)
@FAST
def test_aligned_series_share_their_days_and_nothing_is_filled(seed: int):
    random = np.random.default_rng(seed)
    series = {
        name: Series(np.sort(random.choice(calendar(60), 40, replace=False)), floats(random.uniform(1, 2, 40)))
        for name in "abc"
    }
    found = align(series, ("a", "b", "c"))
    expected = set.intersection(*({*each.days.tolist()} for each in series.values()))
    assert set(found.days.tolist()) == expected
    for name, each in series.items():
        told = dict(zip(each.days.tolist(), each.values.tolist(), strict=True))
        assert found.column(name).tolist() == [told[day] for day in found.days.tolist()]
