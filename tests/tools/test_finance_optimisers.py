"""Allocations against independent libraries, on real prices: to 1e-9 where the library solves exactly (OSQP, SciPy).

skfolio's solvers are interior points: they agree in the objective, and in the weights as far as their gap goes.
"""

import numpy as np
import pandas as pd
import pytest
from skfolio import RiskMeasure
from skfolio.moments import EquilibriumMu
from skfolio.optimization import InverseVolatility, MeanRisk, ObjectiveFunction, RiskBudgeting
from skfolio.prior import BlackLitterman, EmpiricalPrior

from tests.tools import exact, real_prices
from tools.finance import allocation, black_litterman, estimates
from tools.finance.allocation import Bounds
from tools.finance.expected_shortfall import minimum_cvar
from tools.finance.risk import historical_cvar
from tools.finance.series import Floats

SOLVER = {"solver": "CLARABEL", "solver_params": {"tol_gap_abs": 1e-14, "tol_gap_rel": 1e-14, "tol_feas": 1e-14}}
RETURNS = real_prices.returns()[-1500:]
DAILY = estimates.sample(RETURNS, periods=1)
ANNUAL = estimates.sample(RETURNS)
COUNT = RETURNS.shape[1]


@pytest.fixture(params=[(0.0, 1.0), (0.01, 0.12)])
def bounds(request: pytest.FixtureRequest) -> Bounds:
    return Bounds.of(COUNT, *request.param)


def skfolio(bounds: Bounds, **arguments: object) -> Floats:
    model = MeanRisk(min_weights=bounds.lower[0], max_weights=bounds.upper[0], **SOLVER, **arguments)
    return np.asarray(model.fit(RETURNS).weights_)


def test_quadratic_optima_equal_osqp_s_to_the_ninth_decimal(bounds: Bounds):
    mu, sigma = ANNUAL.expected, ANNUAL.covariance
    least = allocation.minimum_variance(sigma, bounds)
    assert least == pytest.approx(exact.quadratic(sigma, np.zeros(COUNT), bounds), abs=1e-9)
    for aversion in (1.0, 3.0, 10.0):
        found = allocation.mean_variance(mu, sigma, aversion, bounds)
        assert found == pytest.approx(exact.quadratic(sigma, mu / aversion, bounds), abs=1e-9), aversion
    for weights in allocation.frontier(mu, sigma, bounds, 20)[1:-1]:
        told = exact.quadratic(sigma, np.zeros(COUNT), bounds, mu, float(weights @ mu))
        assert weights == pytest.approx(told, abs=1e-9)


def test_optima_of_a_ratio_and_under_a_volatility_equal_osqp_s_at_the_root_of_their_condition(bounds: Bounds):
    mu, sigma, free, most = ANNUAL.expected, ANNUAL.covariance, 0.02, 0.17

    def tangent(aversion: float, weights: Floats) -> float:
        return float((weights @ mu - free) / (weights @ sigma @ weights)) - aversion

    def too_much(_: float, weights: Floats) -> float:
        return float(np.sqrt(weights @ sigma @ weights)) - most

    best = allocation.maximum_sharpe(mu, sigma, free, bounds)
    assert best == pytest.approx(exact.at_aversion(mu, sigma, bounds, tangent), abs=1e-9)
    bounded = allocation.target_volatility(mu, sigma, most, bounds)
    assert bounded == pytest.approx(exact.at_aversion(mu, sigma, bounds, too_much), abs=1e-9)
    assert np.sqrt(bounded @ sigma @ bounded) <= most * (1 + 1e-12)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_least_expected_shortfall_equals_that_of_the_whole_linear_program(bounds: Bounds, confidence: float):
    ours = minimum_cvar(RETURNS, confidence, bounds)
    theirs, least = exact.expected_shortfall(RETURNS, confidence, bounds)
    assert float(historical_cvar(RETURNS @ ours, confidence)) == pytest.approx(least, abs=1e-12)
    assert ours == pytest.approx(theirs, abs=1e-9)


def test_risk_budgets_equal_those_of_minpack_s_root():
    for budgets in (np.full(COUNT, 1 / COUNT), np.arange(1.0, COUNT + 1) / sum(range(COUNT + 1))):
        ours = allocation.risk_parity(DAILY.covariance, budgets)
        assert ours == pytest.approx(exact.risk_budgets(DAILY.covariance, budgets), abs=1e-9)
    assert allocation.inverse_volatility(DAILY.covariance) == pytest.approx(
        InverseVolatility().fit(RETURNS).weights_, abs=1e-9
    )


