"""The portfolio whose worst days lose least."""

from typing import Final

import highspy
import numpy as np
from numpy.typing import NDArray

from tools.finance.allocation import Bounds, maximum_return
from tools.finance.faults import NoSolution
from tools.finance.risk import historical_cvar
from tools.finance.series import Floats, floats

_ROUNDS: Final = 2_000


class _Quiet(highspy.Highs):
    """HiGHS without its banner, which would go to standard output, where a command's JSON or an MCP stream goes."""

    def enableCallbacks(self) -> None:
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()


def minimum_cvar(
    returns: Floats, confidence: float, bounds: Bounds, expected: Floats | None = None, least: float = 0.0
) -> Floats:
    """argmin CVaR_confidence(−w'r) over the historical days, of the weights whose expected return is at least `least`.

    min a + Σ u_t / ((1 − c)·T) with u_t ≥ −w'r_t − a, u_t ≥ 0. Source: Rockafellar & Uryasev (2000), Optimization of
    conditional value-at-risk. Solved by cuts: CVaR is the largest mean loss over all tails of (1 − c)·T days, so each
    step adds the tail that is worst for the weights found and solves a small linear program (HiGHS), until the
    program's bound meets CVaR. Source of the cuts: Künzi-Bay & Mayer (2006), Computational Management Science 3.

    A vertex of the program. Unique on real prices, where the tests hold the weights to 1e-9 of those of the whole
    program (SciPy); where several share the minimum, such as with two funds that are one, only the loss is determined.
    """
    count = returns.shape[1]
    solver = _Quiet()
    solver.setOptionValue("primal_feasibility_tolerance", 1e-10)
    solver.setOptionValue("dual_feasibility_tolerance", 1e-10)
    infinity = highspy.kHighsInf
    scale = 1.0 / max(float(np.std(returns)), 1e-12)
    for place in range(count):
        solver.addVar(float(bounds.lower[place]), float(bounds.upper[place]))
    solver.addVar(-infinity, infinity)
    solver.changeColCost(count, 1.0)
    every: NDArray[np.int32] = np.arange(count + 1, dtype=np.int32)
    solver.addRow(1.0, 1.0, count, every[:count], np.ones(count, dtype=np.float64))
    if expected is not None:
        solver.addRow(float(least), infinity, count, every[:count], np.ascontiguousarray(expected))
    weights = maximum_return(floats(np.zeros(count)) if expected is None else expected, bounds)
    best, best_loss = weights, np.inf
    for _ in range(_ROUNDS):
        loss = float(historical_cvar(returns @ weights, confidence))
        if loss < best_loss:
            best, best_loss = weights, loss
        solver.addRow(
            -infinity, 0.0, count + 1, every, np.append(_tail_loss(returns, weights, confidence) * scale, -1.0)
        )
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise NoSolution("no weights within the bounds reach the expected return that is asked for")
        solution = np.asarray(solver.getSolution().col_value, dtype=np.float64)
        if best_loss * scale - solution[count] <= 1e-11:
            return best
        weights = np.clip(solution[:count], bounds.lower, bounds.upper)
        weights = weights / weights.sum()
    raise NoSolution(f"the least expected shortfall was not found in {_ROUNDS} steps; ask for fewer funds or days")


def _tail_loss(returns: Floats, weights: Floats, confidence: float) -> Floats:
    """The mean loss of each asset over the days on which this portfolio loses most: a subgradient of its CVaR."""
    tail = (1.0 - confidence) * len(returns)
    place = max(0, int(np.ceil(tail - 1e-9)) - 1)
    order = np.argpartition(returns @ weights, place)
    full = returns[order[:place]].sum(axis=0)
    return -(full / tail + returns[order[place]] * (1.0 - place / tail))
