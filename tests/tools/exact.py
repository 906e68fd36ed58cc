"""Optima to the last digits, by libraries that the tools do not use: OSQP with polishing, and SciPy.

An interior point stops at a gap of g in the objective, which leaves √g in the weights: skfolio's solvers reach 1e-5 to
1e-7 there. OSQP guesses which bounds hold and solves the optimality conditions of that guess as linear equations, which
leaves 1e-15.
"""

from collections.abc import Callable

import numpy as np
import osqp
from scipy import optimize, sparse

from tools.finance.allocation import Bounds
from tools.finance.series import Floats


def quadratic(
    covariance: Floats, linear: Floats, bounds: Bounds, expected: Floats | None = None, least: float = 0.0
) -> Floats:
    """argmin ½ w'Σw − linear'w with Σw = 1 within bounds and, where given, w'expected ≥ least."""
    count = len(linear)
    rows, low, high = [np.ones(count), np.eye(count)], [[1.0], bounds.lower], [[1.0], bounds.upper]
    if expected is not None:
        rows, low, high = [*rows, expected], [*low, [least]], [*high, [np.inf]]
    scale = float(np.max(np.diag(covariance)))
    solver = osqp.OSQP()
    solver.setup(
        sparse.csc_matrix(np.triu(covariance / scale)), -linear / scale, sparse.csc_matrix(np.vstack(rows)),
        np.concatenate(low), np.concatenate(high), verbose=False, polishing=True, polish_refine_iter=30,
        delta=1e-9, eps_abs=1e-10, eps_rel=1e-10, max_iter=400_000,
    )  # fmt: skip
    found = solver.solve(raise_error=True)
    assert found.info.status_polish == 1, "without polishing the weights are not exact"
    return np.asarray(found.x)


def at_aversion(expected: Floats, covariance: Floats, bounds: Bounds, told: Callable[[float, Floats], float]) -> Floats:
    """The mean-variance weights of the risk aversion λ at which told(λ, weights) is zero, by Brent's method."""

    def weights(aversion: float) -> Floats:
        return quadratic(covariance, expected / aversion, bounds)

    root = optimize.brentq(lambda each: told(each, weights(each)), 0.5, 500.0, xtol=1e-13, rtol=1e-14, maxiter=300)
    return weights(float(root))


def expected_shortfall(returns: Floats, confidence: float, bounds: Bounds) -> tuple[Floats, float]:
    """Rockafellar and Uryasev's program whole, a variable a day: (weights, least expected shortfall), at a vertex."""
    days, count = returns.shape
    scale = float(np.std(returns))
    cost = np.concatenate([np.zeros(count), [1.0], np.full(days, 1 / ((1 - confidence) * days))])
    above = sparse.hstack([-returns / scale, -np.ones((days, 1)), -sparse.eye_array(days)], format="csc")
    whole = np.concatenate([np.ones(count), np.zeros(days + 1)])[None, :]
    limits = [*zip(bounds.lower, bounds.upper, strict=True), (None, None), *[(0, None)] * days]
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = optimize.linprog(cost, above, np.zeros(days), whole, [1.0], limits, method="highs-ds", options=options)
    assert found.success, found.message
    return found.x[:count], float(found.fun * scale)


def risk_budgets(covariance: Floats, budgets: Floats) -> Floats:
    """The long-only weights whose shares of the variance are the budgets: MINPACK's root of x·(Σx) = b, in ln x."""
    deviations = np.sqrt(np.diag(covariance))
    matrix = covariance / np.outer(deviations, deviations)

    def excess(logs: Floats) -> Floats:
        x = np.exp(logs)
        return x * (matrix @ x) - budgets

    def slope(logs: Floats) -> Floats:
        x = np.exp(logs)
        return matrix * np.outer(x, x) + np.diag(x * (matrix @ x))

    found = optimize.root(excess, np.log(budgets), jac=slope, method="hybr", options={"xtol": 1e-15})
    assert np.max(np.abs(found.fun)) < 1e-14
    weights = np.exp(found.x) / deviations
    return weights / weights.sum()