def test_minimum_variance_is_skfolio_s(bounds: Bounds):
    ours, theirs = allocation.minimum_variance(DAILY.covariance, bounds), skfolio(bounds)
    assert ours @ DAILY.covariance @ ours <= theirs @ DAILY.covariance @ theirs * (1 + 1e-12)
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_maximum_sharpe_is_skfolio_s(bounds: Bounds):
    ours = allocation.maximum_sharpe(DAILY.expected, DAILY.covariance, 0.0, bounds)
    theirs = skfolio(bounds, objective_function=ObjectiveFunction.MAXIMIZE_RATIO)

    def ratio(weights: Floats) -> float:
        return float(weights @ DAILY.expected / np.sqrt(weights @ DAILY.covariance @ weights))

    assert ratio(ours) >= ratio(theirs) * (1 - 1e-10)
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_mean_variance_is_skfolio_s(bounds: Bounds):
    ours = allocation.mean_variance(DAILY.expected, DAILY.covariance, 6.0, bounds)
    theirs = skfolio(bounds, objective_function=ObjectiveFunction.MAXIMIZE_UTILITY, risk_aversion=3.0)

    def utility(weights: Floats) -> float:
        return float(weights @ DAILY.expected - 3 * weights @ DAILY.covariance @ weights)

    assert utility(ours) >= utility(theirs) - 1e-12
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_minimum_cvar_is_skfolio_s(bounds: Bounds):
    ours = minimum_cvar(RETURNS, 0.95, bounds)
    theirs = skfolio(bounds, risk_measure=RiskMeasure.CVAR, cvar_beta=0.95)
    loss = float(historical_cvar(RETURNS @ theirs, 0.95))
    assert float(historical_cvar(RETURNS @ ours, 0.95)) == pytest.approx(loss, abs=1e-10)
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_risk_parity_gives_every_share_its_budget_and_is_skfolio_s():
    ours = allocation.risk_parity(DAILY.covariance)
    assert allocation.risk_shares(ours, DAILY.covariance) == pytest.approx(np.full(COUNT, 1 / COUNT), abs=1e-14)
    theirs = RiskBudgeting(**SOLVER).fit(RETURNS).weights_
    assert ours == pytest.approx(theirs, abs=1e-5)  # theirs is an interior point: its shares miss theirs by 1e-5
    budgets = np.arange(1.0, COUNT + 1)
    shares = allocation.risk_shares(allocation.risk_parity(DAILY.covariance, budgets), DAILY.covariance)
    assert shares == pytest.approx(budgets / budgets.sum(), abs=1e-14)


def test_black_litterman_is_skfolio_s_and_its_weights_osqp_s(bounds: Bounds):
    names = [f"a{place}" for place in range(COUNT)]
    views = [f"{names[0]} == 0.0008", f"{names[3]} - {names[5]} == 0.0003"]
    prior = EquilibriumMu(risk_aversion=2.5, weights=np.full(COUNT, 1 / COUNT))

    model = BlackLitterman(views=views, tau=0.05, prior_estimator=EmpiricalPrior(mu_estimator=prior))
    model.fit(pd.DataFrame(RETURNS, columns=names))
    pick = np.zeros((2, COUNT))
    pick[0, 0], pick[1, 3], pick[1, 5] = 1.0, 1.0, -1.0
    opinions = black_litterman.Views(pick, np.array([0.0008, 0.0003]), np.array([0.5, 0.5]))
    found = black_litterman.posterior(DAILY.covariance, np.full(COUNT, 1 / COUNT), opinions, 2.5, 0.05)
    told = model.return_distribution_
    assert found.expected == pytest.approx(told.mu, rel=1e-9, abs=1e-15)
    assert found.covariance == pytest.approx(told.covariance, rel=1e-9, abs=1e-15)
    weights = allocation.mean_variance(found.expected, found.covariance, 2.5, bounds)
    assert weights == pytest.approx(exact.quadratic(told.covariance, told.mu / 2.5, bounds), abs=1e-9)


def test_the_frontier_rises_and_no_random_portfolio_lies_above_it(bounds: Bounds):
    shares = allocation.frontier(DAILY.expected, DAILY.covariance, bounds, 30)
    gain = [float(each @ DAILY.expected) for each in shares]
    variance = [float(each @ DAILY.covariance @ each) for each in shares]
    assert gain == sorted(gain)
    assert variance == sorted(variance)
    random = np.random.default_rng(0)
    for weights in random.dirichlet(np.full(COUNT, 0.3), 2000):
        if np.any(weights > bounds.upper) or np.any(weights < bounds.lower):
            continue
        reached = float(weights @ DAILY.expected)
        if reached > gain[0]:
            best = allocation.minimum_variance(DAILY.covariance, bounds, DAILY.expected, reached)
            assert best @ DAILY.covariance @ best <= weights @ DAILY.covariance @ weights * (1 + 1e-9)
